"""`<br>`, the one piece of HTML that an answer cannot do without: a table's cell has no other way to break a line."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

__all__ = ["html_breaks"]

BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def html_breaks(md: MarkdownIt) -> None:
    """Add the rule."""
    md.inline.ruler.before("autolink", "html_break", _html_break)


def _html_break(state: StateInline, silent: bool) -> bool:
    found = BREAK.match(state.src, state.pos) if state.src[state.pos] == "<" else None
    if not found:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True
