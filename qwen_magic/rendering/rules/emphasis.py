"""Emphasis (`*`, `_`, `~~`) beside Chinese, Japanese and Korean text.

CommonMark takes the punctuation at a marker's side for the edge of a word, which goes wrong where words have no
spaces between them: `**注意：**请看` would stay as it is. So a wide character on either side counts as an edge of
its own, and wide punctuation is a letter like any other.
"""

from __future__ import annotations

from unicodedata import east_asian_width

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.rules_inline.state_inline import Delimiter, StateInline

__all__ = ["cjk_emphasis"]


def cjk_emphasis(md: MarkdownIt) -> None:
    """Put the rule in the place of markdown-it's own two."""
    md.inline.ruler.at("emphasis", emphasis)
    md.inline.ruler.at("strikethrough", strikethrough)


def emphasis(state: StateInline, silent: bool) -> bool:
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    length = run_length(state)
    opens, closes = sides(state, length, inside_words=marker == "*")
    for _ in range(length):
        push_marker(state, marker, length, opens, closes)
    state.pos += length
    return True


def strikethrough(state: StateInline, silent: bool) -> bool:
    if silent or state.src[state.pos] != "~":
        return False
    length = run_length(state)
    if length != 2:
        # GitHub takes three and more for text. One is "about" more often than it is a deletion.
        state.push("text", "", 0).content = "~" * length
    else:
        opens, closes = sides(state, length, inside_words=True)
        # Length 0 exempts from CommonMark's rule of three, which is for markers that may be single or double.
        push_marker(state, "~~", 0, opens, closes)
    state.pos += length
    return True


def push_marker(state: StateInline, text: str, length: int, opens: bool, closes: bool) -> None:
    state.push("text", "", 0).content = text
    state.delimiters.append(Delimiter(ord(text[0]), length, len(state.tokens) - 1, -1, opens, closes))


def run_length(state: StateInline) -> int:
    """How often the marker at the present position is repeated."""
    start, end = state.pos, state.pos
    while end < state.posMax and state.src[end] == state.src[start]:
        end += 1
    return end - start


def sides(state: StateInline, length: int, *, inside_words: bool) -> tuple[bool, bool]:
    """Whether a run of markers can open and can close; `inside_words` says whether also between two letters."""
    end = state.pos + length
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[end] if end < state.posMax else " "
    left = flanks(before, after)
    right = flanks(after, before)
    if inside_words:
        return left, right
    return left and (not right or is_edge(before)), right and (not left or is_edge(after))


def flanks(outside: str, inside: str) -> bool:
    """Whether a run with these two neighbours belongs to what stands `inside`."""
    if is_space(inside):
        return False
    return not is_punctuation(inside) or is_space(outside) or is_edge(outside)


def is_edge(char: str) -> bool:
    return is_punctuation(char) or is_wide(char)


def is_space(char: str) -> bool:
    return isWhiteSpace(ord(char))


def is_punctuation(char: str) -> bool:
    return not is_wide(char) and (isMdAsciiPunct(ord(char)) or isPunctChar(char))


def is_wide(char: str) -> bool:
    """Whether a character belongs to East Asian text; emoji do as well, which is of use here."""
    return char > "\u10ff" and east_asian_width(char) in "WFH"
