"""A change of a cell, drawn: HTML, markdown and plain text that read well in any viewer. Not in a terminal's colours.

Signs tell what is new and what goes, so that nobody needs the colours. The colours are transparent, and so right in
every theme; they are in the HTML itself, because a notebook that is opened elsewhere has no style sheet.
"""

from __future__ import annotations

from html import escape
from typing import Any

from ..code_cells.unified_diff import Diff
from ..core.control_characters import one_line, visible
from ..core.languages import translated
from ..core.translatable import _, _n, listed
from .parser import encodable
from .safe_markdown import as_code, as_text

__all__ = ["caption", "diff_facts", "diff_html", "diff_markdown", "diff_plain"]

FRAME = "border:1px solid #8886;border-radius:4px;margin:8px 0;padding:6px 10px"
# By the sign of a line: Pygments' class, which themes colour, and our own colour behind it.
LOOKS = {
    "+": ("gi", "background-color:#2ea04333"),
    "-": ("gd", "background-color:#f8514933"),
    "@": ("gu", "opacity:0.7"),
}


def caption(diff: Diff) -> str:
    """Which cell it is, and how much of it changes, in the language of what runs now."""
    added = _n("{count} line added", "{count} lines added", count=diff.added) if diff.added else ""
    removed = _n("{count} line removed", "{count} lines removed", count=diff.removed) if diff.removed else ""
    changes = listed((added, removed))
    return one_line(translated(_("{cell}: {changes}", cell=diff.name, changes=changes) if diff.name else changes))


def diff_html(diff: Diff) -> str:
    """The unified diff, a span for each line; its text is the diff itself."""
    lines = "".join(map(_line_html, diff.lines))
    return (
        f'<div class="highlight qwen-diff" style="{FRAME}"><small>{escape(caption(diff))}</small>'
        f"<pre><code>{lines}</code></pre></div>\n"
    )


def _line_html(line: str) -> str:
    text = escape(visible(line)) + "\n"
    look = LOOKS.get(line[:1])
    return f'<span class="{look[0]}" style="display:block;{look[1]}">{text}</span>' if look else text


def diff_markdown(diff: Diff) -> str:
    """A fence that many viewers colour, below a line that says which cell it is."""
    return f"{as_text(caption(diff))}\n\n{as_code(visible(str(diff)), 'diff')}"


def diff_plain(diff: Diff) -> str:
    """The same as plain text."""
    return f"{caption(diff)}\n{visible(str(diff))}"


def diff_facts(diff: Diff) -> dict[str, Any]:
    """What a page needs to apply it: it checks that the cell is there and still has the `old` source."""
    return {"cell": encodable(diff.cell), "old": encodable(diff.old), "new": encodable(diff.new)}
