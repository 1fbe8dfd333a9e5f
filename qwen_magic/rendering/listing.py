"""A table of facts that a command shows: plain in a terminal, a table in a notebook. Not for an answer's tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from unicodedata import east_asian_width

__all__ = ["Listing"]


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows under `columns`; cells are shown as `str` shows them, numbers to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = "Nothing here yet."

    def __repr__(self) -> str:
        if not self.rows:
            return self.empty
        table = [list(map(str, self.columns)), *([str(cell) for cell in row] for row in self.rows)]
        widths = [max(map(width, column)) for column in zip(*table, strict=True)]
        return "\n".join(
            "  ".join(
                padded(cell, size, right) for cell, size, right in zip(row, widths, self._numeric(), strict=True)
            ).rstrip()
            for row in table
        )

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{escape(self.empty)}</p>"
        head = "".join(f"<th>{escape(str(column))}</th>" for column in self.columns)
        rows = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _numeric(self) -> list[bool]:
        return [all(isinstance(cell, (int, float)) for cell in column) for column in zip(*self.rows, strict=True)]


def width(text: str) -> int:
    """Columns in a terminal."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, size: int, right: bool) -> str:
    space = " " * (size - width(text))
    return space + text if right else text + space
