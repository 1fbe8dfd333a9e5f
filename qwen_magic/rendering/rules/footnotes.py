"""Footnotes: `[^1]` is a raised number, and `[^1]: …` is a block where it stands, which begins with that number.

The syntax is mdit-py-plugins'. Its output is not: it moves the notes to the end, with links to and fro. An answer is
shown block by block, and on a page with two answers a link within the page could lead to the other one. A number is a
reference before its note has come, which as a rule is at the end; `[^word]` is one if there is such a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping, Sequence
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

__all__ = ["FOOTNOTE", "footnotes"]

# In the `meta` of a text that is a reference: its label.
FOOTNOTE = "footnote"

NUMBER = re.compile(r"\d{1,3}")


def footnotes(md: MarkdownIt) -> None:
    """Add the rules."""
    md.use(footnote_plugin, inline=False, move_to_end=False, always_match_refs=True)
    md.core.ruler.after("block", "footnotes", _unwrap_notes)
    md.core.ruler.push("footnote_references", _judge_references)


def _unwrap_notes(state: StateCore) -> None:
    if any(token.type == "footnote_reference_open" for token in state.tokens):
        state.tokens = list(_unwrapped(state.tokens, state.env["references"]))


def _unwrapped(tokens: Sequence[Token], references: MutableMapping[str, Any]) -> Iterator[Token]:
    """`tokens`, with notes as ordinary blocks that begin with their reference; their labels become known."""
    depth, mark = 0, ""
    for token, following in pairwise([*tokens, Token("", "", 0)]):
        if token.type == "footnote_reference_open":
            depth += 1
            references.setdefault(_key(token.meta["label"]), {"href": "", "title": ""})
            mark = f"[^{token.meta['label']}]"
            if following.type != "paragraph_open":
                yield from _paragraph(mark, token)
                mark = ""
        elif token.type == "footnote_reference_close":
            depth -= 1
        else:
            if token.type == "inline" and mark:
                token.content, mark = f"{mark} {token.content}", ""
            token.level -= depth
            yield token


def _paragraph(text: str, note: Token) -> Iterator[Token]:
    yield Token("paragraph_open", "p", 1, level=note.level, block=True, map=note.map)
    yield Token("inline", "", 0, level=note.level + 1, block=True, content=text, children=[], map=note.map)
    yield Token("paragraph_close", "p", -1, level=note.level, block=True)


def _judge_references(state: StateCore) -> None:
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "footnote_ref":
                label = str(child.meta["label"])
                known = NUMBER.fullmatch(label) or _key(label) in state.env["references"]
                child.type, child.content, child.meta = "text", f"[^{label}]", {FOOTNOTE: label} if known else {}


def _key(label: str) -> str:
    """Where a note is kept among the references: those have no brackets in their labels."""
    return f"[^{label}]"
