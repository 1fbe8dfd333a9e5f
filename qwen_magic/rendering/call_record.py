"""A call of a function and what became of it, as it stays in the notebook: a line, folded below it all that was said.

Every name and every value in it came from a model or a function, and is shown as text. Not for asking whether a
function may be called.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from ..core.control_characters import one_line, visible
from ..core.languages import translated
from ..core.messages import Image
from ..core.tool_rounds import ToolResult
from ..core.translatable import N_, _
from .highlight import code_html
from .parser import encodable, normalised
from .safe_markdown import as_code, as_text
from .sanitizer import IGNORE_MATH, sanitise

__all__ = ["call_html", "call_markdown", "call_plain", "call_transcript"]

# Of a result so many characters are saved in the notebook, and so many stand in the line; ours.
LONGEST_SHOWN, LONGEST_IN_LINE = 10_000, 80

# What HTML and markdown are made of.
MARKS = re.compile(r"[<>&$\\\[\]!`*_~]")

OUTCOMES = {
    "raised": N_("{call} raised an exception: {result}"),
    "withheld": N_("{call} was called: {result}"),
    "refused": N_("{call} was not called: {result}"),
    "unknown": N_("{call} was not called: {result}"),
    "malformed": N_("{call} was not called: {result}"),
    "stopped": N_("{call} was stopped"),
}


def call_html(result: ToolResult) -> str:
    """The call as a fold, with its line as the summary. Nothing in it runs, and nothing is fetched."""
    parts = [sanitise(code_html(encodable(_arguments(result)), "json"))]
    parts += [f"<pre>{escape(text)}</pre>\n" for text in _texts(result)]
    summary = f"<summary><small>{escape(_line(result))}</small></summary>"
    return f'<details class="{IGNORE_MATH}">\n{summary}\n{"".join(parts)}</details>\n'


def call_markdown(result: ToolResult) -> str:
    """The same as markdown, which has the fold as HTML."""
    # A reader may look for formulas in its HTML, but not in what is code, or read markdown in it.
    line = MARKS.sub(lambda mark: f"&#{ord(mark[0])};", _line(result))
    return "\n\n".join((f"<details>\n<summary><code>{line}</code></summary>", *_code_blocks(result), "</details>"))


def call_transcript(result: ToolResult) -> str:
    """The same as markdown without HTML."""
    return "\n\n".join((f"*{as_text(_line(result))}*", *_code_blocks(result)))


def call_plain(result: ToolResult) -> str:
    """The same in one line."""
    return visible(_line(result))


def _code_blocks(result: ToolResult) -> Iterator[str]:
    yield as_code(visible(normalised(_arguments(result))), "json")
    yield from (as_code(visible(normalised(text)), "text") for text in _texts(result))


def _line(result: ToolResult) -> str:
    call = f"{result.name or result.call.name}({_in_line(result)})"
    template = OUTCOMES.get(result.outcome)
    if template is None:
        picture = any(isinstance(part, Image) for part in result.parts)
        said = translated(_("a picture")) if picture else _cut(one_line(result.text), LONGEST_IN_LINE)
        return one_line(translated(_("{call} → {result}", call=call, result=said)))
    return one_line(translated(_(template, call=call, result=_cut(one_line(result.text), LONGEST_IN_LINE * 2))))


def _in_line(result: ToolResult) -> str:
    """The arguments as a call has them, cut where they are long."""
    given = _given(result)
    pairs = (f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in given.items())
    return _cut(one_line(", ".join(pairs)), LONGEST_IN_LINE)


def _arguments(result: ToolResult) -> str:
    return json.dumps(_given(result), ensure_ascii=False, indent=2)


def _given(result: ToolResult) -> dict[str, Any]:
    try:
        found = json.loads(result.call.arguments)
    except (ValueError, RecursionError):  # of a saved conversation that somebody has changed
        return {}
    return found if isinstance(found, dict) else {}


def _texts(result: ToolResult) -> list[str]:
    """What the model was told, and what only the person is."""
    return [_shortened(visible(encodable(text))) for text in (result.text, result.traceback) if text]


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_SHOWN:
        return text
    left_out = translated(_("… ({count:,} characters left out) …", count=len(text) - LONGEST_SHOWN))
    return f"{text[:LONGEST_SHOWN]}\n{left_out}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
