"""Parquet and Arrow files, described from what stands in their footers, by pyarrow; small ones are read whole.

pyarrow trusts the numbers in a file: every batch is validated before a value of it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO

from ..core.errors import InputError
from ..core.sizes import readable_size
from ..core.translatable import _
from .attachment import Attachment
from .file_access import sized
from .size_limits import MAX_TABLE_BYTES, MAX_VALUES
from .table_summary import ColumnSummary, TableSummary, cell, markdown

__all__ = ["read_columnar"]

# Rows that are decoded at once: a few bytes of a file can stand for a long value in every row.
BATCH = 256


def read_columnar(file: BinaryIO, name: str, rows: int | None) -> Attachment:
    """The description of a Parquet or Arrow file, with so many of its first and last rows; of `None`, no values.

    Raises `InputError`.
    """
    size = sized(file)
    try:
        table = (_parquet if file.read(4) == b"PAR1" else _arrow)(file, name, rows or 0)
    except ImportError:
        raise InputError(
            _("{name} needs the package pyarrow to be read here.", name=name),
            _("Install it: %pip install qwen_magic[tables]; or load the file, and attach the DataFrame (-v NAME)."),
        ) from None
    note = f"described: {readable_size(size)}, {table.shape}"
    text = markdown(table, values=rows is not None).encode("utf-8", "backslashreplace")
    return Attachment(name, "table", "description", text, "text/markdown", note)


def _parquet(file: BinaryIO, name: str, rows: int) -> TableSummary:
    from pyarrow.parquet import ParquetFile  # type: ignore[import-untyped]  # it has no types of its own

    file.seek(0)
    opened = ParquetFile(file)
    footer = opened.metadata
    if footer.num_rows * footer.num_columns <= MAX_VALUES:
        table = _small(opened.schema_arrow, opened.iter_batches(batch_size=BATCH))
        if table is not None:
            return _in_full(table, name, rows)
    first = next(_valid(opened.iter_batches(batch_size=max(rows, 1))), None)
    columns = tuple(_from_footer(footer, index, field) for index, field in enumerate(opened.schema_arrow))
    return TableSummary(name, footer.num_rows, columns, _strings(first, rows), remarks=(FOOTER,))


FOOTER = "Read from its footer: only its first rows are shown."


def _valid(batches: Iterable[Any]) -> Iterator[Any]:
    """The batches, whose offsets and lengths stay within their buffers. Raises `ArrowInvalid`."""
    for batch in batches:
        batch.validate(full=True)
        yield batch


def _small(schema: Any, batches: Iterable[Any]) -> Any:
    """The table of the batches; `None` if it exceeds the limit for whole tables, whatever the footer has."""
    import pyarrow  # type: ignore[import-untyped]  # it has no types of its own

    kept, size, values = [], 0, 0
    for batch in _valid(batches):
        kept.append(batch)
        size += batch.nbytes
        values += batch.num_rows * batch.num_columns
        if size > MAX_TABLE_BYTES or values > MAX_VALUES:
            return None
    return pyarrow.Table.from_batches(kept, schema)


def _from_footer(footer: Any, index: int, field: Any) -> ColumnSummary:
    """A column's facts, put together from those of the row groups; nested columns have none of their own."""
    path = footer.schema.column(index).path if index < footer.num_columns else ""
    groups = (
        [footer.row_group(number).column(index) for number in range(footer.num_row_groups)]
        if path == field.name
        else []
    )
    facts = [group.statistics for group in groups]
    if not facts or not all(facts):
        return ColumnSummary(field.name, str(field.type), None)
    missing = sum(each.null_count for each in facts) if all(each.has_null_count for each in facts) else None
    ranges = [each for each in facts if each.has_min_max]
    known = bool(ranges) and len(ranges) == len([each for each in facts if each.num_values])
    values = f"{_short(min(each.min for each in ranges))} – {_short(max(each.max for each in ranges))}" if known else ""
    return ColumnSummary(field.name, str(field.type), missing, values)


def _arrow(file: BinaryIO, name: str, rows: int) -> TableSummary:
    from pyarrow import feather, ipc

    file.seek(0)
    if file.read(4) == b"FEA1":
        file.seek(0)
        table = feather.read_table(file)
        table.validate(full=True)
        return _in_full(table, name, rows)
    file.seek(0)
    opened = ipc.open_file(file)
    count = opened.num_record_batches
    first = next(_valid(map(opened.get_batch, range(min(count, 1)))), None)
    if first is None or first.num_rows * len(opened.schema) * count <= MAX_VALUES:
        rest = map(opened.get_batch, range(1, count))
        table = _small(opened.schema, chain([] if first is None else [first], rest))
        if table is not None:
            return _in_full(table, name, rows)
    columns = tuple(ColumnSummary(field.name, str(field.type), None) for field in opened.schema)
    estimate = first.num_rows * count if first is not None else 0
    return TableSummary(name, estimate, columns, _strings(first, rows), estimated=True, remarks=(FOOTER,))


def _in_full(table: Any, name: str, rows: int) -> TableSummary:
    import narwhals as nw

    from .dataframes import frame_table

    return frame_table(name, nw.from_native(table), rows)


def _strings(batch: Any, rows: int) -> list[list[str]]:
    if batch is None:
        return []
    return [[_short(value) for value in row.values()] for row in batch.slice(0, rows).to_pylist()]


def _short(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else cell(str(value))
