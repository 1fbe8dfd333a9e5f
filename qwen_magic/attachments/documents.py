"""Extracts the text of a document, for a model that reads no uploaded files: PDF, Office, EPUB, notebooks.

Reads page by page, and stops at a limit: the first hundred thousand characters of a book cost as much as those of a
leaflet. The libraries for PDF and Office are an extra, imported at first use, in a separate process
(`isolated_reader`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import BinaryIO

from ..core.errors import InputError
from ..core.translatable import _
from .attachment import MIMES, Attachment, Extracted
from .file_types import EPUB, OFFICE
from .isolated_reader import read_apart
from .size_limits import ENOUGH_SECONDS, INLINE_CHARACTERS, SEARCH_SECONDS, SEARCHED_CHARACTERS

__all__ = ["extract", "quotable", "text_of"]

EXTRA = _("Install it: %pip install qwen_magic[documents]")


def extract(file: BinaryIO, name: str, mime: str) -> Extracted | InputError:
    """The text of the document in an open file, read in a process of its own: as much as is quoted and searched.

    Returns, and does not raise, the `InputError` for a document that is damaged, locked or without text, and for a
    missing extra: a document can also be sent without its text.
    """
    try:
        (piece,) = read_apart("document", file, name, mime=mime)
    except InputError as error:
        return error.with_traceback(None)
    return Extracted(piece.data.decode(), **piece.facts)


def quotable(attachment: Attachment, characters: int) -> Extracted:
    """The text of a document, at most so many characters of it.

    Raises `InputError` for one that is damaged, locked or has no text, and when the extra is missing.
    """
    found = attachment.extracted or extract(BytesIO(attachment.data), attachment.name, attachment.mime)
    if isinstance(found, InputError):
        raise found.with_traceback(None)
    return found.first(characters)


def text_of(
    file: BinaryIO,
    name: str,
    mime: str,
    characters: int = SEARCHED_CHARACTERS,
    seconds: float = ENOUGH_SECONDS,
    search_seconds: float = SEARCH_SECONDS,
) -> Extracted:
    """The text of the document in an open file, at most so many characters.

    Reading stops after so many seconds, and after `search_seconds` when it has as much as a question can quote.
    """
    sections = _reader(name, mime)
    begun = time.monotonic()
    texts: list[str] = []
    size, more, remark = 0, False, _("its text")
    try:
        for section in sections(file, name):
            texts.append(section)
            size += len(section) + 2
            passed = time.monotonic() - begun
            if size > characters + 2 or (size > INLINE_CHARACTERS + 2 and passed > search_seconds):
                more = True
                break
            if passed > seconds:
                more, remark = True, _("its text, as far as it was read in {seconds:g} s", seconds=seconds)
                break
    except ImportError as error:
        raise InputError(
            _("{name} needs the package {error} to be read here.", name=name, error=error.name), EXTRA
        ) from None
    text = "\n\n".join(texts)
    if not text.strip():
        raise InputError(
            _("{name} has no text in it: it may be a scan.", name=name),
            _("Ask a model that reads uploaded documents (-m qwen-long), or attach its pages as images (-i)."),
        )
    return Extracted(text[:characters], more, remark)


def _reader(name: str, mime: str) -> Callable[[BinaryIO, str], Iterator[str]]:
    """The function that yields the sections of this kind of document."""
    from . import epub as books
    from . import ipynb as notebooks
    from . import office
    from . import pdf as pdfs

    readers: dict[str, Callable[[BinaryIO, str], Iterator[str]]] = {
        "application/pdf": pdfs.sections,
        f"{OFFICE}.wordprocessingml.document": office.word,
        f"{OFFICE}.presentationml.presentation": office.slides,
        f"{OFFICE}.spreadsheetml.sheet": office.sheets,
        EPUB: books.sections,
        "application/x-ipynb+json": notebooks.sections,
    }
    if mime not in readers:
        kind = MIMES.get(mime, mime).upper()
        raise InputError(
            _("{name} cannot be read here ({kind}).", name=name, kind=kind),
            _("Ask a model that reads uploaded documents (-m qwen-long)."),
        )
    return readers[mime]
