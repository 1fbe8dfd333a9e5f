"""DataFrames and Series of pandas, polars and pyarrow, described through narwhals. None of them is imported here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from heapq import nlargest
from itertools import chain
from typing import Any

import narwhals as nw

from .attachment import Attachment
from .table_summary import (
    LOOKED_AT,
    TOP,
    ColumnSummary,
    TableSummary,
    different_values,
    frequent,
    joined,
    markdown,
    misfits,
    number,
    ordered,
    quoted,
)

__all__ = ["frame_table", "read_frame"]

# narwhals' word for the types that only one library has, such as periods and sparse columns.
UNKNOWN = "Unknown"
# How the name of a type goes on that has its values in it.
CATEGORIES = "(categories="
# How what is missing in a column of numbers or of dates is written by pandas.
PANDAS_MISSING = ("<NA>", "NaT")


def read_frame(name: str, value: Any, rows: int | None) -> Attachment:
    """The description of a DataFrame, a Series or a lazy frame, with so many of its first and last rows.

    Without any value for `None`.
    """
    try:
        frame = nw.from_native(_with_index(value), allow_series=True)
        make = _lazy_table if isinstance(frame, nw.LazyFrame) else frame_table
        table = make(name, frame, rows)
        data = markdown(table, values=rows is not None).encode("utf-8", "backslashreplace")
    except Exception:  # names that are not unique, values that cannot be compared: each backend's own
        return _plain(name, value, rows is not None)
    note = f"described: {type(value).__name__}, {table.shape}"
    return Attachment(name, "table", "description", data, "text/markdown", note)


def _plain(name: str, value: Any, values: bool) -> Attachment:
    """The frame's own repr, for frames that narwhals cannot read."""
    from .python_values import leaf

    text = leaf(value) if values else f"{type(value).__name__} with the columns {list(map(_called, value.columns))}"
    shape = " × ".join(f"{each:,}" for each in getattr(value, "shape", ()))
    note = f"{type(value).__name__}, {shape}".rstrip(", ")
    return Attachment(name, "table", "text", text.encode("utf-8", "backslashreplace"), "text/plain", note, "text")


def frame_table(name: str, frame: Any, rows: int | None) -> TableSummary:
    """The facts of a narwhals DataFrame or Series."""
    table = frame.to_frame() if isinstance(frame, nw.Series) else frame
    count, rows = len(table), rows or 0
    last = table.tail(rows) if count > 2 * rows else None
    columns = tuple(_column(each) for each in table.iter_columns())
    first = table.head(rows if last is not None else 2 * rows)
    return TableSummary(name, count, columns, _strings(first), _strings(last) if last is not None else ())


def _lazy_table(name: str, frame: Any, rows: int | None) -> TableSummary:
    """The facts of a lazy frame that is not computed: its columns, and its first rows."""
    schema = frame.collect_schema()
    columns = tuple(ColumnSummary(_called(each), _type_of(dtype), None) for each, dtype in schema.items())
    if not rows:
        return TableSummary(name, None, columns, (), remarks=("Lazy: it was not computed.",))
    first = _strings(frame.head(rows).collect())
    return TableSummary(name, None, columns, first, remarks=("Lazy: only its first rows were computed.",))


def _column(series: Any) -> ColumnSummary:
    """The facts of one column. A NaN is a missing value, as in pandas."""
    known = series.drop_nulls()
    if series.dtype.is_float():
        known = known.filter(~known.is_nan())
    kind = _type_of(series.dtype)
    if kind == UNKNOWN:
        kind = str(getattr(series.to_native(), "dtype", kind))
    return ColumnSummary(_called(series.name), kind, len(series) - len(known), _values(known))


def _called(name: Any) -> str:
    """A column's name as text; in pandas it may be of any type, and of several levels."""
    return " / ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def _type_of(dtype: Any) -> str:
    """The type's name, without the units and the categories that some have in brackets: those are values."""
    if not dtype.is_nested():
        return str(dtype).partition("(")[0]
    name, found, _ = str(dtype).partition(CATEGORIES)
    return name + (")" * name.count("(") if found else "")


def _values(known: Any) -> str:
    """The range of a column's values, or the most frequent ones."""
    if not len(known):
        return ""
    try:
        return _most_or_range(known)
    except Exception:  # lists in a column of pandas, dates beside numbers: what cannot be compared or counted
        return ""


