"""The text of a PDF, page by page, by pypdf. Not its pictures, and not what is written in them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from ..core.errors import InputError
from ..core.translatable import _

if TYPE_CHECKING:
    from pypdf import PdfReader

__all__ = ["sections"]


def sections(file: BinaryIO, name: str) -> Iterator[str]:
    """Each page that has text, under its number. Raises `InputError` for a PDF with a password."""
    from pypdf import PdfReader

    with _quiet("pypdf"):
        yield from _pages(PdfReader(file), name)


def _pages(reader: PdfReader, name: str) -> Iterator[str]:
    if reader.is_encrypted and not reader.decrypt(""):
        raise InputError(_("{name} is locked with a password.", name=name), _("Save a copy without it."))
    count = len(reader.pages)
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text().strip()
        if text:
            yield f"[page {number} of {count}]\n{text}"


@contextmanager
def _quiet(library: str) -> Iterator[None]:
    """Suppress the library's warnings, which report harmless flaws of a file."""
    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
