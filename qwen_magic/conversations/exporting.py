"""The transcript of a conversation as markdown, and as one HTML page without external files.

Both are safe to open whatever the model wrote: `qwen_magic.rendering` sanitises them, and is imported only when a
transcript is made. A transcript cannot be loaded again: see `serialization` for that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from ..core.control_characters import one_line
from ..core.errors import InputError
from ..core.languages import ENGLISH, in_language
from ..core.messages import Document, Image
from ..core.translatable import _
from .serialization import Saved, write_in_one_piece
from .turns import Turn

__all__ = ["export", "page", "transcript"]

LINE_END = re.compile("\r\n|\r|\n")  # CommonMark's; U+2028 and the like do not end a line
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")

PAGE = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ max-width: 48rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; }}
.by {{ margin: 2rem 0 .25rem; color: #666; font-size: .875rem; }}
.by b {{ color: #000; }}
.said {{ white-space: pre-wrap; background: #f3f3f3; border-radius: .5rem; padding: .5rem .75rem; }}
.said, .answer {{ overflow-wrap: anywhere; }}
img {{ max-width: 100%; }}
pre {{ overflow-x: auto; background: #f8f8f8; padding: .5rem; line-height: 1.4; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #ccc; padding: .25rem .5rem; }}
{colours}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def export(conversation: Saved, path: str | os.PathLike[str]) -> None:
    """Writes the transcript as markdown or HTML, by the suffix of `path`. Raises `InputError` for other suffixes."""
    ending = Path(path).suffix.lower()
    if ending in (".md", ".markdown"):
        text = transcript(conversation)
    elif ending in (".html", ".htm"):
        text = page(conversation)
    else:
        raise InputError(
            _("{path} ends neither in .md nor in .html.", path=path), _("The ending says what is written.")
        )
    write_in_one_piece(path, text.encode("utf-8", "replace"))


@in_language(ENGLISH)
def transcript(conversation: Saved) -> str:
    """The transcript as markdown that is safe to show."""
    from ..rendering.call_record import call_transcript
    from ..rendering.markdown import neutralise
    from ..rendering.mimebundle import markdown_calls
    from ..rendering.safe_markdown import as_text

    parts = [f"# {as_text(conversation.name)}"]
    if conversation.system:
        parts += ["**System prompt**", _quoted(conversation.system)]
    for _place, turn in conversation.turns:
        parts += ["---", _said_by("You", *_asking(turn), *(f"`{name.replace('`', '')}`" for name in _attached(turn)))]
        parts += [_quoted(turn.question.text), _said_by(as_text(_answerer(turn)), *map(as_text, _answering(turn)))]
        for each in turn.answer.rounds:
            parts += [_closed(each.text), *map(call_transcript, each.results)]
        parts += [_closed(turn.answer.text), *markdown_calls(turn.answer)]
    return neutralise("\n\n".join(parts) + "\n")


@in_language(ENGLISH)
def page(conversation: Saved) -> str:
    """The transcript as an HTML page: no script, nothing fetched, pictures inside."""
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # it has no types of its own

    sections = [_said_by_html("System prompt"), _said_html(conversation.system)] if conversation.system else []
    for _place, turn in conversation.turns:
        sections += _turn_html(turn)
    colours = HtmlFormatter().get_style_defs(".highlight")
    return PAGE.format(title=escape(conversation.name), body="\n".join(sections), colours=colours)


def _turn_html(turn: Turn) -> Iterator[str]:
    from ..rendering.markdown import render
    from ..rendering.mimebundle import html_calls, round_blocks

    yield _said_by_html("You", *_asking(turn), *_attached(turn))
    yield from (
        f'<p><img src="{escape(image.url)}" alt="{escape(image.name)}"></p>'
        for image in turn.question.images
        if image.url.startswith("data:image/")
    )
    yield _said_html(turn.question.text)
    yield _said_by_html(_answerer(turn), *_answering(turn))
    rounds, calls = "".join(round_blocks(turn.answer)), "".join(html_calls(turn.answer))
    yield f'<div class="answer">\n{rounds}{render(turn.answer.text)}{calls}\n</div>'


def _said_html(text: str) -> str:
    return f'<div class="said">{escape(text)}</div>'


def _said_by_html(who: str, *facts: str) -> str:
    return f'<p class="by"><b>{escape(who)}</b>{"".join(f" · {escape(fact)}" for fact in facts)}</p>'


def _said_by(who: str, *facts: str) -> str:
    return " · ".join((f"**{who}**", *facts))


def _asking(turn: Turn) -> Iterator[str]:
    """When the question was asked."""
    try:
        if turn.asked:
            # The person's own time, and how far it is from UTC, for whoever reads the transcript elsewhere.
            yield f"{datetime.fromtimestamp(turn.asked, UTC).astimezone():%Y-%m-%d %H:%M (UTC%z)}"
    except (ValueError, OverflowError, OSError):
        yield "no date"


def _attached(turn: Turn) -> Iterator[str]:
    for part in turn.question.parts:
        if isinstance(part, Image | Document):
            yield one_line(part.name) or part.sha256[:12] or "picture"


def _answerer(turn: Turn) -> str:
    return one_line(turn.answer.model or turn.model) or "Answer"


def _answering(turn: Turn) -> Iterator[str]:
    """The notes above an answer, such as attachments and how it ended."""
    if turn.summary:
        yield "a summary of what is before"
    if not turn.complete:
        yield f"not finished ({turn.answer.finish_reason})"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in LINE_END.split(text))


def _closed(text: str) -> str:
    """The markdown with its last code block closed, so that a broken-off answer does not swallow what follows."""
    fence = ""
    for line in LINE_END.split(text):
        if match := FENCE.fullmatch(line):
            run, info = match.groups()
            if not fence:
                fence = "" if run[0] == "`" and "`" in info else run
            elif run.startswith(fence) and not info.strip():
                fence = ""
    return f"{text}\n{fence}" if fence else text
