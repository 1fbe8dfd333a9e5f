"""What is in a document that is an archive (Office, EPUB), and whether it may be unpacked at all."""

from __future__ import annotations

import zipfile
from typing import BinaryIO, cast

from ..core.errors import InputError
from ..core.sizes import readable_size
from ..core.translatable import _
from .size_limits import MAX_DIRECTORY, MAX_ENTRIES, MAX_UNPACKED, MAX_XML

__all__ = ["listed", "unpackable"]

PICK = _("Unpack it, and attach the files in it that matter.")
TREES = (".xml", ".rels", ".xhtml", ".html", ".opf")


class _Bounded:
    """A file that gives no more than so many bytes at once: `zipfile` reads the list of an archive in one piece."""

    def __init__(self, file: BinaryIO, name: str, most: int) -> None:
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self._file, self._name, self._most = file, name, most

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, self._most + 1) if size >= 0 else self._most + 1)
        if len(data) > self._most:
            raise InputError(_("{name} holds too many files to be a document.", name=self._name), PICK)
        return data


def listed(file: BinaryIO, name: str) -> zipfile.ZipFile:
    """The archive in an open file, to see what is in it. Raises `InputError` for an endless list."""
    return zipfile.ZipFile(cast("BinaryIO", _Bounded(file, name, MAX_DIRECTORY)))


def unpackable(file: BinaryIO, name: str, streamed: str = "\0") -> BinaryIO:
    """The file, if it unpacks to what can be read here; what is in the folder `streamed` is not held in memory whole.

    Raises `InputError` otherwise.
    """
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    size = sum(each.file_size for each in entries)
    trees = sum(
        each.file_size
        for each in entries
        if each.filename.lower().endswith(TREES) and not each.filename.startswith(streamed)
    )
    if size > MAX_UNPACKED or trees > MAX_XML:
        raise InputError(
            _(
                "{name} unpacks to {size}, {trees} of it XML: more than can be read here.",
                name=name,
                size=readable_size(size),
                trees=readable_size(trees),
            ),
            _("Attach a part of it."),
        )
    if len(entries) > MAX_ENTRIES:
        raise InputError(
            _("{name} has {count:,} files in it: more than can be read here.", name=name, count=len(entries)), PICK
        )
    file.seek(0)
    return file