def _most_or_range(known: Any) -> str:
    kind = known.dtype
    if kind.is_float():
        finite = known.filter(known.is_finite())
        infinite = f"{len(known) - len(finite):,} infinite" if len(finite) < len(known) else ""
        return ", ".join(filter(None, (_extent(finite) if len(finite) else "", infinite)))
    if kind.is_numeric():
        return _extent(known)
    if kind.is_temporal():
        return f"{_text(known.min())} – {_text(known.max())}"
    if kind.is_nested():
        return ""
    if kind == nw.Object:
        return _of_objects(known.to_list())
    return _of_texts(known.alias("value"), as_text=kind in (nw.String, nw.Categorical, nw.Enum))


def _of_objects(values: list[Any]) -> str:
    """The facts of a column of Python's own objects, which may be of any type."""
    types = Counter(map(type, values))
    mixed = f"mixed types: {', '.join(f'{kind.__name__} ({count:,})' for kind, count in types.most_common())}"
    # A number and its text are different values, 1 and True as well.
    of_type = {kind: values if len(types) == 1 else [each for each in values if type(each) is kind] for kind in types}
    return joined(mixed * (len(types) > 1), _of_counts([Counter(each) for each in of_type.values()]))


def _of_counts(counters: list[Counter[Any]]) -> str:
    """Which values there are. Of many different ones few are put in order, which would take long."""
    numbers = list(chain.from_iterable(counts.values() for counts in counters))
    if len(numbers) <= LOOKED_AT:
        return frequent(ordered(chain.from_iterable(counts.items() for counts in counters)))
    if max(numbers) == 1:
        return f"all different, such as {quoted(next(iter(counters[0])))}"

    def at(enough: Callable[[int], bool]) -> list[tuple[Any, int]]:
        if sum(map(enough, numbers)) > LOOKED_AT:
            return []
        return ordered((each, n) for counts in counters for each, n in counts.items() if enough(n))

    least, fewest = nlargest(TOP, numbers)[-1], min(numbers)
    rare = numbers.count(fewest)
    return different_values(len(numbers), (at(least.__le__) or at(least.__lt__))[:TOP], at(fewest.__eq__)[-TOP:], rare)


def _of_texts(known: Any, as_text: bool) -> str:
    """The facts of a column of texts. Of many different ones few are brought into Python, which would take long."""
    counts = known.value_counts(name="count").filter(nw.col("count") > 0)  # pandas counts unused categories as well
    if len(counts) <= LOOKED_AT:
        most = ordered(counts.rows())
        return joined(misfits(dict(most), as_text=as_text), frequent(most))
    misfit = misfits(Counter(known.gather_every(len(known) // LOOKED_AT).to_list()), as_text=as_text)
    if misfit:  # not of a sample alone
        misfit = misfits(Counter(known.to_list()), as_text=as_text)
    if len(counts) == len(known):
        return joined(misfit, f"all different, such as {quoted(known[0])}")
    least = counts["count"].sort(descending=True).head(TOP)[-1]
    most = _few(counts.filter(nw.col("count") >= least)) or _few(counts.filter(nw.col("count") > least))
    rare = counts.filter(nw.col("count") == counts["count"].min())
    return joined(misfit, different_values(len(counts), most[:TOP], _few(rare)[-TOP:], len(rare)))


def _few(counts: Any) -> list[tuple[Any, int]]:
    """The values with their counts in order, unless they are many."""
    return ordered(counts.rows()) if len(counts) <= LOOKED_AT else []


def _extent(numbers: Any) -> str:
    low, high = numbers.min(), numbers.max()
    if low == high:
        return f"always {_shown(low)}"
    return f"{_shown(low)} – {_shown(high)}, mean {number(float(numbers.mean()))}"


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


def _with_index(native: Any) -> Any:
    """A frame or series of pandas with its index as columns, where that means something."""
    index = getattr(native, "index", None)
    if type(index).__name__ in ("NoneType", "RangeIndex") or not hasattr(native, "reset_index"):
        return native
    try:
        return native.reset_index()
    except ValueError:  # there is a column of this name already
        return native


def _strings(frame: Any) -> list[list[str]]:
    """The rows of a small frame as text."""
    return [[_text(value) for value in row] for row in frame.rows()]


def _text(value: Any) -> str:
    """A value as it stands in a cell; one that is missing is empty, and a day has no time."""
    if value is None or (isinstance(value, float) and value != value) or str(value) in PANDAS_MISSING:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value).removesuffix(" 00:00:00")
