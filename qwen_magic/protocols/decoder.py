"""What both protocols' decoders share: the frame of a decoder, and small readers for loose fields."""

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
    """The JSON objects of one event's data.

    It is one object; where a proxy has eaten the empty lines between events it is one on each line.
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
    """Reads the frames of one answer; a protocol says in `_meaning` where in a frame things are.

    `_started` is the event for the first frame, `_finish` the finish reason once there is one.
    """

    def __init__(self, request: ChatRequest, dialect: Dialect) -> None:
        self._deltas = Deltas(request, dialect)
        self._begun = False
        self._finish = ""
        self.done = False

    def feed(self, event: str, data: str) -> list[Event]:
        if not data:  # no event, whatever it is called (WHATWG HTML, 9.2.6, "dispatch the event")
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


class Deltas:
    """The texts and tool calls of a message's frames, as events: repetition and inline thinking taken out."""

    def __init__(self, request: ChatRequest, dialect: Dialect) -> None:
        self._text = increments(request, dialect)
        self._reasoning = increments(request, dialect)
        # The service takes the thinking out itself.
        never = dialect.service or lookup(request.model).thinking == "never"
        expected = not dialect.service and lookup(request.model).thinking == "always"
        self._tags = ThinkTags(expected=expected, alone=not never)
        self._calls = ToolCallDeltas(partial(increments, request, dialect))
        self.has_text = False

    def read(self, message: JSONObject) -> list[Event]:
        """One frame's `delta` or `message`, with its reasoning under any of the names that servers give it."""
        # DashScope, llama-server, SGLang, transformers: reasoning_content; vLLM since 0.11.2, Ollama: reasoning.
        reasoning = text_of(message.get("reasoning_content")) or text_of(message.get("reasoning"))
        if reasoning:
            self._tags.off()
        text = text_of(message.get("content"))
        self.has_text = self.has_text or bool(text)
        events = spoken(self._reasoning.delta(reasoning), "") + self._tags.split(self._text.delta(text))
        return events + self._calls.read(message.get("tool_calls"))

    def rest(self, *, whole: bool) -> list[Event]:
        """What was held back until the end. `whole`: the model had finished."""
        events = spoken(self._reasoning.rest(), "") + self._tags.split(self._text.rest())
        return events + self._tags.rest(whole=whole) + self._calls.rest()


def increments(request: ChatRequest, dialect: Dialect) -> Incremental | Cumulative | Undecided:
    """How the texts of this request's answer will come."""
    model = lookup(request.model)
    if request.fields.get("incremental_output") is False or not model.incremental:
        return Cumulative()
    return Undecided() if dialect.service and not model.known else Incremental()
