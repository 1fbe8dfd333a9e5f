"""The markdown that models write, block by block, into sanitised HTML: CommonMark with tables, math and our rules.

Raw HTML is text. Each top-level block is rendered and sanitised by itself, so that an answer can be shown in pieces:
which blocks of a growing answer are finished is the business of `incremental`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from functools import cache
from html import escape
from itertools import chain
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from .highlight import code_html
from .rules.cjk_emphasis import cjk_emphasis
from .rules.footnotes import FOOTNOTE, footnotes
from .rules.line_breaks import html_breaks
from .rules.links import links
from .rules.math import math
from .rules.open_end import OPEN_END, OpenEnd, open_end, without_last_markers
from .rules.task_lists import tasks
from .sanitizer import PROCESS_MATH, sanitise

__all__ = [
    "References",
    "block_html",
    "completed",
    "encodable",
    "fences",
    "html_blocks",
    "language",
    "normalised",
    "outline",
    "parser",
    "said",
    "top_level",
]

# Where links like `[text][label]` lead, by label: all that one block knows of another.
References = MutableMapping[str, Any]

# Half of a character that UTF-16 needs two units for; it cannot be written to a page.
SURROGATE = re.compile(r"[\ud800-\udfff]")

# The language in what stands behind a fence: `python`, but also `python:a.py`, `{.python .numbered}` and `{r, echo}`.
LANGUAGE = re.compile(r"[{.\s]*([^\s{}:,]*)")

# Deeper nesting is cut off by the parser, which works by recursion, as does whoever walks its tree.
DEEPEST = 40

# Deeper emphasis is text. The parser has no bound for it, since it finds it without recursion.
DEEPEST_EMPHASIS = 20
EMPHASIS = {f"{kind}_{end}" for kind in ("em", "strong", "s") for end in ("open", "close")}

# The parser's rules that `outline` has done.
OUTLINED = ("normalize", "block")

# In `env` for the open end of an answer.
PROVISIONAL = "provisional"

# Each `[` may begin a link, and is tried with each one before it.
MOST_BRACKETS = 1_000


def normalised(text: str) -> str:
    """`text` with line feeds for every kind of line end, and nothing in it that cannot be encoded."""
    return encodable(text).replace("\r\n", "\n").replace("\r", "\n")


def encodable(text: str) -> str:
    """`text` without halves of characters, which a model's tokens or a file's name may have."""
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


@cache
def parser() -> MarkdownIt:
    """The parser; it keeps nothing from one text to the next."""
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST}, renderer_cls=_AnswerRenderer)
    md.enable(["table", "strikethrough"])
    md.core.ruler.at("inline", _parse_inline)
    for rules in (cjk_emphasis, math, html_breaks, tasks, footnotes, links, open_end):
        md.use(rules)
    return md


def _parse_inline(state: StateCore) -> None:
    """markdown-it's rule of this name, but for what is plainly not meant to be links, and would take very long."""
    lines = [token for token in state.tokens if token.type == "inline"]
    # A row of a table that is not complete has empty cells at its end.
    last = next((token for token in reversed(lines) if token.content), None)
    for token in lines:
        token.children = []
        if token is last and PROVISIONAL in state.env:
            token.content = without_last_markers(token.content)
            state.env[OPEN_END] = OpenEnd.of(token.content)
        if token.content.count("[") > MOST_BRACKETS:
            token.children.append(Token("text", "", 0, content=token.content))
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)
            _flatten(token.children)


def _flatten(tokens: list[Token]) -> None:
    """Make text of the markers of emphasis that is too deep."""
    depth = 0
    for token in tokens:
        _flatten(token.children or [])
        if token.type not in EMPHASIS:
            continue
        depth += token.nesting > 0
        closes = token.nesting < 0
        if depth > DEEPEST_EMPHASIS:
            token.type, token.tag, token.nesting, token.content = "text", "", 0, token.markup
        depth -= closes


def html_blocks(text: str, references: References, *, provisional: bool = False) -> Iterator[str]:
    """The HTML of each top-level block of `text`; `references` are read, and those that `text` defines are added.

    `provisional` is for the open end of an answer: what begins in its last line and does not end is shown without its
    markers, and so are formulas, which are not typeset there.
    """
    env = {"references": references} | ({PROVISIONAL: True} if provisional else {})
    for block in top_level(parser().parse(text, env)):
        yield block_html(block, env)


def block_html(block: Sequence[Token], env: MutableMapping[str, Any]) -> str:
    """The HTML of one top-level block. It changes nothing of the tokens that `safe_markdown.written` reads."""
    return sanitise(parser().renderer.render(block, parser().options, env))


def said(text: str, references: References) -> str:
    """What the open end `text` of a paragraph says, as plain text."""
    text, tokens = without_last_markers(text), list[Token]()
    parser().inline.parse(text, parser(), {"references": references, OPEN_END: OpenEnd.of(text)}, tokens)
    return "".join("\n" if token.tag == "br" else token.content for token in tokens)


def outline(text: str, references: References) -> list[list[Token]]:
    """The top-level blocks of `text` without what is in their lines, which is the greater part of the work."""
    tokens: list[Token] = []
    parser().block.parse(text.replace("\0", "\ufffd"), parser(), {"references": references}, tokens)
    return list(top_level(tokens))


def completed(blocks: Iterable[list[Token]], references: References) -> list[list[Token]]:
    """What a whole parse makes of the text that `outline` has found these `blocks` in; their tokens are changed."""
    state = StateCore("", parser(), {"references": references}, list(chain.from_iterable(blocks)))
    for name, rule in zip(parser().core.ruler.get_active_rules(), parser().core.ruler.getRules(""), strict=True):
        if name not in OUTLINED:
            rule(state)
    return list(top_level(state.tokens))


def fences(text: str) -> Iterator[tuple[str, str]]:
    """The source and the language of each fenced code block of `text`, those in lists and quotes as well."""
    for block in outline(normalised(text), {}):
        yield from ((token.content, language(token)) for token in block if token.type == "fence")


def language(fence: Token) -> str:
    """The language that a fence names; empty if it names none."""
    found = LANGUAGE.match(fence.info)
    return found[1] if found else ""


def top_level(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of each top-level block."""
    block: list[Token] = []
    for token in tokens:
        block.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield block
            block = []


class _AnswerRenderer(RendererHTML):
    """HTML for what CommonMark does not have, or has otherwise."""

    def text(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        shown = escape(tokens[idx].content, quote=False)
        return f"<sup>{shown[2:-1]}</sup>" if FOOTNOTE in tokens[idx].meta else shown

    def th_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f'<{tokens[idx].tag} style="{tokens[idx].attrs.get("style", "text-align:left")}">'

    td_open = th_open

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return code_html(tokens[idx].content, language(tokens[idx]))

    def code_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return code_html(tokens[idx].content, "")

    def math_inline(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        formula = escape(tokens[idx].content)
        if PROVISIONAL in env:
            return f"<code>{formula}</code>"
        if tokens[idx].meta["display"]:
            return f'<span class="math display {PROCESS_MATH}">\\[{formula}\\]</span>'
        return f'<span class="math inline {PROCESS_MATH}">\\({formula}\\)</span>'

    def math_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f'<div class="math block {PROCESS_MATH}">\\[{escape(tokens[idx].content)}\\]</div>\n'

    def unsafe_math(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        source = tokens[idx].content
        return code_html(source, "") if tokens[idx].block else f"<code>{escape(source)}</code>"
