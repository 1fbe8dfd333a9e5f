"""The rows of whatever a person has (a frame, a Series, a list), and the same thing again with columns added.

narwhals does it for pandas, polars, Modin, cuDF and PyArrow alike. Not for what is asked of a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..core.errors import InputError
from ..core.translatable import _
from ..structured.frame import Kind, pandas_series, polars_series

__all__ = ["VALUE", "Column", "Rows", "frame_rows", "has_rows", "rows_of"]

# What the one value of a row is called, in a list or a Series.
VALUE = "value"
# More than that is for a cluster, or for parts: ours. Bytes of the columns that are asked about.
MOST_ROWS, MOST_BYTES = 1_000_000, 2_000_000_000
PARTS = _("Ask about a part of it, such as the first rows. Rows that have answers are not asked again.")
TAKEN = _("Give a DataFrame or Series of pandas or polars, or a list.")


@dataclass(frozen=True)
class Column:
    """A column to add: `kind` is `text`, `number`, or `data` with the type of a schema's field.

    The values are in the order of the rows; where there is none it is `None`.
    """

    name: str
    kind: Literal["text", "number", "data"]
    values: list[Any]
    type: Kind = ""


class Rows(Protocol):
    """The rows of one frame, Series or list."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, as text."""

    def __len__(self) -> int: ...

    def values(self, names: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Each row with these of its columns, in order; what is missing (NaN, NA, NaT, null) is `None`."""

    def with_columns(self, columns: Iterable[Column]) -> Any:
        """What was given, with these columns behind its own."""


def rows_of(given: Any) -> Rows:
    """The rows of `given`. Raises `InputError` for what has none, has too many, or names a column twice."""
    found = _list_rows(given) if isinstance(given, list | tuple) else frame_rows(given)
    if not len(found):
        raise InputError(_("There are no rows to ask about."), TAKEN)
    if len(found) > MOST_ROWS:
        raise InputError(
            _("These are {count:,} rows, and a map takes {most:,} at once.", count=len(found), most=MOST_ROWS), PARTS
        )
    return found


def has_rows(value: Any) -> bool:
    """Whether a map takes it: a frame, a Series, or a list that is not empty. Imports no library of frames."""
    from narwhals import dependencies as known

    kinds = (known.is_into_dataframe, known.is_into_series, known.is_dask_dataframe)
    return bool(value) if isinstance(value, list | tuple) else any(is_kind(value) for is_kind in kinds)


class _FrameRows:
    """The rows of a frame of narwhals."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._columns = {str(name): name for name in frame.columns}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def __len__(self) -> int:
        return len(self._frame)

    def values(self, names: Iterable[str]) -> Iterator[dict[str, Any]]:
        wanted = list(names)
        if not wanted:
            yield from ({} for row in range(len(self)))
            return
        part = self._frame.select([self._columns[name] for name in wanted])
        if part.estimated_size() > MOST_BYTES:
            raise InputError(
                _(
                    "The columns of these {count:,} rows are larger than {most} GB.",
                    count=len(self),
                    most=MOST_BYTES // 10**9,
                ),
                PARTS,
            )
        for row in part.iter_rows():
            yield {name: _known(value) for name, value in zip(wanted, row, strict=True)}

    def with_columns(self, columns: Iterable[Column]) -> Any:
        added = [_series_of(column, self._frame.implementation) for column in columns]
        return self._frame.with_columns(*added).to_native()


class _ListRows:
    """The rows of a list: of values, or of dicts that have the columns for keys. Given back as a list of dicts."""

    def __init__(self, rows: Sequence[Any]) -> None:
        dicts = bool(rows) and all(isinstance(row, Mapping) for row in rows)
        self._rows: Sequence[Mapping[Any, Any]] = rows if dicts else [{VALUE: value} for value in rows]
        self.names = tuple(dict.fromkeys(str(name) for row in self._rows for name in row)) if dicts else (VALUE,)

    def __len__(self) -> int:
        return len(self._rows)

    def values(self, names: Iterable[str]) -> Iterator[dict[str, Any]]:
        wanted = tuple(names)
        for row in self._rows:
            yield {name: _known(row.get(name)) for name in wanted}

    def with_columns(self, columns: Iterable[Column]) -> list[dict[str, Any]]:
        added = tuple(columns)
        return [dict(row) | {each.name: each.values[place] for each in added} for place, row in enumerate(self._rows)]


def _list_rows(given: Sequence[Any]) -> _ListRows:
    kinds = {isinstance(row, Mapping) for row in given}
    if len(kinds) > 1:
        raise InputError(_("Some items of the list are dicts, and some are not."), _("Give one or the other."))
    return _ListRows(given)


def frame_rows(given: Any) -> _FrameRows:
    import narwhals
    from narwhals.exceptions import DuplicateError

    try:
        found = narwhals.from_native(given, allow_series=True)
        if isinstance(found, narwhals.Series):
            found = (found if found.name is not None else found.alias(VALUE)).to_frame()
            found = found.rename({found.columns[0]: VALUE})
        if isinstance(found, narwhals.LazyFrame):
            raise InputError(_("The frame is lazy: it has no rows yet."), _("Collect it first: .collect()."))
        rows = _FrameRows(found)
    except DuplicateError as error:
        named = " ".join(str(error).split())
        raise InputError(_("Two columns have the same name: {error}", error=named), _("Rename one of them.")) from None
    except TypeError:
        raise InputError(_("A {kind} has no rows to ask about.", kind=type(given).__name__), TAKEN) from None
    if len(rows.names) < len(found.columns):
        raise InputError(_("Two columns have the same name, such as 1 and '1'."), _("Rename one of them."))
    return rows


def _series_of(column: Column, backend: Any) -> Any:
    """A column as a Series of narwhals. Data has the types of `DataAnswer.frame`, and is always nullable."""
    import narwhals

    kinds: dict[str, Any] = {"text": narwhals.String, "number": narwhals.Int64}
    if column.kind != "data":
        return narwhals.new_series(column.name, column.values, kinds[column.kind], backend=backend)
    if backend.is_pandas_like():
        native = pandas_series(backend.to_native_namespace(), column.values, column.type, True).rename(column.name)
    elif backend.is_polars():
        native = polars_series(column.name, column.values, column.type)
    else:  # those that keep a date and a choice as text
        types: dict[str, Any] = {"integer": narwhals.Int64, "number": narwhals.Float64, "boolean": narwhals.Boolean}
        kind = column.type if isinstance(column.type, str) else "string"
        return narwhals.new_series(column.name, column.values, types.get(kind), backend=backend)
    return narwhals.from_native(native, series_only=True)


def _known(value: Any) -> Any:
    """`value`, or `None` for one that is missing: NaN and NaT are not equal to themselves, pandas' NA is neither."""
    if value is None or isinstance(value, str):
        return value
    try:
        return value if value == value else None
    except (TypeError, ValueError):  # the truth of NA is ambiguous, and that of an array
        return None if type(value).__name__ == "NAType" else value
