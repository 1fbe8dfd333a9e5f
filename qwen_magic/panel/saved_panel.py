"""The record of a panel in the saved notebook: its transcript as static output, for any viewer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from html import escape
from typing import Any

from ..core.answer import Answer
from ..core.languages import current, in_language
from ..core.messages import Message, Text
from ..core.translatable import _
from ..rendering.mimebundle import html_parts, quiet
from ..rendering.page_messages import ByLanguage, TurnState
from ..rendering.page_words import by_language, in_all_languages, short
from ..rendering.parser import encodable, html_blocks, normalised
from ..rendering.sanitizer import IGNORE_MATH

__all__ = ["AROUND", "IN_CELL", "blocks", "bundle", "foot", "head", "words"]

# The HTML before and after the turns; the page's JavaScript writes the same record.
AROUND = (f'<div class="qwen-record qwen-transcript {IGNORE_MATH}">\n', "</div>")

EMPTY = _("An empty conversation.")


# An answer is in the file once: in the cell that asked.
IN_CELL = _("Asked in a cell of this notebook, where the answer is.")


def bundle(states: Iterable[TurnState]) -> dict[str, Any]:
    """The mimebundle of the transcript, from the states of its turns."""
    states = tuple(states)
    html = "".join(turn["head"] + _answered(turn) for turn in states)
    text = "\n\n".join(f"> {turn['question']}\n\n{'' if turn['in_cell'] else turn['text']}" for turn in states)
    return {"text/html": AROUND[0] + (html or quiet(EMPTY)) + AROUND[1], "text/plain": text}


def _answered(turn: TurnState) -> str:
    """What the file holds of an answer; the page writes it again when all is drawn."""
    if turn["in_cell"]:
        return quiet(IN_CELL)
    if not turn["drawn"]:
        return _lines(turn["text"])
    return "".join((*turn["answer"]["blocks"], turn["foot"][short(current())]))


def head(question: str) -> str:
    """The question as HTML: plain text, never markdown."""
    return f"<blockquote>\n{_lines(question)}</blockquote>\n"


def _lines(text: str) -> str:
    """Plain text, as HTML."""
    kept = "<br>\n".join(escape(encodable(line)) for line in text.strip("\n").split("\n"))
    return f"<p>{kept}</p>\n"


def blocks(text: str) -> list[str]:
    """An answer or its thinking, as HTML, a string for each block."""
    return list(html_blocks(normalised(text), {})) if text else []


def foot(answer: Answer, notes: tuple[str, ...] = ()) -> ByLanguage:
    """The HTML behind an answer, in every language of a page: tool calls, sources, its footer.

    `notes` are those that came only at its end; the others stand in the heading.
    """

    def in_one(language: str) -> str:
        said = tuple(in_all_languages(note)[short(language)] for note in notes)
        with in_language(language):
            return "".join(html_parts(replace(answer, attachments=(), notes=said), ""))

    return by_language(in_one)


def words(question: Message) -> str:
    """What the person wrote; what was attached stands before it."""
    text = next((part.text for part in reversed(question.parts) if isinstance(part, Text)), "")
    return encodable(text)
