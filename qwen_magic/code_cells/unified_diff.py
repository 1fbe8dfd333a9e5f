"""A change of a cell's source: a value, with its unified diff. How it is drawn is in `rendering.diff_record`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

__all__ = ["CellSource", "Diff"]


@dataclass(frozen=True, slots=True)
class CellSource:
    """The source of a cell as it was when it ran. `name` is for people (`In[3]`).

    `cell` is the cell's id, where the front-end names it.
    """

    source: str
    cell: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Diff:
    """The change of a cell's source from `old` to `new`. `cell` is the cell's id, where the front-end names it.

    Both sources are without the line breaks at their end, which mean nothing in a cell.
    """

    old: str
    new: str
    cell: str = ""
    name: str = ""

    @classmethod
    def of(cls, cell: CellSource, new: str) -> Diff:
        """The change of this cell to the source `new`."""
        return cls(cell.source.rstrip("\n"), new.rstrip("\n"), cell.cell, cell.name)

    @property
    def lines(self) -> tuple[str, ...]:
        """The unified diff with three lines of context, without line breaks: `@@ … @@`, then ` `, `-` and `+` lines.

        Empty when nothing changes.
        """
        # Not `splitlines`, which also splits at characters that end no line of Python.
        changes = difflib.unified_diff(self.old.split("\n"), self.new.split("\n"), lineterm="")
        return tuple(changes)[2:]  # behind the names of two files

    @property
    def added(self) -> int:
        """Lines that are new."""
        return sum(line.startswith("+") for line in self.lines)

    @property
    def removed(self) -> int:
        """Lines that go."""
        return sum(line.startswith("-") for line in self.lines)

    def __str__(self) -> str:
        return "\n".join(self.lines)
