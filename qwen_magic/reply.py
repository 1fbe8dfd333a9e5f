"""An answer while it grows: events in, an `Answer` out at any time."""

from __future__ import annotations

import time
from collections.abc import Iterable

from .answer import Answer, Attached
from .events import (
    Event,
    Finish,
    ReasoningDelta,
    Source,
    Sources,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from .messages import ToolCall

__all__ = ["Reply"]


class Reply:
    """Collects the events of one answer. The clock runs from here."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, list[ToolCallDelta]] = {}
        self._sources: tuple[Source, ...] = ()
        self._usage: Usage | None = None
        self._started = Started()
        self._finish = ""

    def add(self, events: Iterable[Event]) -> None:
        """What has arrived."""
        for event in events:
            match event:
                case TextDelta(text):
                    self._text.append(text)
                case ReasoningDelta(text):
                    self._reasoning.append(text)
                case ToolCallDelta(index):
                    self._calls.setdefault(index, []).append(event)
                case Usage():
                    self._usage = event
                case Started():
                    self._started = event
                case Sources(pages):
                    self._sources = pages
                case Finish(reason):
                    self._finish = reason

    @property
    def empty(self) -> bool:
        """Whether nothing has come that a person could read."""
        return not (self._text or self._reasoning or self._calls)

    def answer(
        self,
        ended: str = "",
        *,
        model: str,
        endpoint: str,
        attachments: tuple[Attached, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> Answer:
        """All that has come. `ended` is our own word for how it ended, where the service has said none."""
        return Answer(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            model=self._started.model or model,
            endpoint=endpoint,
            usage=self._usage,
            finish_reason=self._finish or ended,
            request_id=self._started.request_id,
            seconds=round(time.perf_counter() - self._begun, 6),
            tool_calls=tuple(map(joined, self._calls.values())),
            sources=self._sources,
            attachments=attachments,
            notes=notes,
        )


def joined(pieces: list[ToolCallDelta]) -> ToolCall:
    """A tool call out of its pieces: id and name come with one of them, the arguments in all."""
    return ToolCall(
        id=next((piece.id for piece in pieces if piece.id), ""),
        name=next((piece.name for piece in pieces if piece.name), ""),
        arguments="".join(piece.arguments for piece in pieces),
    )
