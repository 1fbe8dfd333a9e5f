"""Stores files from the browser, piece by piece, in a temporary folder that is deleted with the kernel."""

from __future__ import annotations

from itertools import count
from pathlib import Path, PurePosixPath, PureWindowsPath
from tempfile import TemporaryDirectory

from ..core.errors import InputError
from ..core.translatable import _

__all__ = ["BrowserUploads"]

# The most that one file may have: what the service takes (its docs, "OpenAI compatible - File", Oct 2026).
LARGEST = 150 * 1024 * 1024

# Bytes of a file's name: most file systems take 255.
LONGEST_NAME = 200


class BrowserUploads:
    """The files that were uploaded to one panel. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None
        self._files: dict[str, Path] = {}
        self._numbers = count(1)

    def add(self, id: str, name: str, piece: bytes | memoryview) -> tuple[Path, int]:
        """Append a piece to the file `id`; return its path, and its size so far in bytes.

        Raises `InputError` if it becomes too large.
        """
        if id not in self._files:
            self._files[id] = self._place(name)
        path = self._files[id]
        with path.open("ab") as file:
            size = file.tell() + len(piece)
            if size <= LARGEST:
                file.write(piece)
        if size > LARGEST:
            path.unlink()
            raise InputError(
                _("{name} is larger than {largest} MB.", name=name, largest=LARGEST >> 20),
                _("That is more than the service takes."),
            )
        return path, size

    def close(self) -> None:
        """Delete them all."""
        if self._folder is not None:
            self._folder.cleanup()

    def _place(self, name: str) -> Path:
        """A path for a file of this name, in a separate folder, so that it keeps its name."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="qwen-magic-")
        folder = Path(self._folder.name) / str(next(self._numbers))
        folder.mkdir()
        return folder / _plain(name)


def _plain(name: str) -> str:
    """The name without folders, control characters, and what a file system does not take.

    A dot at its beginning stays: the scanner recognises `.env` by it.
    """
    last = PurePosixPath(PureWindowsPath(name).name).name
    kept = "".join("_" if letter in '<>:"|?*\0' or ord(letter) < 32 else letter for letter in last).strip().rstrip(". ")
    return kept.encode("utf-8", "ignore")[-LONGEST_NAME:].decode("utf-8", "ignore") or "file"
