"""An answer that is data, drawn: HTML, markdown and plain text of its table, and the JSON that it is made of.

Every name and value in it came from a model: it is text, and nothing in it is markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from ..core.control_characters import one_line, visible
from ..core.languages import translated
from ..core.translatable import _
from ..structured.data_answer import DataAnswer
from ..structured.schema import Schema
from ..structured.table import GrowingTable, Table, table
from .fact_table import Listing, row_html
from .page_messages import SectionPatch, SectionState
from .safe_markdown import as_code, as_text

__all__ = ["DataSection", "TableText", "data_html", "data_markdown", "data_plain"]

# All of the data is in the kernel; so much of its JSON is saved in the notebook, in characters.
LONGEST_JSON = 100_000
# As many rows are drawn again and again in a terminal.
LAST_ROWS = 10


def data_html(answer: DataAnswer[Any]) -> str:
    """The table of an answer and a fold with its JSON; all of its text where it did not fit."""
    json_html = f'<pre class="qwen-json">{escape(visible(_shortened(answer.text)), quote=False)}</pre>'
    if answer.schema is None or not answer.fits:
        return json_html if answer.text.strip() else ""
    shown = table(answer.plain, answer.schema)
    fold = f"<details>\n<summary>JSON</summary>\n{json_html}</details>\n"
    return f"{_opened_html(shown)}{''.join(_rows_html(shown))}{_closed_html(shown)}{fold}"


def data_markdown(answer: DataAnswer[Any]) -> str:
    """The same for front-ends that have their own idea of markdown."""
    code = as_code(visible(_shortened(answer.text)), "json")
    if answer.schema is None or not answer.fits:
        return code if answer.text.strip() else ""
    shown = table(answer.plain, answer.schema)
    lines = [
        _line(shown.columns),
        "|" + "|".join("--:" if name in shown.numbers else ":--" for name in shown.columns) + "|",
    ]
    lines += map(_line, shown.rows)
    left = f"*{as_text(_left_out(shown))}*\n\n" if shown.left_out else ""
    return "\n".join(lines) + f"\n\n{left}<details>\n<summary>JSON</summary>\n\n{code}\n</details>"


def data_plain(answer: DataAnswer[Any]) -> str:
    """The same for terminals; the text itself where it did not fit."""
    if answer.schema is None or not answer.fits:
        return visible(answer.text)
    shown = table(answer.plain, answer.schema)
    rows = [(*cells, *[""] * (len(shown.columns) - len(cells))) for cells in shown.rows]
    listing = repr(Listing(shown.columns, rows, empty=translated(_("No rows."))))
    return "\n".join(filter(None, (listing, _left_out(shown))))


def _line(cells: Sequence[str]) -> str:
    return "|" + "|".join(as_text(one_line(each)).replace("|", "\\|") or " " for each in cells) + "|"


def _opened_html(shown: Table) -> str:
    """The table up to its first row."""
    head = f"<thead>{row_html('th', shown.columns, _styles(shown, shown.columns))}</thead>" if shown.headed else ""
    return f"<table>{head}<tbody>"


def _rows_html(shown: Table, first: int = 0) -> list[str]:
    """The rows from number `first` on."""
    return [row_html("td", cells, _styles(shown, cells)) for cells in shown.rows[first:]]


def _closed_html(shown: Table) -> str:
    """The end of the table, and how many rows are not in it."""
    words = _left_out(shown)
    return "</tbody></table>\n" + (f"<p><small>{escape(words)}</small></p>\n" if words else "")


def _left_out(shown: Table) -> str:
    if not shown.left_out:
        return ""
    more = _(
        "… {left:,} more: the first {shown} of {total:,} rows are shown",
        left=shown.left_out,
        shown=len(shown.rows),
        total=shown.total,
    )
    return translated(more)


def _styles(shown: Table, cells: Sequence[str]) -> list[str]:
    # JupyterLab aligns all cells to the right, by a rule that only a style can overrule.
    return [
        f' style="text-align:{"right" if name in shown.numbers else "left"}"' for name in shown.columns[: len(cells)]
    ]


def _shortened(text: str) -> str:
    left = len(text) - LONGEST_JSON
    if left <= 0:
        return text
    more = _("… ({left:,} characters left out: _qwen.text has all of it)", left=left)
    return f"{text[:LONGEST_JSON]}\n{translated(more)}"


class DataSection:
    """A table that grows while its JSON arrives, a block for each row. `state` is what a page needs to draw it.

    The first block opens the table, and the tail closes it: one after the other they are the HTML of all of it, and a
    page puts rows into the table that is open.
    """

    def __init__(self, schema: Schema[Any]) -> None:
        self.state: SectionState = {"blocks": [], "tail": "", "append": ""}
        self._schema = schema
        self._table = GrowingTable(schema)
        self._fed: list[str] = []
        self._columns = 0

    @property
    def text(self) -> str:
        """All that it was made of."""
        return "".join(self._fed)

    def clear(self) -> SectionPatch:
        """Begin anew; returns what to send to the page."""
        self._fed, self._table, self._columns = [], GrowingTable(self._schema), 0
        self.state |= {"blocks": [], "tail": ""}
        return {"base": 0, "blocks": [], "tail": "", "append": ""}

    def grow(self, text: str) -> SectionPatch:
        """Take the next piece of text; returns what to send to the page."""
        self._fed.append(text)
        self._table.feed(text)
        shown = self._table.table
        # Where the schema leaves the fields open, a new one makes a new header: as many times as there are columns.
        base = len(self.state["blocks"]) if len(shown.columns) == self._columns else 0
        self._columns = len(shown.columns)
        new = ([] if base else [_opened_html(shown)]) + _rows_html(shown, max(base - 1, 0))
        self.state["blocks"][base:] = new
        self.state["tail"] = _closed_html(shown)
        return {"base": base, "blocks": new, "tail": self.state["tail"], "append": ""}

    def close(self, whole: str) -> SectionPatch:
        """This is all there is, with what had arrived and was not shown yet; returns what to send to the page."""
        shown = self.text
        if not whole.startswith(shown):
            self.clear()
            shown = ""
        return self.grow(whole[len(shown) :])


class TableText:
    """A table that grows while its JSON arrives, for a terminal."""

    def __init__(self, schema: Schema[Any]) -> None:
        self._schema = schema
        self._table = GrowingTable(schema)

    @property
    def total(self) -> int:
        """How many rows there are."""
        return self._table.total

    def feed(self, text: str) -> None:
        """Take the next piece of the answer's text."""
        self._table.feed(text)

    def emptied(self) -> TableText:
        """The table of the answer that comes in its place."""
        return TableText(self._schema)

    def last(self, rows: int) -> str:
        """The last rows, and how many there are."""
        shown = self._table.table
        width = len(shown.columns)
        ends = [(*cells, *[""] * (width - len(cells))) for cells in shown.rows[-min(rows, LAST_ROWS) :]]
        counted = translated(_("{count:,} so far", count=shown.total))
        return f"{Listing(shown.columns, ends)!r}\n{counted}"
