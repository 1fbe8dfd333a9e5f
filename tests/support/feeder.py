"""What the notebooks of these tests import in their kernel: answers that wait for the test where it says so.

The cell shows an answer through the same seam as a real question does, and stops at the places named in `holds`
until the test has made the file of that name: so a test sees the middle of an answer, for as long as it likes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from qwen_magic.core.answer import STOPPED, Answer, Attached
from qwen_magic.core.events import Event, ReasoningDelta, Retrying, Started, TextDelta, Usage
from qwen_magic.rendering.views.live import LiveView
from qwen_magic.rendering.views.protocol import Heading
from qwen_magic.structured.data_answer import DataAnswer
from qwen_magic.structured.schema import Schema
from qwen_magic.structured.validation import check

CHUNK = 5
MODEL, ENDPOINT = "qwen3.8-max", "beijing"


def show(
    text: str,
    *,
    thinking: str = "",
    holds: Sequence[str] = (),
    model: str = MODEL,
    attachments: Sequence[Attached] = (),
    schema: Schema[Any] | None = None,
) -> None:
    """Stream `text` into the cell. A hold NAME is where `{NAME}` stands in the text or the thinking."""
    view = LiveView()
    view.start(Heading(model, ENDPOINT, tuple(attachments), schema=schema))
    shown: dict[type[Event], str] = {TextDelta: "", ReasoningDelta: ""}
    began, finish_reason = time.monotonic(), "stop"
    try:
        pending: list[Event] = [Started(model, "request-1")]
        sent = -view.interval
        for event in (*pieces(ReasoningDelta, thinking, holds), *pieces(TextDelta, text, holds)):
            if isinstance(event, str):
                view.update(pending)
                pending = []
                wait_for(event, view)
                continue
            pending.append(event)
            shown[type(event)] += event.text
            if time.monotonic() - sent >= view.interval:
                view.update(pending)
                pending, sent = [], time.monotonic()
        view.update(pending)
    except KeyboardInterrupt:
        finish_reason = STOPPED
    answer = Answer(
        shown[TextDelta],
        shown[ReasoningDelta],
        model,
        ENDPOINT,
        usage=Usage(12, 345),
        finish_reason=finish_reason,
        request_id="request-1",
        seconds=time.monotonic() - began,
        attachments=tuple(attachments),
    )
    view.finish(answer if schema is None else as_data(answer, schema))


def as_data(answer: Answer, schema: Schema[Any]) -> DataAnswer[Any]:
    found = check(answer.text, schema)
    values = {field.name: getattr(answer, field.name) for field in fields(Answer)}
    return DataAnswer(**values, data=found.data, plain=found.plain, schema=schema, fits=found.fits)


def pieces(
    kind: type[TextDelta | ReasoningDelta], text: str, holds: Sequence[str]
) -> Iterator[TextDelta | ReasoningDelta | str]:
    """`text` in small deltas, and the names of the holds where they stand."""
    for hold in holds:
        before, found, after = text.partition("{" + hold + "}")
        if not found:
            continue
        yield from (kind(before[start : start + CHUNK]) for start in range(0, len(before), CHUNK))
        yield hold
        text = after
    yield from (kind(text[start : start + CHUNK]) for start in range(0, len(text), CHUNK))


def wait_for(name: str, view: LiveView) -> None:
    while not Path(name).exists():
        view.update([])
        time.sleep(0.01)


def show_all(texts: Sequence[str], hold: str) -> None:
    """Show every text as an answer, as thinking and as every name there is; all live until `hold`, then as records."""
    views = []
    for text in texts:
        attachments = (Attached(text, "document", 1, "00", note=text),)
        view = LiveView(show_reasoning=True)
        view.start(Heading(text, text, attachments, (text,)))
        view.update([Retrying(text, 1.0), ReasoningDelta(text), TextDelta(text)])
        answer = Answer(text, text, text, text, finish_reason=text, attachments=attachments, notes=(text,))
        views.append((view, answer))
    wait_for(hold, view)
    for view, answer in views:
        view.finish(answer)
