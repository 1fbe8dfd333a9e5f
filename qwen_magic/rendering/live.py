"""The live view: a widget that grows block by block, and gives its place to the static record at the end.

Every `update` becomes one small message to the page: the blocks that are finished now, and the tail that is still
open. The widget's state is kept complete beside that, without being sent, for a page that is loaded again in
mid-answer and asks for all of it. The page's half is `static/answer.js` and `static/cell.js`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import traitlets
from anywidget import AnyWidget
from IPython.display import display

from ..answer import FAILED, STOPPED, Answer
from ..events import Event, ReasoningDelta, Retrying, Started, TextDelta, ToolCallDelta
from .markdown import Blocks, Patch
from .record import record
from .view import Heading

__all__ = ["AnswerWidget", "LiveView", "Section", "static_text"]

STATIC = Path(__file__).parent / "static"


def static_text(*names: str) -> str:
    """The files `names` of `static/`, one after the other: a widget has one script and one style sheet."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


class AnswerWidget(AnyWidget):
    """One answer in a cell. Its state is changed in place, which traitlets does not notice, so that nothing is sent."""

    _esm = static_text("answer.js", "cell.js")
    _css = static_text("answer.css")

    heading = traitlets.Dict().tag(sync=True)
    thinking = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)


class Section:
    """A stretch of markdown that grows: the answer, or the thinking. `state` is what a page needs to draw it."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"blocks": [], "tail": ""}
        self._blocks = Blocks()

    def grow(self, text: str) -> dict[str, Any]:
        """Take the next piece of text; returns what to send to the page."""
        self._blocks.feed(text)
        return self._keep(self._blocks.patch())

    def close(self) -> dict[str, Any]:
        """There is no more; returns what to send to the page."""
        return self._keep(self._blocks.close())

    def _keep(self, patch: Patch) -> dict[str, Any]:
        self.state["blocks"][patch.base :] = patch.blocks
        self.state["tail"] = patch.tail
        return {"base": patch.base, "blocks": list(patch.blocks), "tail": patch.tail}


class LiveView:
    """An answer on a notebook's page, while it comes and afterwards."""

    # 25 messages a second look smooth, and a Jupyter server drops messages only beyond 1,000 a second.
    interval = 0.04

    def __init__(self, *, show_reasoning: bool = False) -> None:
        self._show_reasoning = show_reasoning
        self._display_id = uuid.uuid4().hex
        self._sections = {"thinking": Section(), "answer": Section()}
        self._progress: dict[str, Any] = {"phase": "waiting", "seconds": 0.0, "thought": 0.0, "notice": None}
        self._started = self._thinking_since = self._thought = 0.0

    def start(self, heading: Heading) -> None:
        """Put the widget into the cell, with a line of text for front-ends that have no widgets."""
        self._started = time.monotonic()
        self._widget = AnswerWidget(
            heading=heading_state(heading),
            thinking=self._sections["thinking"].state,
            answer=self._sections["answer"].state,
            progress=self._progress,
        )
        data, metadata = self._widget._repr_mimebundle_()
        waiting = f"{heading.model} is answering…"
        data |= {"text/plain": waiting, "text/markdown": waiting}
        display(data, metadata=metadata, raw=True, display_id=self._display_id)

    def update(self, events: Sequence[Event]) -> None:
        """Send what is new, in one message."""
        if not events:
            return
        for event in events:
            self._note(event)
        thinking = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        patch: dict[str, Any] = {}
        if thinking:
            patch["thinking"] = self._sections["thinking"].grow(thinking)
        if text:
            patch["answer"] = self._sections["answer"].grow(text)
        self._send(patch)

    def finish(self, answer: Answer) -> None:
        """Show the end, then put the static record in the widget's place: the saved notebook holds no widget."""
        self._enter("done")
        self._progress["outcome"] = answer.finish_reason if answer.finish_reason in (STOPPED, FAILED) else "done"
        self._send({name: section.close() for name, section in self._sections.items()})
        data, metadata = record(answer, show_reasoning=self._show_reasoning)
        display(data, metadata=metadata, raw=True, display_id=self._display_id, update=True)
        self._widget.layout.close()
        self._widget.close()

    def _note(self, event: Event) -> None:
        """What an event tells about the answer's progress."""
        match event:
            case Retrying(reason, delay):
                self._progress["notice"] = {"kind": "retrying", "reason": reason, "delay": delay}
            case Started():
                self._progress["notice"] = None
            case ReasoningDelta():
                self._enter("thinking")
            case TextDelta():
                self._enter("answering")
            case ToolCallDelta(name=name) if name:
                self._progress["notice"] = {"kind": "calling", "name": name}

    def _enter(self, phase: str) -> None:
        """Go on to `phase`; the seconds of thinking are those between entering it and leaving it."""
        before, now = self._progress["phase"], time.monotonic()
        if phase == before:
            return
        if before == "thinking":
            self._thought += now - self._thinking_since
        if phase == "thinking":
            self._thinking_since = now
        self._progress["phase"] = phase

    def _send(self, patch: dict[str, Any]) -> None:
        now, thinking = time.monotonic(), self._progress["phase"] == "thinking"
        self._progress["seconds"] = now - self._started
        self._progress["thought"] = self._thought + (now - self._thinking_since if thinking else 0.0)
        self._widget.send(patch | {"progress": self._progress})


def heading_state(heading: Heading) -> dict[str, Any]:
    return {
        "model": heading.model,
        "endpoint": heading.endpoint,
        "attachments": [{"name": attached.name, "note": attached.note} for attached in heading.attachments],
        "notes": list(heading.notes),
    }
