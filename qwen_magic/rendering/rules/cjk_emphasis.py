"""Emphasis (`*`, `_`, `~~`, `~`) beside Chinese, Japanese and Korean text.

CommonMark takes the punctuation at a marker's side for the edge of a word, which goes wrong where words have no
spaces between them: `**注意：**请看` would stay as it is. So a wide character on either side counts as an edge of
its own, and wide punctuation is a letter like any other.
"""

from __future__ import annotations

from unicodedata import east_asian_width

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.rules_inline.state_inline import Delimiter, StateInline

__all__ = ["SINGLE_TILDE", "cjk_emphasis"]

# A marker of its own: one tilde does not close what two have opened. A single one is "about" or "to" (`5~10`, `~5`)
# more often than it strikes something out, in Chinese above all: so it does that around whole words only.
SINGLE_TILDE = -ord("~")


def cjk_emphasis(md: MarkdownIt) -> None:
    """Put the rule in the place of markdown-it's own two."""
    md.inline.ruler.at("emphasis", _emphasis)
    md.inline.ruler.at("strikethrough", _strikethrough)
    md.inline.ruler2.after("balance_pairs", "single_tildes", _single_tildes)


def _emphasis(state: StateInline, silent: bool) -> bool:
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    length = _run_length(state)
    opens, closes = _sides(state, length, inside_words=marker == "*")
    for _ in range(length):
        _push_marker(state, marker, length, opens, closes)
    state.pos += length
    return True


def _strikethrough(state: StateInline, silent: bool) -> bool:
    if silent or state.src[state.pos] != "~":
        return False
    length = _run_length(state)
    # Length 0 exempts from CommonMark's rule of three, which is for markers that may be single or double.
    if length == 2:
        _push_marker(state, "~~", 0, *_sides(state, length, inside_words=True))
    elif length == 1:
        opens, closes = _sides(state, length, inside_words=False)
        before, after = _neighbours(state, length)
        _push_marker(
            state, "~", 0, opens and not _belongs_to_word(before), closes and not _belongs_to_word(after), SINGLE_TILDE
        )
    else:
        # GitHub takes three and more for text.
        state.push("text", "", 0).content = "~" * length
    state.pos += length
    return True


def _single_tildes(state: StateInline) -> None:
    """Strike out what is between two single tildes that belong together."""
    for delimiters in (state.delimiters, *(meta["delimiters"] for meta in state.tokens_meta if meta)):
        for opener in delimiters:
            if opener.marker != SINGLE_TILDE or opener.end < 0:
                continue
            for delimiter, kind, nesting in ((opener, "s_open", 1), (delimiters[opener.end], "s_close", -1)):
                token = state.tokens[delimiter.token]
                token.type, token.tag, token.nesting = kind, "s", nesting
                token.markup, token.content = "~~", ""


def _push_marker(
    state: StateInline, text: str, length: int, opens: bool, closes: bool, marker: int | None = None
) -> None:
    state.push("text", "", 0).content = text
    marker = ord(text[0]) if marker is None else marker
    state.delimiters.append(Delimiter(marker, length, len(state.tokens) - 1, -1, opens, closes))


def _run_length(state: StateInline) -> int:
    """How often the marker at the present position is repeated."""
    start, end = state.pos, state.pos
    while end < state.posMax and state.src[end] == state.src[start]:
        end += 1
    return end - start


def _sides(state: StateInline, length: int, *, inside_words: bool) -> tuple[bool, bool]:
    """Whether a run of markers can open and can close; `inside_words` says whether also between two letters."""
    before, after = _neighbours(state, length)
    left = _flanks(before, after)
    right = _flanks(after, before)
    if inside_words:
        return left, right
    return left and (not right or _is_edge(before)), right and (not left or _is_edge(after))


def _neighbours(state: StateInline, length: int) -> tuple[str, str]:
    """The characters before and after a run of markers; a space where there is none."""
    end = state.pos + length
    before = state.src[state.pos - 1] if state.pos else " "
    return before, state.src[end] if end < state.posMax else " "


def _flanks(outside: str, inside: str) -> bool:
    """Whether a run with these two neighbours belongs to what stands `inside`."""
    if _is_space(inside):
        return False
    return not _is_punctuation(inside) or _is_space(outside) or _is_edge(outside)


def _is_edge(char: str) -> bool:
    return _is_punctuation(char) or _is_wide(char)


def _belongs_to_word(char: str) -> bool:
    """Whether a character belongs to a word or a number, in whatever script."""
    return char.isalnum()


def _is_space(char: str) -> bool:
    return isWhiteSpace(ord(char))


def _is_punctuation(char: str) -> bool:
    return not _is_wide(char) and (isMdAsciiPunct(ord(char)) or isPunctChar(char))


def _is_wide(char: str) -> bool:
    """Whether a character belongs to East Asian text; emoji do as well, which is of use here."""
    return char > "\u10ff" and east_asian_width(char) in "WFH"
