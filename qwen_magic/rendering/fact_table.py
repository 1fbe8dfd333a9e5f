"""A table of facts that a command shows: plain in a terminal, a table in a notebook. Not for an answer's tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from unicodedata import east_asian_width

from ..core.control_characters import one_line
from ..core.languages import translated
from ..core.translatable import _

__all__ = ["Listing", "padded", "row_html"]

# A number of a listing as it was written for people, or nothing where there is none.
NUMBER = re.compile(r"(?:\d{1,3}(?:,\d{3})*)?")


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows under `columns`; cells are shown as `str` shows them, numbers to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str = _("Nothing here yet.")

    def __repr__(self) -> str:
        if not self.rows:
            return translated(self.empty)
        table = [list(map(_shown, self.columns)), *(list(map(_shown, row)) for row in self.rows)]
        widths = [max(map(_width, column)) for column in zip(*table, strict=True)]
        return "\n".join(
            "  ".join(
                padded(cell, size, right) for cell, size, right in zip(row, widths, self._numeric(), strict=True)
            ).rstrip()
            for row in table
        )

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{escape(translated(self.empty))}</p>"
        # JupyterLab aligns all cells to the right, by a rule that only a style can overrule.
        styles = [f' style="text-align:{"right" if right else "left"}"' for right in self._numeric()]
        head = row_html("th", self.columns, styles)
        rows = "".join(row_html("td", row, styles) for row in self.rows)
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"

    def _numeric(self) -> list[bool]:
        """Whether a column has numbers, also those that are strings with separators."""
        return [all(map(_is_number, column)) and any(map(_shown, column)) for column in zip(*self.rows, strict=True)]


def row_html(tag: str, cells: Sequence[Any], styles: Sequence[str]) -> str:
    written = "".join(
        f"<{tag}{style}>{escape(_shown(cell))}</{tag}>" for cell, style in zip(cells, styles, strict=True)
    )
    return f"<tr>{written}</tr>"


def _shown(cell: Any) -> str:
    """A cell's text, which may have come from elsewhere."""
    return one_line(translated(cell if isinstance(cell, str) else str(cell)))


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float)) or (isinstance(cell, str) and bool(NUMBER.fullmatch(cell)))


def _width(text: str) -> int:
    """Columns in a terminal."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, size: int, right: bool = False) -> str:
    """`text` with spaces up to `size` columns, before it if it is to stand on the right."""
    space = " " * (size - _width(text))
    return space + text if right else text + space
