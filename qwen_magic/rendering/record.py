"""What stays of an answer in the notebook: a static mimebundle that reads well anywhere, with no kernel and no widget.

Beside the answer it says who gave it and what it took, and the facts of the request are in the output's metadata.
Every name in it (of a model, a file, a page) came from elsewhere, and is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from ..answer import Answer, Attached
from ..events import Source
from .dialect import encodable, html_blocks, normalised
from .footers import ENGLISH, Words, footer
from .highlight import code_html
from .neutral import as_link, as_text, neutralise
from .rules.links import LINK, host_of
from .sanitise import IGNORE_MATH, sanitise

__all__ = ["html_parts", "record"]

# A terminal that shows the text obeys these.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def record(
    answer: Answer, *, show_reasoning: bool = False, html: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The data and the metadata of the display that shows `answer`; with its thinking, folded, if that is asked for.

    `html` is the answer's text rendered, for whoever has it already. The same answer gives the same record. Nothing
    in it runs, and nothing is fetched.
    """
    html = markdown_html(answer.text) if html is None else html
    data = {
        "text/html": html_record(answer, html, show_reasoning=show_reasoning),
        "text/markdown": markdown_record(answer),
        "text/plain": CONTROLS.sub("", encodable(answer.text)),
    }
    return data, {"qwen": facts(answer)}


def html_record(answer: Answer, html: str, *, show_reasoning: bool) -> str:
    parts = [*html_parts(answer, html, show_reasoning=show_reasoning)]
    # MathJax would take dollars for formulas all over the output; so it looks only where formulas are marked.
    return f'<div class="qwen-record {IGNORE_MATH}">\n{"".join(parts)}</div>'


def html_parts(answer: Answer, html: str, *, show_reasoning: bool, words: Words = ENGLISH) -> Iterator[str]:
    if answer.attachments:
        yield quiet(" · ".join(map(attachment_line, answer.attachments)))
    if show_reasoning and answer.reasoning:
        yield f"<details>\n<summary>Thinking</summary>\n{markdown_html(answer.reasoning)}</details>\n"
    yield html
    for call in answer.tool_calls:
        yield quiet(words.calls.format(call.name)) + sanitise(code_html(encodable(call.arguments), "json"))
    if answer.sources:
        yield "<ol>\n"
        yield from (f'<li value="{page.index}">{html_link(page)}</li>\n' for page in answer.sources)
        yield "</ol>\n"
    for line in (*answer.notes, footer(answer, words)):
        yield quiet(line)


def markdown_html(text: str) -> str:
    return "".join(html_blocks(normalised(text), {}))


def quiet(line: str) -> str:
    return f"<p><small>{escape(encodable(line))}</small></p>\n" if line else ""


def html_link(page: Source) -> str:
    """A page that was found, with the host that it is on."""
    url = encodable(page.url)
    label = escape(encodable(page.title) or url)
    if not LINK.fullmatch(url):
        return label
    return sanitise(f'<a href="{escape(url)}">{label}</a> ({escape(host_of(url))})')


def attachment_line(attached: Attached) -> str:
    return f"{attached.name} ({attached.facts})"


def markdown_record(answer: Answer) -> str:
    notes = (", ".join(map(attachment_line, answer.attachments)), *answer.notes, footer(answer))
    parts = (
        neutralise(answer.text).strip("\n"),
        "\n".join(f"{page.index}. {markdown_link(page)}" for page in answer.sources),
        *(f"*{as_text(line)}*" for line in notes if line),
    )
    return "\n\n".join(filter(None, parts)) + "\n"


def markdown_link(page: Source) -> str:
    url = encodable(page.url)
    label = page.title or url
    return as_link(label, url) if LINK.fullmatch(url) else as_text(label)


def facts(answer: Answer) -> dict[str, Any]:
    """What a program may want to know later."""
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
    }
