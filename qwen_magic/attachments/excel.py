"""Excel workbooks, described sheet by sheet, by openpyxl in its reading mode: a sheet is never in memory whole."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, BinaryIO

from ..core.errors import InputError
from ..core.sizes import readable_size
from ..core.translatable import _
from .attachment import Attachment
from .csv_files import headed
from .file_access import sized
from .size_limits import MB
from .table_summary import TableSummary, column, markdown
from .zip_limits import unpackable

__all__ = ["read_spreadsheet", "sheet_rows", "workbook"]

# Ours: rows of a sheet that are looked at, sheets that are described, and columns.
MAX_ROWS = 20_000
MAX_SHEETS = 20
MAX_COLUMNS = 500
# Cells of all sheets together that are looked at: openpyxl takes some ten microseconds for each.
MAX_CELLS = 500_000
# Rows that a sheet can have, whatever a file says ("Excel specifications and limits").
MOST_ROWS = 1_048_576
# A formula without its result, as libraries write it that cannot compute; Excel's own empty text has the type `str`
# (ECMA-376, part 1, 18.3.1.4). It is looked for in so many bytes of each sheet.
UNCOMPUTED = re.compile(rb'<c\b(?![^<>]*t="str")[^<>]*>\s*<f\b[^<>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>|</c>)')
LOOKED_AT = 16 * MB
# The folder of an archive that has the sheets inside, as Excel and every library names it.
SHEETS = "xl/worksheets/"
EXTRA = _("Install it: %pip install qwen_magic[documents]")


def read_spreadsheet(file: BinaryIO, name: str, rows: int | None) -> Attachment:
    """The description of a workbook, with so many of each sheet's first and last rows; of `None`, no values.

    Raises `InputError`.
    """
    size = sized(file)
    with workbook(file, name) as book:
        sheets = book.worksheets[:MAX_SHEETS]
        cells = MAX_CELLS // max(len(sheets), 1)
        found = {sheet: table for sheet in sheets if (table := _described(sheet, name, rows or 0, cells))}
        hidden = ", ".join(sheet.title for sheet in found if sheet.sheet_state != "visible")
        left_out = len(book.worksheets) - MAX_SHEETS
    blank = _uncomputed(file)
    tables = list(found.values())
    if not tables:
        raise InputError(_("{name} has no cells with anything in them.", name=name))
    text = "\n".join(
        markdown(table, values=rows is not None) for table in tables
    ) + f"\nAnd {left_out} more sheets.\n" * (left_out > 0)
    text += f"\nFormulas without a result in the file, shown as empty cells: {blank:,}.\n" * (blank > 0)
    shape = tables[0].shape if len(tables) == 1 else f"{len(tables)} sheets"
    note = f"described: {readable_size(size)}, {shape}" + f", hidden ones among them: {hidden}" * bool(hidden)
    return Attachment(name, "table", "description", text.encode("utf-8", "backslashreplace"), "text/markdown", note)


def _uncomputed(file: BinaryIO) -> int:
    """How many formulas have no result in the file, which openpyxl reads as empty cells."""
    count = 0
    with zipfile.ZipFile(file) as archive:
        for name in [each for each in archive.namelist() if each.startswith(f"{SHEETS}sheet")][:MAX_SHEETS]:
            with archive.open(name) as sheet:
                count += len(UNCOMPUTED.findall(sheet.read(LOOKED_AT)))
    return count


@contextmanager
def workbook(file: BinaryIO, name: str) -> Iterator[Any]:
    """An open workbook: values and not formulas. Raises `InputError` when openpyxl is not installed."""
    try:
        import openpyxl  # type: ignore[import-untyped]  # it has no types of its own
    except ImportError:
        raise InputError(_("{name} needs the package openpyxl to be read here.", name=name), EXTRA) from None
    book = openpyxl.load_workbook(unpackable(file, name, streamed=SHEETS), read_only=True, data_only=True)
    try:
        yield book
    finally:
        book.close()


def sheet_rows(sheet: Any) -> Iterator[list[str]]:
    """The rows of a sheet that have anything in them, as text."""
    width = min(sheet.max_column or MAX_COLUMNS, MAX_COLUMNS)
    # openpyxl fills every gap between two rows with empty ones.
    for row in islice(sheet.iter_rows(values_only=True, max_col=width), MOST_ROWS):
        if any(value is not None for value in row):
            cells = [_text(value) for value in row]
            if any(cells):
                yield cells


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.15g}" if isinstance(value, float) else str(value).removesuffix(" 00:00:00")


def _described(sheet: Any, name: str, rows: int, cells: int) -> TableSummary | None:
    """The facts of a sheet, of which no more than so many cells are looked at."""
    most = min(MAX_ROWS, cells // min(sheet.max_column or MAX_COLUMNS, MAX_COLUMNS))
    table = list(islice(sheet_rows(sheet), most + 1))
    if not table:
        return None
    header, body = headed(_trimmed(table))
    complete = len(table) <= most
    count = len(body) if complete else max(min(sheet.max_row or 0, MOST_ROWS) - 1, len(body))
    columns = tuple(column(title, [row[index] for row in body]) for index, title in enumerate(header))
    cut = complete and len(body) > 2 * rows
    remarks = (f"The facts on its columns are from its first {len(body):,} rows.",) * (not complete)
    return TableSummary(
        f"{name}, sheet {sheet.title}",
        count,
        columns,
        body[: rows if cut or not complete else 2 * rows],
        body[-rows:] if cut and rows else (),
        estimated=not complete,
        remarks=remarks,
    )


def _trimmed(table: list[list[str]]) -> list[list[str]]:
    """All rows as wide as the widest that has something at its end."""
    width = max(max((index for index, each in enumerate(row, 1) if each), default=0) for row in table)
    return [(row + [""] * width)[:width] for row in table]
