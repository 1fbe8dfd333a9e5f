"""What stays of an answer in the notebook: a static mimebundle that reads well anywhere, with no kernel and no widget.

Beside the answer it says who gave it and what it took, and the facts of the request are in the output's metadata.
Every name in it (of a model, a file, a page) came from elsewhere, and is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from ..code_cells.diff_answer import DiffAnswer
from ..core.answer import Answer, Attached
from ..core.control_characters import one_line, visible
from ..core.events import Source
from ..core.languages import translated
from ..core.translatable import _
from ..structured.data_answer import DataAnswer
from .call_record import call_html, call_markdown, call_plain
from .data_table import data_html, data_markdown, data_plain
from .diff_record import diff_facts, diff_html, diff_markdown, diff_plain
from .footer import called, footer
from .highlight import code_html
from .parser import encodable, html_blocks, normalised
from .rules.links import LINK, host_of
from .safe_markdown import as_code, as_link, as_text, neutralise
from .sanitizer import IGNORE_MATH, sanitise

__all__ = [
    "BEGINNING",
    "attachment_line",
    "html_calls",
    "html_parts",
    "markdown_calls",
    "markdown_html",
    "plain_beside",
    "quiet",
    "record",
    "round_blocks",
]

# Thinking can be ten times as long as its answer; of a longer one the beginning and the end are saved, in characters.
LONGEST_THINKING = 20_000

# MathJax would take dollars for formulas all over the output; so it looks only where formulas are marked. Without its
# room at the sides the text stands against the bar of the selected cell, in a narrow window.
BEGINNING = f'<div class="qwen-record {IGNORE_MATH}" style="padding:0 8px">\n'

# How each block of code looks, in the record itself: a notebook that is opened again may have no style sheet of ours.
# The same values are in `answer.css`, for the live view. JupyterLab's sanitizer keeps all of them.
BLOCK = re.compile('<div class="highlight"(?: data-language="([^"]*)")?><pre><code>')
FRAME = '<div class="highlight" style="border:1px solid #8886;border-radius:4px;margin:8px 0;padding:6px 10px">'
LABEL = '<small style="display:block;line-height:18px;opacity:0.6">'
CODE = '<pre style="background:none;margin:0;overflow-x:auto"><code style="background:none;white-space:pre">'


def record(
    answer: Answer, *, show_reasoning: bool = False, html: str | None = None, markdown: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The data and the metadata of the display that shows `answer`; its thinking is folded, or open if that is asked.

    `html` is the answer's text rendered, and `markdown` the same made safe, for whoever has them already. The same
    answer gives the same record. Nothing in it runs, and nothing is fetched.
    """
    html = _answer_html(answer) if html is None else html
    markdown = _answer_markdown(answer) if markdown is None else markdown
    data = {
        "text/html": _html_record(answer, html, show_reasoning=show_reasoning),
        "text/markdown": _markdown_record(answer, markdown, show_reasoning=show_reasoning),
        "text/plain": _plain_record(answer, show_reasoning=show_reasoning),
    }
    return data, {"qwen": _facts(answer)}


def _answer_html(answer: Answer) -> str:
    """The calls of functions and the answer itself: a table where it is data, a diff where it changes a cell, else its
    text."""
    return "".join(round_blocks(answer)) + _said_html(answer)


def round_blocks(answer: Answer) -> Iterator[str]:
    """What the model wrote before it called functions, and the calls, as blocks of HTML."""
    for each in answer.rounds:
        if each.text:
            yield from html_blocks(normalised(each.text), {})
        yield from map(call_html, each.results)


def _said_html(answer: Answer) -> str:
    if isinstance(answer, DataAnswer):
        return data_html(answer)
    if isinstance(answer, DiffAnswer):
        return markdown_html(answer.before) + diff_html(answer.diff) + markdown_html(answer.after)
    return markdown_html(answer.text)


def _answer_markdown(answer: Answer) -> str:
    """The same as markdown that is safe to show."""
    parts: list[str] = []
    for each in answer.rounds:
        parts += [neutralise(each.text).strip("\n"), *map(call_markdown, each.results)]
    return "\n\n".join(filter(None, (*parts, _said_markdown(answer))))


def _said_markdown(answer: Answer) -> str:
    if isinstance(answer, DataAnswer):
        return data_markdown(answer)
    if isinstance(answer, DiffAnswer):
        parts = (neutralise(answer.before), diff_markdown(answer.diff), neutralise(answer.after))
        return "\n\n".join(part.strip("\n") for part in parts if part)
    return neutralise(answer.text)


def _answer_plain(answer: Answer) -> str:
    """The same for terminals and for programs."""
    parts: list[str] = []
    for each in answer.rounds:
        parts += [visible(each.text), *map(call_plain, each.results)]
    return "\n\n".join(filter(None, (*parts, _said_plain(answer))))


def _said_plain(answer: Answer) -> str:
    if isinstance(answer, DataAnswer):
        return data_plain(answer)
    if isinstance(answer, DiffAnswer):
        parts = (visible(answer.before), diff_plain(answer.diff), visible(answer.after))
        return "\n\n".join(filter(None, parts))
    return visible(answer.text)


