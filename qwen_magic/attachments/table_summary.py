"""Summarises a table: its shape, a line for each column, its first and last rows, as compact markdown.

Takes values and strings only; `csv_files`, `excel`, `arrow_parquet` and `dataframes` read them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

__all__ = [
    *(
        "ColumnSummary",
        "TableSummary",
        "cell",
        "column",
        "compact",
        "different_values",
        "filled_columns",
        "frequent",
        "joined",
        "markdown",
        "misfits",
    ),
    *("number", "ordered", "quoted"),
]

# A description that a person would still read: ours.
MAX_COLUMNS = 60
MAX_COLUMNS_SHOWN = 25
MAX_CELL = 80
# So many different values are all shown; of more, so many of the most frequent and of the rarest.
SHOWN = 20
TOP = 3
# Characters of one value, and of all values of a column.
MAX_VALUE, MAX_SHOWN = 40, 1_000
# A column is meant to hold numbers, or dates, when so large a part of it does. Values that are looked at for that.
MOSTLY = 0.8
LOOKED_AT = 2_000

# A number as text. A leading zero makes a code of it, such as a postal code or an account.
INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,18})", re.ASCII)
REAL = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]?inf", re.ASCII | re.IGNORECASE)

MISSING = {"", "na", "n/a", "nan", "null", "none", "nil", "-", "?", "#n/a"}


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """A column: its type, how many of its values are missing (`None`: not known), and its range or its top values."""

    name: str
    type: str
    missing: int | None
    values: str = ""


@dataclass(frozen=True, slots=True)
class TableSummary:
    """What is known of a table. `rows` is exact, or `estimated`, or not known; `first` and `last` are rows as strings.

    `remarks` stand below the shape, a sentence each.
    """

    name: str
    rows: int | None
    columns: tuple[ColumnSummary, ...]
    first: Sequence[Sequence[str]]
    last: Sequence[Sequence[str]] = ()
    estimated: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether `first` are all rows."""
        return self.rows is not None and not self.estimated and len(self.first) >= self.rows

    @property
    def shape(self) -> str:
        """Such as `about 1,200,000 rows × 12 columns`."""
        rows = "rows not counted"
        if self.rows is not None:
            rows = f"{'about ' * self.estimated}{self.rows:,} row{'s' * (self.rows != 1)}"
        return f"{rows} × {len(self.columns):,} column{'s' * (len(self.columns) != 1)}"


FACTS = ("column", "type", "missing", "values")
NO_VALUES = "Its values are left out."


def markdown(table: TableSummary, *, values: bool = True) -> str:
    """The description of a table; without `values` there is no value of any cell in it."""
    remarks = table.remarks if values else (*table.remarks, NO_VALUES)
    lines = [f"Table `{compact(table.name)}`: {table.shape}.", *remarks, ""]
    lines += _grid(FACTS if values else FACTS[:3], (), limit=MAX_CELL)
    for each in table.columns[:MAX_COLUMNS]:
        known = [cell(each.name, 2 * MAX_CELL), cell(each.type, 2 * MAX_CELL), _unknown(each.missing)]
        shown = [each.values[:MAX_SHOWN].replace("|", "\\|")] * values
        lines.append("|".join(("", *known, *shown, "")))
    if len(table.columns) > MAX_COLUMNS:
        rest = ", ".join(compact(each.name) for each in table.columns[MAX_COLUMNS:])
        lines += ["", f"And {len(table.columns) - MAX_COLUMNS} more columns: {rest}"[:4000]]
    names = [each.name for each in table.columns[:MAX_COLUMNS_SHOWN]]
    left_out = f" (of the first {len(names)} columns)" * (len(names) < len(table.columns))
    for title, rows in (("All rows" if table.whole else "First rows", table.first), ("Last rows", table.last)):
        if rows and values:
            lines += ["", f"{title}{left_out}:", "", *_grid(names, rows, limit=MAX_CELL)]
    return "\n".join(lines) + "\n"


def filled_columns(description: str) -> Iterator[str]:
    """The names of the columns whose values `markdown` shows."""
    for line in description.splitlines():
        found = FACT.match(line)
        if found and found["type"] not in EMPTY:
            yield found["name"].replace("\\|", "|")


FACT = re.compile(r"\|(?P<name>(?:[^|\\]|\\.)*+)\|(?P<type>[^|]*)\|[\d,]*\|(?P<values>.+)\|$")
EMPTY = ("empty", "Null", "null")


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]], limit: int) -> list[str]:
    """A table of markdown, without padding."""
    lines = ["|".join(("", *(cell(each, limit) for each in header), "")), "|" + "---|" * len(header)]
    for row in rows:
        filled = [*row[: len(header)], *[""] * (len(header) - len(row))]
        lines.append("|".join(("", *(cell(each, limit) for each in filled), "")))
    return lines


def cell(value: str, limit: int = MAX_CELL) -> str:
    """`value` as it may stand in a table of markdown: on one line, not too long."""
    return compact(value, limit).replace("|", "\\|")


def compact(value: str, limit: int = MAX_CELL) -> str:
    """`value` on one line, cut where it is too long, without backquotes and control characters."""
    line = " ".join(value[: 4 * limit].split()).replace("`", "'")
    line = "".join(each for each in line if each.isprintable())
    return line if len(line) <= limit and len(value) <= 4 * limit else line[: limit - 1] + "…"


