"""What both protocols' decoders share: the frame of a decoder, and small readers for loose fields."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..errors import StreamCut, StreamGarbled
from ..events import Event, Finish, ReasoningDelta, Started, TextDelta, ToolCallDelta
from ..messages import ChatRequest
from ..models import lookup
from . import Dialect
from .cumulative import Cumulative, Incremental, Undecided
from .failures import refusal_in_event, refusal_in_stream
from .loose import JSONObject, mapping, text_of
from .thinking import ThinkTags

__all__ = ["FrameDecoder", "objects"]


def objects(data: str) -> Iterator[JSONObject]:
    """The JSON objects of one event's data.

    It is one object; where a proxy has eaten the empty lines between events it is one on each line.
    Raises `StreamGarbled` for anything else.
    """
    try:
        yield mapping(json.loads(data))
    except json.JSONDecodeError as error:
        lines = data.split("\n")
        if len(lines) == 1:
            shown = data if len(data) <= 80 else f"{data[:80]}…"
            raise StreamGarbled(f"The answer held something that is not JSON: {shown!r}.", GARBLED) from error
        for line in filter(None, lines):
            yield from objects(line)


GARBLED = "Ask again; if it comes back, something between here and the service changes its answers."


class FrameDecoder:
    """Reads the frames of one answer; a protocol says in `_meaning` where in a frame things are.

    `_started` is the event for the first frame, `_finish` the finish reason once there is one.
    """

    def __init__(self, request: ChatRequest, dialect: Dialect) -> None:
        self._deltas = Deltas(request, dialect)
        self._begun = False
        self._finish = ""
        self.done = False

    def feed(self, event: str, data: str) -> list[Event]:
        if event == "error":
            raise refusal_in_event(data)
        return [found for frame in objects(data) for found in self._frame(frame)] if data else []

    @property
    def finished(self) -> bool:
        return bool(self._finish)

    def rest(self) -> list[Event]:
        return self._deltas.rest()

    def close(self) -> list[Event]:
        if not self._finish:
            raise StreamCut
        return [Finish(self._finish)]

    def _frame(self, frame: JSONObject) -> list[Event]:
        error = refusal_in_stream(frame)
        if error:
            raise error
        started = [] if self._begun else [self._started(frame)]
        self._begun = True
        return [*started, *self._meaning(frame)]

    def _started(self, frame: JSONObject) -> Started:
        raise NotImplementedError

    def _meaning(self, frame: JSONObject) -> list[Event]:
        raise NotImplementedError


class Deltas:
    """The texts of a message's frames, as events: repetition and inline thinking taken out."""

    def __init__(self, request: ChatRequest, dialect: Dialect) -> None:
        self._text = increments(request, dialect)
        self._reasoning = increments(request, dialect)
        self._tags = ThinkTags()

    def read(self, message: JSONObject) -> list[Event]:
        """One frame's `delta` or `message`, with its reasoning under any of the names that servers give it."""
        # DashScope, llama-server, SGLang, transformers: reasoning_content; vLLM since 0.11.2, Ollama: reasoning.
        reasoning = text_of(message.get("reasoning_content")) or text_of(message.get("reasoning"))
        if reasoning:
            self._tags.off()
        inline, text = self._tags.split(self._text.delta(text_of(message.get("content"))))
        reasoning = self._reasoning.delta(reasoning) + inline
        calls = message.get("tool_calls")
        return spoken(reasoning, text) + [
            tool_call(place, mapping(call)) for place, call in enumerate(calls if isinstance(calls, list) else [])
        ]

    def rest(self) -> list[Event]:
        """What was held back until the end."""
        inline, text = self._tags.split(self._text.rest())
        more_inline, more_text = self._tags.rest()
        return spoken(self._reasoning.rest() + inline + more_inline, text + more_text)


def increments(request: ChatRequest, dialect: Dialect) -> Incremental | Cumulative | Undecided:
    """How the texts of this request's answer will come."""
    model = lookup(request.model)
    if request.fields.get("incremental_output") is False or not model.incremental:
        return Cumulative()
    return Undecided() if dialect.service and not model.known else Incremental()


def spoken(reasoning: str, text: str) -> list[Event]:
    events: list[Event] = []
    if reasoning:
        events.append(ReasoningDelta(reasoning))
    if text:
        events.append(TextDelta(text))
    return events


def tool_call(place: int, call: JSONObject) -> ToolCallDelta:
    function = mapping(call.get("function"))
    index = call.get("index")
    return ToolCallDelta(
        index=index if isinstance(index, int) else place,
        id=str(call.get("id") or ""),
        name=str(function.get("name") or ""),
        arguments=str(function.get("arguments") or ""),
    )
