"""The open end of a growing answer: text that may still change its meaning, and how it is shown meanwhile.

All of it is provisional: what is shown here gives way to the finished block.
"""

from __future__ import annotations

import re

from .append_patches import Appended
from .parser import References, html_blocks
from .stability import Extent

__all__ = ["LONGEST_TAIL", "Tail"]

# More than this is not rendered as long as it is open: it takes visibly long. The rest is added as plain text.
LONGEST_TAIL = 16_000

# So much of the text before is searched again with new text, for what ends a block.
EDGE = 64

# The beginning of a line that may become anything. It would flash as what it is not: a paragraph and a `-` below it
# are a heading, until the first word of the list item comes.
MARKERS = re.compile(r"[-=*+_#>`~|:$\\\[\]() \t]{1,80}|[ \t]*\d{1,9}[.)]?[ \t]*")
# The definition of a link is never seen, unless it turns out to be none.
DEFINITION = re.compile(r" {0,3}\[(?!\^)[^\[\]\n]{1,200}\]:")

DELIMITERS = re.compile(r"[-|: \t]*")


class Tail:
    """Open text, which grows by `add`. `cost` is what it takes to render it, in characters read and written."""

    def __init__(self, text: str = "") -> None:
        self.length = self.cost = len(text)
        self.at_boundary = False
        self.has_new_lines = True
        self.rendered = False
        self._pieces = [text]
        self._extent = Extent()
        self._edge = text[-EDGE:]
        self._appended = Appended("", text)

    @property
    def text(self) -> str:
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    @property
    def _in_table(self) -> bool:
        return self._extent.opened == "table_open"

    def add(self, text: str) -> None:
        """There is more; `at_boundary` says whether it brings what ends most blocks."""
        self._pieces.append(text)
        self._appended.add(text)
        self.length += len(text)
        self.cost += len(text)
        self.has_new_lines = self.has_new_lines or "\n" in text
        searched, known = self._edge + text, len(self._edge)
        self._edge = searched[-EDGE:]
        self.at_boundary = any(found.end() > known for found in self._extent.boundary.finditer(searched))

    def knows(self, extent: Extent) -> None:
        """Nothing is finished; what is open is known now."""
        self._extent = extent
        self.has_new_lines = False

    @property
    def appending_work(self) -> int:
        """Characters that were parsed for what is unshown."""
        return self._appended.work

    def unshown(self, references: References) -> str:
        """What is to be added to the page as plain text. A table gets none: it grows by whole rows."""
        if self._in_table:
            return ""
        verbatim = self._extent.opened in ("fence", "code_block")
        return self._appended.take(references, verbatim=verbatim, held=_held_back(self._appended.pending))

    def render(self, references: References) -> str:
        """The HTML of the open text as far as it is worth it; the rest is unshown."""
        text = self.text
        end = min(self.length if self._in_table else self.length - _held_back(text), LONGEST_TAIL)
        html = "".join(html_blocks(text[:end], references, provisional=True))
        self._appended = Appended(text[:end], text[end:])
        self.cost = self.length + len(html)
        self.rendered = True
        return html


def _held_back(text: str) -> int:
    """How many characters at the end of `text` had better wait for more."""
    start = text.rfind("\n") + 1
    last = text[start:]
    if DEFINITION.match(last):
        return len(last)
    if last and not MARKERS.fullmatch(last) and not last.startswith("|"):
        return 0
    above = text.rfind("\n", 0, max(start - 1, 0)) + 1
    if start and DELIMITERS.fullmatch(last) and _is_head(text, above):
        return len(text) - above
    return len(last) if MARKERS.fullmatch(last) or _is_head(text, start) else 0


def _is_head(text: str, start: int) -> bool:
    """Whether the line at `start` may be the head of a table: the first one with a bar at its beginning."""
    before = text.rfind("\n", 0, max(start - 1, 0)) + 1
    return text.startswith("|", start) and not (start and text.startswith("|", before))
