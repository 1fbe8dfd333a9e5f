"""Task lists: `- [ ]` and `- [x]` as ☐ and ☑. They are characters, not form fields: a record has nothing to tick."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

__all__ = ["tasks"]

BOX = re.compile(r"\[([ xX])\](?=\s)")


def tasks(md: MarkdownIt) -> None:
    """Add the rule."""
    md.core.ruler.before("inline", "tasks", _mark_tasks)


def _mark_tasks(state: StateCore) -> None:
    tokens = state.tokens
    for item, paragraph, inline in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if item.type != "list_item_open" or paragraph.type != "paragraph_open":
            continue
        box = BOX.match(inline.content)
        if box:
            inline.content = ("☐" if box[1] == " " else "☑") + inline.content[box.end() :]
            item.attrSet("class", "task-list-item")
