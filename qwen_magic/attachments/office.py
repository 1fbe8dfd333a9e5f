"""The text of Word, PowerPoint and Excel files, by python-docx, python-pptx and openpyxl."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from ..errors import InputError
from .attachment import Attachment
from .describing import human
from .limits import MB

__all__ = ["sheets", "slides", "unpackable", "word"]

# What a file may hold once it is unpacked: ours, against files that are made to fill a memory.
MAX_UNPACKED = 1024 * MB


def unpackable(data: bytes, name: str) -> BytesIO:
    """The file, if it does not unpack to more than a memory holds. Raises `InputError` otherwise."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        size = sum(each.file_size for each in archive.infolist())
    if size > MAX_UNPACKED:
        raise InputError(f"{name} unpacks to {human(size)}, more than can be read here.")
    return BytesIO(data)


def word(attachment: Attachment) -> Iterator[str]:
    """Headings, paragraphs and tables, in the order of the document."""
    from docx import Document

    document = Document(unpackable(attachment.data, attachment.name))
    for block in document.iter_inner_content():
        text = rows(block.rows) if hasattr(block, "rows") else paragraph(block)
        if text.strip():
            yield text


def paragraph(block: Any) -> str:
    style = str(getattr(block.style, "name", "") or "")
    level = style.removeprefix("Heading ")
    if style == "Title":
        return f"# {block.text}"
    if level != style and level.isdigit():
        return f"{'#' * min(int(level), 6)} {block.text}"
    return f"- {block.text}" if style.startswith("List") else str(block.text)


def slides(attachment: Attachment) -> Iterator[str]:
    """Each slide under its number: its texts, tables and notes."""
    from pptx import Presentation

    for number, slide in enumerate(Presentation(unpackable(attachment.data, attachment.name)).slides, 1):
        texts = [text for shape in slide.shapes for text in shape_texts(shape) if text.strip()]
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            notes = slide.notes_slide.notes_text_frame.text
            texts += [f"Notes: {notes}"] * bool(notes.strip())
        if texts:
            yield "\n".join((f"[slide {number}]", *texts))


def shape_texts(shape: Any) -> Iterator[str]:
    if getattr(shape, "has_text_frame", False):
        yield shape.text_frame.text
    elif getattr(shape, "has_table", False):
        yield rows(shape.table.rows)
    else:
        for inner in getattr(shape, "shapes", ()):
            yield from shape_texts(inner)


def rows(table: Iterable[Any]) -> str:
    """The rows of a table, a line each."""
    return "\n".join(" | ".join(" ".join(cell.text.split()) for cell in row.cells) for row in table)


def sheets(attachment: Attachment) -> Iterator[str]:
    """Each sheet of a workbook under its name, a hundred rows at a time."""
    from .spreadsheets import sheet_rows, workbook

    with workbook(unpackable(attachment.data, attachment.name), attachment.name) as book:
        for sheet in book.worksheets:
            lines = [f"[sheet {sheet.title}]"]
            for row in sheet_rows(sheet):
                lines.append(" | ".join(row))
                if len(lines) == 100:
                    yield "\n".join(lines)
                    lines = []
            yield "\n".join(lines)
