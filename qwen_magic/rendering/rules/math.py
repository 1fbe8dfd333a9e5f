r"""Formulas: `$…$`, `\(…\)`, `$$…$$`, `\[…\]` and `\begin{align}…\end{align}`. Inside them nothing is markdown.

A dollar is a price or a shell variable more often than not, so `$` follows pandoc's rule (no space inside, no digit
after) and a little more. Tokens: `math_inline` and `math_block`, with the formula in `content`; `unsafe_math`, with the
source in `content`, for what `typesetting` refuses, and for what is too much in one answer: that is counted in
`env["references"]`, which is all that one block knows of another.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from .typesetting import MOST_TYPESET, PRICE_OF_FORMULA, is_typeset

__all__ = ["TYPESET", "math"]

# Among the references, which have their labels in capitals: how much of an answer has been formulas.
TYPESET = "typeset"

# Nobody writes a longer formula into a paragraph; the bound keeps a page of lone openers linear.
LONGEST_INLINE = 4_000

PAREN = re.compile(r"\\\(((?:[^\\]|\\[^()\[\]])+?)\\\)")
BRACKET = re.compile(r"\\\[((?:[^\\]|\\[^()\[\]])+?)\\\]")
DOLLARS = re.compile(r"\$\$((?:[^\\$]|\\[^()\[\]])+?)\$\$(?!\$)")
DOLLAR = re.compile(r"\$(?![\s$])((?:[^\\$]|\\[^()\[\]])+?)(?<!\s)\$(?![\d$])")

# `\[1]` and `\[note\]` are brackets that somebody escaped, not formulas.
ESCAPED_BRACKETS = re.compile(r"\\\[[\w.,:;!?'-]+(?: [\w.,:;!?'-]+)*\\\]")

# A price and words up to the next price: `$5 to 10$`, but not `$5 + 3$` and not `$5 \text{ m}$`.
PRICE = re.compile(r"\d(?![^\\^_={}]*[\\^_={}])(?s:.*?)[A-Za-z]{2}(?s:.*)|\d[\d.,]*[-–—/][\d.,]*")

# What may stand in front of a letter: the `$n$th`. `$HOME/bin:$PATH` may not.
BEFORE_LETTER = re.compile(r"[A-Za-z]'?|[^$]*[\\^][^$]*", re.DOTALL)

# What formulas have and prose has not: without it, text behind an opener is a paragraph that begins with a bracket.
TEX = re.compile(r"[\\^_={}&<>+]")

OPENER = re.compile(
    r"(?:(?P<dollars>\$\$)|(?P<bracket>\\\[)|\\begin\{(?P<environment>(?:equation|align|alignat|gather|multline|eqnarray)\*?)\})"
)


def math(md: MarkdownIt) -> None:
    """Add the rules."""
    md.inline.ruler.before("escape", "math", _inline_math)
    md.block.ruler.before("fence", "math", _block_math, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    md.core.ruler.push("math_budget", _count_formulas)


def _count_formulas(state: StateCore) -> None:
    """Show as code what is more than a page can typeset."""
    references = state.env["references"]
    for token in state.tokens:
        for formula in (token, *(token.children or ())):
            if formula.type not in ("math_inline", "math_block"):
                continue
            references[TYPESET] = references.get(TYPESET, 0) + len(formula.content) + PRICE_OF_FORMULA
            if references[TYPESET] > MOST_TYPESET:
                _show_as_code(formula, formula.meta["source"])


def _inline_math(state: StateInline, silent: bool) -> bool:
    found = _find_inline(state.src, state.pos, min(state.posMax, state.pos + LONGEST_INLINE))
    if not found:
        return False
    if not silent:
        display = found[0][:2] in ("$$", "\\[")
        _push_formula(state.push("math_inline", "", 0), found[1], found[0], display=display)
    state.pos = found.end()
    return True


def _find_inline(src: str, start: int, end: int) -> re.Match[str] | None:
    """The formula that begins at `start`, if one does."""
    if src[start] == "\\":
        found = PAREN.match(src, start, end) or BRACKET.match(src, start, end)
        return None if found and (not found[1].strip() or ESCAPED_BRACKETS.fullmatch(found[0])) else found
    if src[start] != "$" or (start and src[start - 1] == "$"):
        return None
    found = DOLLARS.match(src, start, end)
    if found:
        return found if found[1].strip() else None
    found = DOLLAR.match(src, start, end)
    return found if found and _is_formula(src, found) else None


def _is_formula(src: str, found: re.Match[str]) -> bool:
    """Whether what stands between two dollars is a formula, not a price or a shell's variable."""
    before = src[found.start() - 1] if found.start() else " "
    after = src[found.end()] if found.end() < len(src) else " "
    if before.isascii() and before.isalnum():
        return False
    if ((after.isascii() and after.isalpha()) or after in "_{") and not BEFORE_LETTER.fullmatch(found[1]):
        return False
    return not PRICE.fullmatch(found[1])


def _block_math(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A formula on lines of its own, up to its closer; without one, up to the next empty line, and then text.

    The first line alone decides whether it is one, so that what comes later never moves the end of a block.
    """
    if state.is_code_block(start):
        return False
    opener = _opening(_line_of(state, start))
    if not opener:
        return False
    if silent:
        return True
    closer = _closer_of(opener)
    next_line = start
    closed = False
    while not closed and next_line < end and not _ends(state, start, next_line):
        line = _line_of(state, next_line)
        closed = line.endswith(closer) and (next_line > start or len(line) >= opener.end() + len(closer))
        next_line += 1
    state.line = next_line
    source = state.getLines(start, next_line, state.blkIndent, False).strip()
    _push_block(state, start, source, opener, closed)
    return True


def _push_block(state: StateBlock, start: int, source: str, opener: re.Match[str], closed: bool) -> None:
    lines = [start, state.line]
    formula = source if opener["environment"] else source[opener.end() : -len(_closer_of(opener))]
    if closed and formula.strip() and not re.search(r"(?<!\\)(?:\\\\)*\\[()\[\]]", formula):
        token = state.push("math_block", "", 0)
        _push_formula(token, formula, source, display=True)
        token.map = lines
        return
    paragraph = state.push("paragraph_open", "p", 1)
    paragraph.map = lines
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = source, lines, []
    state.push("paragraph_close", "p", -1)


def _opening(line: str) -> re.Match[str] | None:
    """The opener that `line` begins with, unless its formula ends within the line and text follows."""
    opener = OPENER.match(line)
    if not opener:
        return None
    closed = line.find(_closer_of(opener), opener.end())
    if closed == -1:
        behind = line[opener.end() :]
        return opener if opener["environment"] or not behind or TEX.search(behind) else None
    return opener if closed == len(line) - len(_closer_of(opener)) else None


def _closer_of(opener: re.Match[str]) -> str:
    if opener["dollars"]:
        return "$$"
    return r"\]" if opener["bracket"] else rf"\end{{{opener['environment']}}}"


def _ends(state: StateBlock, start: int, line: int) -> bool:
    """Whether a formula that began on the line `start` cannot go on here: an empty line, or out of its list item."""
    return line > start and (state.isEmpty(line) or state.sCount[line] < state.blkIndent)


def _line_of(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()


def _push_formula(token: Token, formula: str, source: str, *, display: bool) -> None:
    """Fill in a formula's token; `display` asks for a line of its own, also within a paragraph."""
    if is_typeset(formula):
        token.content = formula.strip()
        token.meta = {"display": display, "source": source}
    else:
        _show_as_code(token, source)


def _show_as_code(token: Token, source: str) -> None:
    token.type, token.content = "unsafe_math", source