def _html_record(answer: Answer, html: str, *, show_reasoning: bool) -> str:
    thinking = _shortened(answer.thinking)
    fold = _folded(_framed(markdown_html(thinking)), show_reasoning) if thinking else ""
    html = fold + _framed(html)
    return f"{BEGINNING}{''.join(html_parts(answer, html))}</div>"


def html_parts(answer: Answer, html: str) -> Iterator[str]:
    """The answer's `html`, and what stands around it."""
    if answer.attachments:
        yield quiet(" · ".join(map(attachment_line, answer.attachments)))
    yield html
    yield from html_calls(answer)
    if answer.sources:
        yield "<ol>\n"
        yield from (f'<li value="{page.index}">{_html_link(page)}</li>\n' for page in answer.sources)
        yield "</ol>\n"
    for line in (*answer.notes, footer(answer)):
        yield quiet(line)


def html_calls(answer: Answer) -> Iterator[str]:
    """The functions that the model wants called, as HTML."""
    for call in answer.tool_calls:
        arguments = sanitise(code_html(encodable(call.arguments), "json"))
        yield quiet(called(call.name)) + _framed(arguments)


def _framed(html: str) -> str:
    """The HTML of an answer, with a frame around each block of code, and its language in it."""
    return BLOCK.sub(lambda block: FRAME + (f"{LABEL}{block[1]}</small>" if block[1] else "") + CODE, html)


def _folded(content: str, opened: bool, around: str = "\n") -> str:
    """The thinking, in what front-ends show as a fold."""
    summary = translated(_("Thinking"))
    return f"<details{' open' * opened}>\n<summary>{summary}</summary>{around}{content}</details>\n"


def _shortened(thinking: str) -> str:
    """The thinking as it is saved."""
    thinking = thinking.strip()
    left_out = len(thinking) - LONGEST_THINKING
    if left_out <= 0:
        return thinking
    half = LONGEST_THINKING // 2
    left = translated(_("… ({count:,} characters left out) …", count=left_out))
    return f"{thinking[:half]}\n\n{left}\n\n{thinking[-half:]}"


def markdown_html(text: str) -> str:
    return "".join(html_blocks(normalised(text), {}))


def quiet(line: str) -> str:
    return f"<p><small>{escape(one_line(translated(line)))}</small></p>\n" if line else ""


def _html_link(page: Source) -> str:
    """A page that was found, with the host that it is on."""
    url = encodable(page.url)
    label = escape(one_line(page.title or url))
    if not LINK.fullmatch(url):
        return label
    return sanitise(f'<a href="{escape(url)}">{label}</a> ({escape(one_line(host_of(url)))})')


def attachment_line(attached: Attached) -> str:
    """What was attached, in the language of what runs now."""
    return translated(_("{name} ({facts})", name=attached.name, facts=attached.facts))


def _markdown_record(answer: Answer, markdown: str, *, show_reasoning: bool) -> str:
    thinking = neutralise(_shortened(answer.thinking))
    notes = (", ".join(map(attachment_line, answer.attachments)), *answer.notes, footer(answer))
    parts = (
        _folded(f"{thinking}\n", show_reasoning, "\n\n").strip() if thinking else "",
        markdown.strip("\n"),
        *markdown_calls(answer),
        "\n".join(f"{page.index}. {_markdown_link(page)}" for page in answer.sources),
        *(f"*{as_text(translated(line))}*" for line in notes if line),
    )
    return "\n\n".join(filter(None, parts)) + "\n"


def markdown_calls(answer: Answer) -> Iterator[str]:
    """The functions that the model wants called, as markdown."""
    for call in answer.tool_calls:
        yield f"*{as_text(called(call.name))}*"
        yield as_code(visible(normalised(call.arguments)), "json")


def _markdown_link(page: Source) -> str:
    label = page.title or page.url
    return as_link(label, encodable(page.url)) if LINK.fullmatch(page.url) else as_text(label)


def _plain_record(answer: Answer, *, show_reasoning: bool) -> str:
    """What the model said, for terminals and for programs."""
    thinking = visible(_shortened(answer.thinking)) if show_reasoning else ""
    return "\n\n".join(filter(None, (thinking, _answer_plain(answer), *plain_beside(answer))))


def plain_beside(answer: Answer) -> Iterator[str]:
    """What an answer is made of beside its text: the functions that it wants called, the pages that it refers to."""
    for call in answer.tool_calls:
        yield f"{one_line(called(call.name))}\n{visible(call.arguments)}"
    if answer.sources:
        yield "\n".join(f"[{page.index}] {one_line(f'{page.title} {page.url}')}" for page in answer.sources)


def _facts(answer: Answer) -> dict[str, Any]:
    """What a program may want to know later, and the page for applying a diff."""
    diff = answer.diff if isinstance(answer, DiffAnswer) else None
    return {
        "endpoint": encodable(answer.endpoint),
        "model": encodable(answer.model),
        "usage": answer.usage.as_dict() if answer.usage else None,
        "request_id": encodable(answer.request_id),
        "finish_reason": encodable(answer.finish_reason),
        "seconds": round(answer.seconds, 3),
        "attachments": [
            {
                "name": encodable(attached.name),
                "kind": attached.kind,
                "size": attached.size,
                "sha256": attached.sha256,
                "note": encodable(attached.note),
            }
            for attached in answer.attachments
        ],
        "notes": list(map(encodable, answer.notes)),
    } | ({"diff": diff_facts(diff)} if diff else {})