def _unknown(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def column(name: str, values: Sequence[object]) -> ColumnSummary:
    """The facts of a column, from its values; strings that are numbers or dates are taken for these."""
    present = [each for each in values if not _is_missing(each)]
    missing = len(values) - len(present)
    absent = Counter(each for each in values if isinstance(each, str) and _is_missing(each))
    written = f"missing written as {_listed(absent)}" if set(absent) - {""} else ""
    if not present:
        return ColumnSummary(name, "empty", missing, written)
    for kind, parse in KINDS:
        known = [parsed for each in present if (parsed := parse(each)) is not None]
        if len(known) == len(present):
            return ColumnSummary(name, kind, missing, joined(_span(known), written))
        if len(known) < MOSTLY * len(present) and kind != "integer":
            continue
    return ColumnSummary(name, "text", missing, joined(misfits(Counter(present)), _top(present), written))


def misfits(values: Mapping[Any, int], *, as_text: bool = False) -> str:
    """What does not fit together among these values, with their counts: types, or what is no number and no date.

    `as_text`: the values are strings where the table could have had numbers and dates, which is a fact.
    """
    types = Counter[str]()
    for value, count in values.items():
        types[type(value).__name__] += count
    if len(types) > 1:
        return "mixed types: " + ", ".join(f"{name} ({count:,})" for name, count in types.most_common())
    if set(types) != {"str"}:
        return ""
    total = sum(values.values())
    for what, parse in (("numbers", _real_number), ("dates", _moment)):
        others = Counter({value: count for value, count in values.items() if parse(value) is None})
        if not others:
            return f"{what} as text" if as_text else ""
        if len(others) < len(values) and others.total() <= (1 - MOSTLY) * total:
            return f"mostly {what}{' as text' * as_text}, but for {others.total():,}: {_listed(others)}"
    return ""


def _listed(counts: Counter[Any]) -> str:
    """Such as `"red" (7), "green" (2)`: up to `TOP` values."""
    most = ordered(counts.items())
    return ", ".join(f"{quoted(value)} ({count:,})" for value, count in most[:TOP]) + ", …" * (len(most) > TOP)


def ordered(counts: Iterable[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """The most frequent first; among equals, always the same."""
    return sorted(counts, key=lambda each: (-each[1], str(each[0])))


def joined(*facts: str) -> str:
    return "; ".join(filter(None, facts))


def _is_missing(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))


def _whole_number(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if INTEGER.fullmatch(value.strip()) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _real_number(value: object) -> float | None:
    if isinstance(value, str):
        return float(value) if REAL.fullmatch(value.strip()) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _moment(value: object) -> datetime | None:
    """A date or a time, in the ISO form or the one with slashes; without its zone, so that all can be compared."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if not isinstance(value, str) or not 8 <= len(value.strip()) <= 35:
        return None
    try:
        return datetime.fromisoformat(value.strip().replace("/", "-")).replace(tzinfo=None)
    except ValueError:
        return None


KINDS: tuple[tuple[str, Callable[[object], Any]], ...] = (
    ("integer", _whole_number),
    ("number", _real_number),
    ("date", _moment),
)


def _span(values: Sequence[int | float | datetime]) -> str:
    """From the least to the greatest, and the mean of numbers."""
    low, high = min(values), max(values)
    if isinstance(low, datetime) or isinstance(high, datetime):
        return f"{low} – {high}".replace(" 00:00:00", "")
    finite = [each for each in values if isinstance(each, int | float) and math.isfinite(each)]
    mean = f", mean {number(sum(finite) / len(finite))}" if finite and low != high else ""
    return f"{number(low)} – {number(high)}{mean}" if low != high else f"always {number(low)}"


def _top(values: Sequence[object]) -> str:
    """How many different values there are, and which."""
    return frequent(ordered(Counter(map(str, values)).items()))


def frequent(most: Sequence[tuple[object, int]]) -> str:
    """The different values, quoted, with the blanks that they have: all of them when they are few.

    `most` are the values with their counts, the most frequent first. Such as `2 different: "red" (7), "red " (1)`.
    """
    different, total = len(most), sum(count for _, count in most)
    if not most:
        return ""
    if different == total > SHOWN:
        return f"all different, such as {quoted(most[0][0])}"
    if different <= SHOWN:
        return f"{different:,} different: {_shown(most)}"
    rare = sum(count == most[-1][1] for _, count in most)
    return different_values(different, most[:TOP], most[-TOP:], rare)


def different_values(
    different: int, most: Sequence[tuple[object, int]], rarest: Sequence[tuple[object, int]], rare: int
) -> str:
    """Of many different values, the most frequent and the rarest; `rare` are as rare as the last one.

    Of both there may be none, when too many are alike.
    """
    often = f"most often {_shown(most)}" if most and most[0][1] > 1 else ""
    seldom = f"rarest {_shown(rarest)}" if rarest else ""
    return joined(
        f"{different:,} different", often, seldom + f" ({rare:,} of them as rare)" * bool(seldom and rare > TOP)
    )


def _shown(counts: Iterable[tuple[object, int]]) -> str:
    return ", ".join(f"{quoted(value)} ({count:,})" for value, count in counts)


def quoted(value: object) -> str:
    """A value in quotes if it is a string, with its blanks; what cannot be seen is escaped, and what is long is cut."""
    text = str(value)
    cut = text[:MAX_VALUE] + "…" * (len(text) > MAX_VALUE)
    visible = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in cut).replace(
        "`", "'"
    )
    return f'"{visible}"' if isinstance(value, str) else visible


def number(value: float) -> str:
    """A number in few digits; whole ones in full."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
