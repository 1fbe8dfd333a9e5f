"""An answer's data as rows and cells for people: of a whole answer, and of one that is still coming.

Not for how they are drawn: that is `qwen_magic.rendering.data_table`. Not for calculating: that is `frame`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .frame import VALUE, kind_of
from .json_text import Splitter, decoded
from .schema import Schema

__all__ = ["MOST_ROWS", "GrowingTable", "Table", "cell", "table"]

# A page with more rows than these is slow, and nobody reads them there. The figures are ours.
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 200, 50, 1_000
FIELD = "field"


@dataclass(frozen=True)
class Table:
    """The first rows of some data: `total` is how many there are. `numbers` are the columns that hold numbers.

    A single object is a table of its fields, with a row for each and no header.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    numbers: frozenset[str] = frozenset()
    headed: bool = True

    @property
    def left_out(self) -> int:
        """How many rows are not shown."""
        return self.total - len(self.rows)


def table(plain: Any, schema: Schema[Any]) -> Table:
    """The table of data in the form that JSON has it."""
    growing = GrowingTable(schema)
    if not schema.many:
        fields = plain if isinstance(plain, Mapping) else {VALUE: plain}
        rows = [(str(name), cell(value)) for name, value in fields.items()]
        return Table((FIELD, VALUE), tuple(rows[:MOST_ROWS]), len(rows), headed=False)
    for row in plain:
        growing.add(row)
    return growing.table


class GrowingTable:
    """The rows of an answer that is still coming. Each piece of text is looked at once."""

    def __init__(self, schema: Schema[Any]) -> None:
        self.total = 0
        self.columns: list[str] = list(schema.fields)[:MOST_COLUMNS] if schema.many else [FIELD, VALUE]
        self.rows: list[tuple[str, ...]] = []
        self.headed = schema.many
        kinds = {name: kind_of(field) for name, field in schema.fields.items()} if schema.many else {}
        self.numbers = frozenset(name for name, kind in kinds.items() if kind in ("integer", "number"))
        self._splitter = Splitter("[" if schema.many else "{")

    @property
    def table(self) -> Table:
        """What there is so far."""
        return Table(tuple(self.columns), tuple(self.rows), self.total, self.numbers, self.headed)

    def feed(self, text: str) -> None:
        """Take the next piece of the answer's text."""
        for element in self._splitter.feed(text):
            if self.headed:
                if self.total >= MOST_ROWS:
                    self.total += 1
                elif found := decoded(element):
                    self.add(found.value)
            elif found := decoded(f"{{{element}}}"):
                for name, value in found.value.items():
                    self._keep((str(name), cell(value)))

    def add(self, row: Any) -> None:
        """The next element of the list."""
        if self.total >= MOST_ROWS:
            self.total += 1
            return
        fields = row if isinstance(row, Mapping) else {VALUE: row}
        self.columns += [name for name in fields if name not in self.columns][: MOST_COLUMNS - len(self.columns)]
        self._keep(tuple(cell(fields.get(name)) for name in self.columns))

    def _keep(self, cells: tuple[str, ...]) -> None:
        self.total += 1
        if len(self.rows) < MOST_ROWS:
            self.rows.append(cells)


def cell(value: Any) -> str:
    """A value as a person reads it in a table."""
    if value is None:
        return ""
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        text = ", ".join(map(cell, value))
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"
