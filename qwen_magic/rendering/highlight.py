"""The colours of code, as Pygments' classes: the page's theme says what they look like. Not for terminals."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import cache, lru_cache
from html import escape
from typing import Any

from pygments import format as formatted  # type: ignore[import-untyped]  # it has no types
from pygments.filter import Filter  # type: ignore[import-untyped]  # it has no types
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # it has no types
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]  # it has no types
from pygments.token import STANDARD_TYPES, Name, Punctuation, Text, Whitespace  # type: ignore[import-untyped]  # it has no types
from pygments.util import ClassNotFound  # type: ignore[import-untyped]  # it has no types

__all__ = ["TOKEN_CLASSES", "code_html", "colours", "lexer_of"]

TOKEN_CLASSES = frozenset(filter(None, STANDARD_TYPES.values()))

# A lexer cannot be interrupted within one match of a regular expression, and many take time with the square or the cube
# of a line's length, or of a run of blanks and empty lines: what no program has is not given to them.
LONGEST_LINE = 1_000
BLANKS = re.compile(r"\s{200}")

# Nobody reads colours in more than this. `tests/benchmarks/lexers.py` found these lexers to keep to their time; of the
# others Nemerle does not, with 12,000 characters. With up to 3,000 all lexers do, so that the cube of that is below two
# seconds for 5,000; of 40 usual ones Terraform takes all of its time, Rust, SQL, YAML and the others 0.12 s at most.
MOST_CHARACTERS, MOST_OF_OTHERS = 100_000, 5_000
MEASURED = {
    *("Bash", "C", "C#", "C++", "Go", "Groovy", "HTML", "JSON", "Java", "JavaScript"),
    *("Kotlin", "PHP", "Python", "Ruby", "S", "Swift", "TypeScript"),
}

# Seconds of this thread's CPU that a lexer may take. Most take 2 µs a character here; the first use of one that hands
# parts to others (HTML) compiles those.
ALLOWED, ALLOWED_PER_CHARACTER = 0.2, 10e-6

# What no theme needs a colour for. It is half of all tokens, and an element each would be half of a page's work.
PLAIN = frozenset({Name, Punctuation, Whitespace})


def code_html(source: str, language: str) -> str:
    """A code block's HTML; `language` is the word that its fence names, and may be anything."""
    lexer = lexer_of(language)
    code = _coloured(source, lexer) if lexer else escape(source)
    named = f' data-language="{escape(language)}"' if lexer else ""
    return f'<div class="highlight"{named}><pre><code>{code}</code></pre></div>\n'


def colours() -> str:
    """CSS for a page that does not know Pygments' classes: JupyterLab's own variables, each with a plain default."""
    rules = {
        "c, ch, cm, cp, cpf, c1, cs": "color: var(--jp-mirror-editor-comment-color, #408080); font-style: italic",
        "k, kc, kd, kn, kp, kr, ow": "color: var(--jp-mirror-editor-keyword-color, #008000); font-weight: bold",
        "kt, nb, bp": "color: var(--jp-mirror-editor-builtin-color, #008000)",
        "o": "color: var(--jp-mirror-editor-operator-color, #aa22ff); font-weight: bold",
        "s, sa, sb, sc, dl, sd, s2, se, sh, si, sx, sr, s1, ss": "color: var(--jp-mirror-editor-string-color, #ba2121)",
        "m, mb, mf, mh, mi, mo, il": "color: var(--jp-mirror-editor-number-color, #008800)",
        "nf, nc, fm": "color: var(--jp-mirror-editor-def-color, #0000ff)",
        "nd, nt": "color: var(--jp-mirror-editor-meta-color, #aa22ff)",
        "gd": "color: var(--jp-error-color1, #b71c1c)",
        "gi": "color: var(--jp-success-color1, #1b5e20)",
        "err": "color: var(--jp-mirror-editor-error-color, #ff0000)",
    }
    return "\n".join(
        ", ".join(f".highlight .{name}" for name in names.split(", ")) + f" {{ {style} }}"
        for names, style in rules.items()
    )


class _TooSlowError(Exception):
    """A lexer has taken the time that it was given."""


class _Sparing(Filter):  # type: ignore[misc]  # Pygments has no types
    """Makes text of the tokens that need no colour."""

    def filter(self, lexer: Any, stream: Iterator[tuple[Any, str]]) -> Iterator[tuple[Any, str]]:
        """Pygments' hook."""
        return ((Text if kind in PLAIN else kind, text) for kind, text in stream)


@lru_cache(maxsize=64)
def lexer_of(language: str) -> Any:
    """Pygments' lexer for `language`; `None` if it has none."""
    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False, filters=[_Sparing()]) if language else None
    except ClassNotFound:
        return None


@cache
def _formatter() -> Any:
    """Pygments' formatter. Making one takes as long as colouring a short block, and it keeps nothing of a block."""
    return HtmlFormatter(nowrap=True)


def _coloured(source: str, lexer: Any) -> str:
    """The code in colours, or as it is if those take too long."""
    most = MOST_CHARACTERS if lexer.name in MEASURED else MOST_OF_OTHERS
    if len(source) > most or BLANKS.search(source) or max(map(len, source.split("\n"))) > LONGEST_LINE:
        return escape(source)
    end = time.thread_time() + ALLOWED + ALLOWED_PER_CHARACTER * len(source)
    try:
        return str(formatted(_until(end, lexer.get_tokens(source)), _formatter()))
    except Exception:
        # Some of the 500 lexers stumble over what is not their language, or take too long; then there are no colours.
        return escape(source)


def _until(end: float, tokens: Iterator[tuple[Any, str]]) -> Iterator[tuple[Any, str]]:
    """The tokens of a lexer, as long as this thread's CPU has taken less than `end`."""
    for token in tokens:
        if time.thread_time() > end:
            raise _TooSlowError
        yield token
