"""Parquet and Arrow files, described from what stands in their footers, by pyarrow; small ones are read whole."""

from __future__ import annotations

from typing import Any, BinaryIO

from ..errors import InputError
from .attachment import Attachment
from .describing import Column, Table, cell, human, markdown
from .opening import sized

__all__ = ["read_columnar"]

# Ours: a table of up to so many values is read whole, and of a larger one no more than its first rows.
MAX_VALUES = 2_000_000


def read_columnar(file: BinaryIO, name: str, rows: int | None) -> Attachment:
    """The description of a Parquet or Arrow file, with so many of its first and last rows; of `None`, no values.

    Raises `InputError`.
    """
    size = sized(file)
    try:
        import pyarrow  # type: ignore[import-untyped]  # it has no types of its own

        table = (parquet if file.read(4) == b"PAR1" else arrow)(file, name, rows or 0)
    except ImportError:
        raise InputError(
            f"{name} needs the package pyarrow to be read here.",
            "Install it: %pip install qwen_magic[tables]; or load the file, and attach the DataFrame (-v NAME).",
        ) from None
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{name} cannot be read ({' '.join(str(error).split())[:200]}).", "Is it damaged?") from None
    note = f"described: {human(size)}, {table.shape}"
    text = markdown(table, values=rows is not None)
    return Attachment(name, "table", "description", text.encode(), "text/markdown", note)


def parquet(file: BinaryIO, name: str, rows: int) -> Table:
    from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]  # it has no types of its own

    file.seek(0)
    opened = ParquetFile(file)
    footer = opened.metadata
    if footer.num_rows * footer.num_columns <= MAX_VALUES:
        return in_full(opened.read(), name, rows)
    batches = opened.iter_batches(batch_size=max(rows, 1))
    columns = tuple(from_footer(footer, index, field) for index, field in enumerate(opened.schema_arrow))
    return Table(name, footer.num_rows, columns, strings(next(batches, None), rows), remarks=(FOOTER,))


FOOTER = "Read from its footer: only its first rows are shown."


def from_footer(footer: Any, index: int, field: Any) -> Column:
    """A column's facts, put together from those of the row groups; nested columns have none of their own."""
    path = footer.schema.column(index).path if index < footer.num_columns else ""
    groups = (
        [footer.row_group(number).column(index) for number in range(footer.num_row_groups)]
        if path == field.name
        else []
    )
    facts = [group.statistics for group in groups]
    if not facts or not all(facts):
        return Column(field.name, str(field.type), None)
    missing = sum(each.null_count for each in facts) if all(each.has_null_count for each in facts) else None
    ranges = [each for each in facts if each.has_min_max]
    known = bool(ranges) and len(ranges) == len([each for each in facts if each.num_values])
    values = f"{short(min(each.min for each in ranges))} – {short(max(each.max for each in ranges))}" if known else ""
    return Column(field.name, str(field.type), missing, values)


def arrow(file: BinaryIO, name: str, rows: int) -> Table:
    from pyarrow import feather, ipc

    file.seek(0)
    if file.read(4) == b"FEA1":
        file.seek(0)
        return in_full(feather.read_table(file), name, rows)
    file.seek(0)
    opened = ipc.open_file(file)
    first = opened.get_batch(0) if opened.num_record_batches else None
    values = first.num_rows * len(opened.schema) * opened.num_record_batches if first is not None else 0
    if values <= MAX_VALUES:
        return in_full(opened.read_all(), name, rows)
    columns = tuple(Column(field.name, str(field.type), None) for field in opened.schema)
    estimate = first.num_rows * opened.num_record_batches if first is not None else 0
    return Table(name, estimate, columns, strings(first, rows), estimated=True, remarks=(FOOTER,))


def in_full(table: Any, name: str, rows: int) -> Table:
    import narwhals as nw

    from .dataframes import frame_table

    return frame_table(name, nw.from_native(table), rows)


def strings(batch: Any, rows: int) -> list[list[str]]:
    if batch is None:
        return []
    return [[short(value) for value in row.values()] for row in batch.slice(0, rows).to_pylist()]


def short(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else cell(str(value))
