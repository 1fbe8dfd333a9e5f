"""The decoder that both protocols extend: from the frames of an answer to events, errors and a finish reason.

Not for what is where in a frame: that is in `compatible` and `dashscope`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..core.errors import StreamCut, StreamGarbled
from ..core.events import Event, Finish, Started
from ..core.messages import ChatRequest
from ..core.models import lookup
from ..core.translatable import _
from .cumulative import Cumulative, Incremental, Undecided
from .error_mapping import refusal_in_event, refusal_in_stream
from .lenient_json import JSONObject, mapping, parsed, text_of
from .think_tags import ThinkTags, spoken
from .tool_call_deltas import ToolCallDeltas
from .wire_protocol import Dialect

__all__ = ["FrameDecoder", "objects"]


def objects(data: str) -> Iterator[JSONObject]:
    """Yield the JSON objects in the data of one server-sent event.

    There is one object; where a proxy has removed the empty lines between events, there is one on each line.
    Raises `StreamGarbled` for anything else.
    """
    try:
        yield mapping(parsed(data))
    except ValueError as error:
        lines = data.split("\n")
        if len(lines) == 1:
            shown = data if len(data) <= 80 else f"{data[:80]}…"
            raise StreamGarbled(
                _("The answer held something that is not JSON: {shown!r}.", shown=shown), GARBLED
            ) from error
        for line in filter(None, lines):
            yield from objects(line)


GARBLED = _("Ask again; if it comes back, something between here and the service changes its answers.")


class FrameDecoder:
    """Base class of both protocols' decoders; implements `wire_protocol.Decoder` for one answer.

    A subclass implements `_started(frame)`, which returns the `Started` event of the first frame, and
    `_meaning(frame)`, which returns the other events of every frame. `_meaning` sets `_finish` when a frame has the
    finish reason, and `done` when no more frames follow.
    """

    def __init__(self, request: ChatRequest, dialect: Dialect) -> None:
        self._deltas = _Deltas(request, dialect)
        self._begun = False
        self._finish = ""
        self.done = False

    def feed(self, event: str, data: str) -> list[Event]:
        if not data:  # an event without data is not dispatched (WHATWG HTML, 9.2.6)
            return []
        if event == "error":
            raise refusal_in_event(data)
        return [found for frame in objects(data) for found in self._frame(frame)]

    @property
    def finished(self) -> bool:
        return bool(self._finish)

    def rest(self) -> list[Event]:
        return self._deltas.rest(whole=self._finish == "stop")

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


class _Deltas:
    """Turns the message in each frame into events of text, reasoning and tool calls.

    Removes what frames repeat, and moves thinking that stands inside the text to the reasoning. `has_text` is whether
    any frame had text.
    """

    def __init__(self, request: ChatRequest, dialect: Dialect) -> None:
        self._text = _increments(request, dialect)
        self._reasoning = _increments(request, dialect)
        # The service itself separates thinking from text.
        never = dialect.service or lookup(request.model).thinking == "never"
        expected = not dialect.service and lookup(request.model).thinking == "always"
        self._tags = ThinkTags(expected=expected, alone=not never)
        self._calls = ToolCallDeltas(partial(_increments, request, dialect))
        self.has_text = False

    def read(self, message: JSONObject) -> list[Event]:
        """The events of one frame's `delta` or `message` object. Every known name of the reasoning field is read."""
        # DashScope, llama-server, SGLang, transformers: reasoning_content; vLLM since 0.11.2, Ollama: reasoning.
        reasoning = text_of(message.get("reasoning_content")) or text_of(message.get("reasoning"))
        if reasoning:
            self._tags.off()
        text = text_of(message.get("content"))
        self.has_text = self.has_text or bool(text)
        events = spoken(self._reasoning.delta(reasoning), "") + self._tags.split(self._text.delta(text))
        return events + self._calls.read(message.get("tool_calls"))

    def rest(self, *, whole: bool) -> list[Event]:
        """The events that were held back, at the end of the stream. `whole`: the model finished its answer."""
        events = spoken(self._reasoning.rest(), "") + self._tags.split(self._text.rest())
        return events + self._tags.rest(whole=whole) + self._calls.rest()


def _increments(request: ChatRequest, dialect: Dialect) -> Incremental | Cumulative | Undecided:
    """What turns the texts of this request's answer into deltas, by the table of models and the request's fields."""
    model = lookup(request.model)
    if request.fields.get("incremental_output") is False or not model.incremental:
        return Cumulative()
    return Undecided() if dialect.service and not model.known else Incremental()
