"""The open end of an answer: what has begun there and not ended is shown as what it will be, without its markers.

`**bold` is bold, `` `code `` is code, `[text](https://exa` is its text. These rules apply where `env` says so, and only
to the very end of its last line: what is finished is parsed without them. A guess that goes wrong (`*` may be a star)
is seen until its block is finished, so there are bounds on how far it goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_inline.state_inline import Delimiter, StateInline

from .cjk_emphasis import SINGLE_TILDE
from .math import TEX

__all__ = ["OPEN_END", "OpenEnd", "open_end", "without_last_markers"]

# In `env` while the last line is parsed.
OPEN_END = "open_end"

# Characters behind an opener within which its closer is expected.
LONGEST_CODE, LONGEST_LABEL, LONGEST_FORMULA = 300, 300, 1_000
LONGEST_EMPHASIS = {1: 300, 2: 600, 3: 600}

BACKTICKS = re.compile(r"`+")
TARGET = re.compile(r"\((?:<[^<>\n]{0,2000}|\S{0,2000}(?:\s+[\"'(].{0,300})?\s*)|\[[^\[\]]{0,300}", re.DOTALL)
URL = re.compile(r"<(?=https?://|mailto:)[^\s<>]*")
FORMULA = re.compile(r"(\\[(\[]|\$\$?)(?!\$)")

# The box of a task, or a link.
BOX = re.compile(r"\[[ xX]?\]?\Z")

# These may be the first half of a marker, or belong to what they close.
LAST_MARKERS = "*_~`$\\<"


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """What is parsed as an open end: its text, and where it last has n backticks."""

    source: str
    backticks: dict[int, int]

    @classmethod
    def of(cls, source: str) -> OpenEnd:
        return cls(source, {len(found[0]): found.start() for found in BACKTICKS.finditer(source)})


def without_last_markers(source: str) -> str:
    while source != (source := source.rstrip(LAST_MARKERS).removesuffix("<br").removesuffix("<b")):
        pass
    return source


def open_end(md: MarkdownIt) -> None:
    """Add the rules."""
    md.inline.ruler.after("math", "open_formula", _open_formula)
    md.inline.ruler.before("backticks", "open_code", _open_code)
    md.inline.ruler.after("footnote_ref", "open_link", _open_link)
    md.inline.ruler.before("autolink", "open_autolink", _open_autolink)
    md.inline.ruler2.after("balance_pairs", "open_emphasis", _open_emphasis)


def _end_of(state: StateInline, silent: bool) -> OpenEnd | None:
    """The open end, if these rules apply to the line that is parsed and up to its end."""
    found: OpenEnd | None = state.env.get(OPEN_END)
    applies = found and not silent and state.src == found.source and state.posMax == len(state.src)
    return found if applies else None


def _open_code(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "`":
        return False
    end, run = _end_of(state, silent), BACKTICKS.match(state.src, state.pos)
    if not end or not run or end.backticks.get(len(run[0]), 0) > state.pos:
        return False
    return _shown_as_code(state, state.src[run.end() :], LONGEST_CODE)


def _open_formula(state: StateInline, silent: bool) -> bool:
    opener = FORMULA.match(state.src, state.pos)
    if not opener or not _end_of(state, silent):
        return False
    formula = state.src[opener.end() :]
    if opener[0] == "$" and (formula[:1].isspace() or formula[:1].isdigit()):
        return False
    # A single dollar and an escaped bracket are something else more often than not.
    if opener[0] in ("$", "\\[") and not TEX.search(formula):
        return False
    return _shown_as_code(state, formula, LONGEST_FORMULA)


def _shown_as_code(state: StateInline, source: str, longest: int) -> bool:
    if not source.strip() or len(source) > longest:
        return False
    state.push("code_inline", "code", 0).content = source.strip()
    state.pos = state.posMax
    return True


def _open_link(state: StateInline, silent: bool) -> bool:
    """A link or a picture without its end is its text."""
    start = state.pos + state.src.startswith("![", state.pos)
    if state.src[start] != "[" or not _end_of(state, silent):
        return False
    if BOX.match(state.src, start):
        state.pos = state.posMax
        return True
    label_end = state.md.helpers.parseLinkLabel(state, start)
    end = state.posMax
    if end - start > LONGEST_LABEL and label_end < 0:
        return False
    if label_end < 0:
        state.pos = end if state.src.startswith("^", start + 1) else start + 1
        return True
    rest = state.src[label_end + 1 :]
    if rest and not TARGET.fullmatch(rest):
        return False
    state.pos, state.posMax = start + 1, label_end
    state.md.inline.tokenize(state)
    state.pos = state.posMax = end
    return True


def _open_autolink(state: StateInline, silent: bool) -> bool:
    found = URL.match(state.src, state.pos)
    if not found or found.end() < len(state.src) or not _end_of(state, silent):
        return False
    state.pos += 1
    return True


def _open_emphasis(state: StateInline) -> None:
    """Close what was opened and has no closer, from the inside out."""
    if not _end_of(state, silent=False):
        return
    for opener in reversed(list(_unclosed(state))):
        state.push("text", "", 0).content = state.tokens[opener.token].content
        opener.end = len(state.delimiters)
        closer = Delimiter(opener.marker, opener.length, len(state.tokens) - 1, -1, False, True)
        state.delimiters.append(closer)


def _unclosed(state: StateInline) -> Iterator[Delimiter]:
    """The markers that nothing closes, outside of all that is closed, and not far from the end."""
    behind = [0]
    for token in reversed(state.tokens):
        behind.append(behind[-1] + len(token.content))
    closed = -1
    for number, marker in enumerate(state.delimiters):
        closed = max(closed, marker.end)
        if marker.end >= 0 or number <= closed or not marker.open or marker.marker == SINGLE_TILDE:
            continue
        longest = LONGEST_EMPHASIS.get(marker.length or 2, 0)
        following = state.tokens[marker.token + 1 :][:1]
        is_word = bool(following) and following[0].content[:1].isalnum()
        if behind[-2 - marker.token] <= longest and (marker.length != 1 or is_word):
            yield marker
