"""Passes each open file to the reader of its type. A reader's libraries are imported at first use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import BinaryIO

from ..core.errors import InputError
from ..core.translatable import _, listed
from .attachment import Attach, Attachment
from .file_access import sized
from .file_types import FileType
from .isolated_reader import read_apart
from .secret_scanner import refuse_secrets, unsearched
from .size_limits import MAX_DOCUMENT, MB
from .text_encoding import decodes, encoding_of

__all__ = ["Opened", "read"]

# A table of values up to this size, in bytes, goes as it is.
SMALL = 8_000
# What Python decodes bytes to that are no character in their encoding.
REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that is open and recognised; `page` is true for a web page."""

    name: str
    file: BinaryIO
    kind: FileType
    page: bool = False

    @property
    def is_image(self) -> bool:
        return self.kind.reader == "image"


def read(opened: Opened, attach: Attach) -> Iterable[Attachment]:
    """Read an open file: one attachment, or one for each page of a TIFF.

    Raises `InputError` for a file that cannot be read, or has a secret in it.
    """
    attachments = tuple(_attachments_of(opened, attach))
    if attach.force:
        return attachments
    for each in attachments:
        refuse_secrets(each, attach.keys)
    return tuple(replace(each, upload_note=unsearched(each)) for each in attachments)


def _attachments_of(opened: Opened, attach: Attach) -> Iterable[Attachment]:
    match opened.kind.reader:
        case "image":
            from .images import read_images

            return read_images(opened.file, opened.name, attach.limits)
        case "delimited" if not attach.values or (not attach.as_documents and sized(opened.file) > SMALL):
            from .csv_files import read_delimited

            return (read_delimited(opened.file, opened.name, attach.shown_rows),)
        case "columnar":
            return (_described(opened, attach),)
        case "spreadsheet" if not attach.values or not attach.as_documents:
            _refuse_large(opened.file, opened.name, _("Save it as CSV, which can be of any size."))
            return (_described(opened, attach),)
        case "document" | "spreadsheet":
            return (_read_document(opened, attach),)
    return (_read_text(opened),)


def _described(opened: Opened, attach: Attach) -> Attachment:
    """The description of a table, made in a process of its own."""
    (piece,) = read_apart(opened.kind.reader, opened.file, opened.name, rows=attach.shown_rows)
    return Attachment(data=piece.data, **piece.facts)


def _refuse_large(file: BinaryIO, name: str, remedy: str) -> None:
    """Raises `InputError` for a file of more bytes than the service takes."""
    if sized(file) > MAX_DOCUMENT:
        raise InputError(
            _(
                "{name} is larger than {max_document} MB, the most that the service reads.",
                name=name,
                max_document=MAX_DOCUMENT // MB,
            ),
            remedy,
        )


def _whole(file: BinaryIO, name: str) -> bytes:
    """All bytes of an open file. Raises `InputError` for more than the service takes."""
    _refuse_large(file, name, _("Attach a part of it."))
    return file.read()


def _read_document(opened: Opened, attach: Attach) -> Attachment:
    """A document as a file, with its extracted text if that is needed."""
    from .documents import extract

    data = _whole(opened.file, opened.name)
    needed = not (attach.force and attach.as_documents)
    text = extract(BytesIO(data), opened.name, opened.kind.mime) if needed else None
    return Attachment(opened.name, "document", "document", data, opened.kind.mime, extracted=text)


def _read_text(opened: Opened) -> Attachment:
    """A text, in UTF-8 whatever it was before; of a web page its words."""
    data = _whole(opened.file, opened.name)
    encoding = encoding_of(data)
    text = data.decode(encoding, "replace")
    note, language = "", opened.kind.language
    if "\0" in text:
        raise InputError(_("{name} is not text: it holds zero bytes.", name=opened.name))
    if opened.page:
        (piece,) = read_apart("page", BytesIO(text.encode("utf-8", "replace")), opened.name)
        text, note, language = piece.data.decode(), _("the words of the page"), "text"
    elif encoding not in ("utf-8", "utf-8-sig"):
        note = _("read as {encoding}", encoding=encoding.upper().removesuffix("-LE").removesuffix("-BE"))
    if REPLACED in text and not decodes(data, encoding):
        note = listed((note, _("what is no character shown as {sign}", sign=REPLACED)))
    if not text.strip():
        raise InputError(_("{name} is blank: there is nothing in it to read.", name=opened.name))
    kept = data if not note else text.encode("utf-8")
    return Attachment(opened.name, "text", "text", kept, "text/plain", note, language)
