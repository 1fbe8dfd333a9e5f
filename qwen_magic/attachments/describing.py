"""A table in few words: its shape, a line for each column, its first and last rows, as compact markdown.

Knows values and strings only; where they come from (CSV, Excel, Parquet, a DataFrame) is the business of others.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

__all__ = ["Column", "Table", "cell", "column", "compact", "human", "markdown", "number"]

# A description that a person would still read: ours.
MAX_COLUMNS = 60
MAX_COLUMNS_SHOWN = 25
MAX_CELL = 80
TOP = 3
# Above so many different values, the most frequent ones say nothing.
FEW = 50

# A number as text. A leading zero makes a code of it, such as a postal code or an account.
INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,18})", re.ASCII)
REAL = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]?inf", re.ASCII | re.IGNORECASE)

MISSING = {"", "na", "n/a", "nan", "null", "none", "nil", "-", "?", "#n/a"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its type, how many of its values are missing (`None`: not known), and its range or its top values."""

    name: str
    type: str
    missing: int | None
    values: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What is known of a table. `rows` is exact, or `estimated`, or not known; `first` and `last` are rows as strings.

    `remarks` stand below the shape, a sentence each.
    """

    name: str
    rows: int | None
    columns: tuple[Column, ...]
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


def markdown(table: Table) -> str:
    """The description of a table."""
    lines = [f"Table `{compact(table.name)}`: {table.shape}.", *table.remarks, ""]
    lines += grid(
        ("column", "type", "missing", "values"),
        ((each.name, each.type, unknown(each.missing), each.values) for each in table.columns[:MAX_COLUMNS]),
        limit=2 * MAX_CELL,
    )
    if len(table.columns) > MAX_COLUMNS:
        rest = ", ".join(compact(each.name) for each in table.columns[MAX_COLUMNS:])
        lines += ["", f"And {len(table.columns) - MAX_COLUMNS} more columns: {rest}"[:4000]]
    names = [each.name for each in table.columns[:MAX_COLUMNS_SHOWN]]
    left_out = f" (of the first {len(names)} columns)" * (len(names) < len(table.columns))
    for title, rows in (("All rows" if table.whole else "First rows", table.first), ("Last rows", table.last)):
        if rows:
            lines += ["", f"{title}{left_out}:", "", *grid(names, rows, limit=MAX_CELL)]
    return "\n".join(lines) + "\n"


def grid(header: Sequence[str], rows: Iterable[Sequence[str]], limit: int) -> list[str]:
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


def unknown(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def column(name: str, values: Sequence[object]) -> Column:
    """The facts of a column, from its values; strings that are numbers or dates are taken for these."""
    present = [each for each in values if not is_missing(each)]
    missing = len(values) - len(present)
    if not present:
        return Column(name, "empty", missing)
    for kind, parse in (("integer", whole_number), ("number", real_number), ("date", moment)):
        parsed = [parse(each) for each in present]
        if all(each is not None for each in parsed):
            known = [each for each in parsed if each is not None]
            return Column(name, kind, missing, span(known))
    return Column(name, "text", missing, top(present))


def is_missing(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))


def whole_number(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if INTEGER.fullmatch(value.strip()) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def real_number(value: object) -> float | None:
    if isinstance(value, str):
        return float(value) if REAL.fullmatch(value.strip()) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def moment(value: object) -> datetime | None:
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


def span(values: Sequence[int | float | datetime]) -> str:
    """From the least to the greatest, and the mean of numbers."""
    low, high = min(values), max(values)
    if isinstance(low, datetime) or isinstance(high, datetime):
        return f"{low} – {high}".replace(" 00:00:00", "")
    finite = [each for each in values if isinstance(each, int | float) and math.isfinite(each)]
    mean = f", mean {number(sum(finite) / len(finite))}" if finite and low != high else ""
    return f"{number(low)} – {number(high)}{mean}" if low != high else f"always {number(low)}"


def top(values: Sequence[object]) -> str:
    """How many different values there are, and the most frequent ones."""
    return frequent(Counter(map(str, values)).most_common(TOP), len(set(map(str, values))), len(values))


def frequent(most: Iterable[tuple[object, int]], different: int, total: int) -> str:
    """Such as `3 different: red (7), green (2), blue (1)`."""
    most = list(most)
    if different == total > 1:
        return f"all different, such as {compact(str(most[0][0]), 40)}"
    if different > FEW and most and most[0][1] * FEW < total:
        return f"{different:,} different, such as {compact(str(most[0][0]), 40)}"
    return f"{different:,} different: " + ", ".join(f"{compact(str(value), 40)} ({count:,})" for value, count in most)


def number(value: float) -> str:
    """A number in few digits; whole ones in full."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def human(size: int) -> str:
    """A size in bytes, for people."""
    for unit, bytes_of in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if size >= bytes_of:
            return f"{size / bytes_of:.1f} {unit}"
    return f"{size} bytes"
