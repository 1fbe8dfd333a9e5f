"""The text of Word, PowerPoint and Excel files, by python-docx, python-pptx and openpyxl."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from .zip_limits import unpackable

__all__ = ["sheets", "slides", "word"]

# Columns that one cell of a Word table may span: Word's own limit of columns ("Operating parameter limitations and
# specifications in Word").
MAX_SPAN = 63


def word(file: BinaryIO, name: str) -> Iterator[str]:
    """Headings, paragraphs and tables, in the order of the document."""
    from docx import Document

    document = Document(unpackable(file, name))
    for block in document.iter_inner_content():
        text = _word_table(block) if hasattr(block, "rows") else _paragraph(block)
        if text.strip():
            yield text


def _paragraph(block: Any) -> str:
    style = str(getattr(block.style, "name", "") or "")
    level = style.removeprefix("Heading ")
    if style == "Title":
        return f"# {block.text}"
    if level != style and level.isdigit():
        return f"{'#' * min(int(level), 6)} {block.text}"
    return f"- {block.text}" if style.startswith("List") else str(block.text)


def _word_table(table: Any) -> str:
    """The rows of a table, a line each. What a cell spans beyond its first column is empty.

    `row.cells` repeats a cell for each column that its file declares, which can be a hundred million.
    """
    from docx.table import _Cell

    lines = []
    for row in table.rows:
        cells: list[str] = []
        for element in row._tr.tc_lst:
            cells.append(" ".join(_Cell(element, table).text.split()))
            cells += [""] * (min(element.grid_span, MAX_SPAN) - 1)
        lines.append(" | ".join(cells))
    return "\n".join(lines)


def slides(file: BinaryIO, name: str) -> Iterator[str]:
    """Each slide under its number: its texts, tables and notes."""
    from pptx import Presentation

    for number, slide in enumerate(Presentation(unpackable(file, name)).slides, 1):
        texts = [text for shape in slide.shapes for text in _shape_texts(shape) if text.strip()]
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            notes = slide.notes_slide.notes_text_frame.text
            texts += [f"Notes: {notes}"] * bool(notes.strip())
        if texts:
            yield "\n".join((f"[slide {number}]", *texts))


def _shape_texts(shape: Any) -> Iterator[str]:
    if getattr(shape, "has_text_frame", False):
        yield shape.text_frame.text
    elif getattr(shape, "has_table", False):
        yield _rows(shape.table.rows)
    else:
        for inner in getattr(shape, "shapes", ()):
            yield from _shape_texts(inner)


def _rows(table: Iterable[Any]) -> str:
    """The rows of a table, a line each."""
    return "\n".join(" | ".join(" ".join(cell.text.split()) for cell in row.cells) for row in table)


def sheets(file: BinaryIO, name: str) -> Iterator[str]:
    """Each sheet of a workbook under its name, a hundred rows at a time."""
    from .excel import sheet_rows, workbook

    with workbook(file, name) as book:
        for sheet in book.worksheets:
            lines = [f"[sheet {sheet.title}]"]
            for row in sheet_rows(sheet):
                lines.append(" | ".join(row))
                if len(lines) == 100:
                    yield "\n".join(lines)
                    lines = []
            yield "\n".join(lines)
