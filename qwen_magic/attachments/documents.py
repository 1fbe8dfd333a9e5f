"""The text of a document, for a model that reads no uploaded files: PDF, Office, EPUB, notebooks.

Page after page, and no further than anybody wants to read: the first hundred thousand characters of a book cost as
much as those of a leaflet. The libraries for PDF and Office are an extra, imported when the first of its kind comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import InputError
from .attachment import MIMES, Attachment
from .kinds import EPUB, OFFICE

__all__ = ["Extracted", "extract"]

EXTRA = "Install it: %pip install qwen_magic[documents]"


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text, whether there was `more` than was asked for, and a remark for model and person."""

    text: str
    more: bool
    remark: str


def extract(attachment: Attachment, characters: int) -> Extracted:
    """The text of a document, at most so many characters of it.

    Raises `InputError` for one that is damaged, locked or has no text, and when the extra is missing.
    """
    sections = reader(attachment)
    texts: list[str] = []
    size = 0
    more = False
    try:
        for section in sections(attachment):
            texts.append(section)
            size += len(section) + 2
            if size > characters + 2:
                more = True
                break
    except InputError:
        raise
    except ImportError as error:
        raise InputError(f"{attachment.name} needs the package {error.name} to be read here.", EXTRA) from None
    except Exception as error:  # whatever a library raises on a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{attachment.name} cannot be read ({reason}).", "Is it damaged?") from None
    text = "\n\n".join(texts)
    if not text.strip():
        raise InputError(
            f"{attachment.name} has no text in it: it may be a scan.",
            "Ask a model that reads uploaded documents (-m qwen-long), or attach its pages as images (-i).",
        )
    return Extracted(text[:characters], more, "its text")


def reader(attachment: Attachment) -> Callable[[Attachment], Iterator[str]]:
    """What reads this kind of document, section by section."""
    from . import books, notebooks, office, pdfs

    readers: dict[str, Callable[[Attachment], Iterator[str]]] = {
        "application/pdf": pdfs.sections,
        f"{OFFICE}.wordprocessingml.document": office.word,
        f"{OFFICE}.presentationml.presentation": office.slides,
        f"{OFFICE}.spreadsheetml.sheet": office.sheets,
        EPUB: books.sections,
        "application/x-ipynb+json": notebooks.sections,
    }
    if attachment.mime not in readers:
        kind = MIMES.get(attachment.mime, attachment.mime).upper()
        raise InputError(
            f"{attachment.name} cannot be read here ({kind}).",
            "Ask a model that reads uploaded documents (-m qwen-long).",
        )
    return readers[attachment.mime]
