"""DataFrames and Series of pandas, polars and pyarrow, described through narwhals. None of them is imported here."""

from __future__ import annotations

from typing import Any

import narwhals as nw

from .attachment import Attachment
from .describing import TOP, Column, Table, frequent, markdown, number

__all__ = ["frame_table", "read_frame"]

# Rows that the most frequent values are counted in; the range and the missing values are of all rows.
COUNTED = 200_000
# narwhals' word for the types that only one library has, such as periods and sparse columns.
UNKNOWN = "Unknown"
# How what is missing in a column of numbers or of dates is written by pandas.
PANDAS_MISSING = ("<NA>", "NaT")


def read_frame(name: str, value: Any, rows: int) -> Attachment:
    """The description of a DataFrame, a Series or a lazy frame, with so many of its first and last rows."""
    try:
        frame = nw.from_native(with_index(value), allow_series=True)
        table = lazy_table(name, frame, rows) if isinstance(frame, nw.LazyFrame) else frame_table(name, frame, rows)
        data = markdown(table).encode("utf-8", "backslashreplace")
    except Exception:  # names that are not unique, values that cannot be compared: each backend's own
        return plain(name, value)
    note = f"described: {type(value).__name__}, {table.shape}"
    return Attachment(name, "table", "description", data, "text/markdown", note)


def plain(name: str, value: Any) -> Attachment:
    """What the frame says of itself."""
    from .structures import leaf

    shape = " × ".join(f"{each:,}" for each in getattr(value, "shape", ()))
    note = f"{type(value).__name__}, {shape}".rstrip(", ")
    return Attachment(
        name, "table", "text", leaf(value).encode("utf-8", "backslashreplace"), "text/plain", note, "text"
    )


def frame_table(name: str, frame: Any, rows: int) -> Table:
    """The facts of a narwhals DataFrame or Series."""
    table = frame.to_frame() if isinstance(frame, nw.Series) else frame
    count = len(table)
    last = table.tail(rows) if count > 2 * rows else None
    columns = tuple(column(each) for each in table.iter_columns())
    remarks = ("Different and most frequent values are of a sample.",) * (count > COUNTED)
    first = table.head(rows if last is not None else 2 * rows)
    return Table(name, count, columns, strings(first), strings(last) if last is not None else (), remarks=remarks)


def lazy_table(name: str, frame: Any, rows: int) -> Table:
    """What a lazy frame says without being computed: its columns, and its first rows."""
    schema = frame.collect_schema()
    columns = tuple(Column(called(each), type_of(dtype), None) for each, dtype in schema.items())
    first = strings(frame.head(rows).collect())
    return Table(name, None, columns, first, remarks=("Lazy: only its first rows were computed.",))


def column(series: Any) -> Column:
    """The facts of one column. A NaN is a missing value, as in pandas."""
    known = series.drop_nulls()
    if series.dtype.is_float():
        known = known.filter(~known.is_nan())
    kind = type_of(series.dtype)
    if kind == UNKNOWN:
        kind = str(getattr(series.to_native(), "dtype", kind))
    return Column(called(series.name), kind, len(series) - len(known), values(known))


def called(name: Any) -> str:
    """A column's name as text; in pandas it may be of any type, and of several levels."""
    return " / ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def type_of(dtype: Any) -> str:
    """The type's name, without the units and the categories that some have in brackets."""
    return str(dtype) if dtype.is_nested() else str(dtype).partition("(")[0]


def values(known: Any) -> str:
    """The range of a column's values, or the most frequent ones."""
    if not len(known):
        return ""
    try:
        return most_or_range(known)
    except Exception:  # lists in a column of pandas, dates beside numbers: what cannot be compared or counted
        return ""


def most_or_range(known: Any) -> str:
    kind = known.dtype
    if kind.is_float():
        finite = known.filter(known.is_finite())
        infinite = f"{len(known) - len(finite):,} infinite" if len(finite) < len(known) else ""
        return ", ".join(filter(None, (extent(finite) if len(finite) else "", infinite)))
    if kind.is_numeric():
        return extent(known)
    if kind.is_temporal():
        return f"{text(known.min())} – {text(known.max())}"
    if kind.is_nested():
        return ""
    sample = known.gather_every(max(1, len(known) // COUNTED)).alias("value")
    counts = sample.value_counts(name="count")
    occurring = (each for each in counts.rows() if each[1])  # pandas counts categories that nothing is in, too
    most = sorted(occurring, key=lambda each: (-each[1], str(each[0])))
    return frequent(most[:TOP], len(most), len(sample))


def extent(numbers: Any) -> str:
    low, high = numbers.min(), numbers.max()
    if low == high:
        return f"always {shown(low)}"
    return f"{shown(low)} – {shown(high)}, mean {number(float(numbers.mean()))}"


def shown(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


def with_index(native: Any) -> Any:
    """A frame or series of pandas with its index as columns, where that means something."""
    index = getattr(native, "index", None)
    if type(index).__name__ in ("NoneType", "RangeIndex") or not hasattr(native, "reset_index"):
        return native
    try:
        return native.reset_index()
    except ValueError:  # there is a column of this name already
        return native


def strings(frame: Any) -> list[list[str]]:
    """The rows of a small frame as text."""
    return [[text(value) for value in row] for row in frame.rows()]


def text(value: Any) -> str:
    """A value as it stands in a cell; one that is missing is empty, and a day has no time."""
    if value is None or (isinstance(value, float) and value != value) or str(value) in PANDAS_MISSING:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value).removesuffix(" 00:00:00")
