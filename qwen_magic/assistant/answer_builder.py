"""An answer while it grows: events in, an `Answer` out at any time."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..core.answer import Answer, Attached
from ..core.events import (
    Again,
    Event,
    Finish,
    Note,
    ReasoningDelta,
    Recast,
    RoundEnded,
    Source,
    Sources,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolReturned,
    Usage,
)
from ..core.messages import ToolCall
from ..core.tool_rounds import ToolResult, ToolRound
from ..core.translatable import _

__all__ = ["AnswerBuilder"]


THOUGHT = _("thinking was switched off, and came all the same: the server or the model ignores the switch")
NOT_THOUGHT = _("thinking was asked for, and none came: the server or the model ignores the switch")


class AnswerBuilder:
    """Collects the events of one answer. The clock runs from here. `think` is what the request asked for."""

    def __init__(self, think: bool | None = None) -> None:
        self._think = think
        self._begun = time.perf_counter()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, list[ToolCallDelta]] = {}
        self._results: list[ToolResult] = []
        self._rounds: list[ToolRound] = []
        self._sources: tuple[Source, ...] = ()
        self._usage: Usage | None = None
        self._spent: Usage | None = None
        self.blanks = 0
        """How many blanks the text ends with."""
        self._started = Started()
        self._finish = ""
        self._notes: list[str] = []

    def add(self, events: Iterable[Event]) -> None:
        """What has arrived."""
        for event in events:
            match event:
                case TextDelta(text):
                    self._text.append(text)
                    filled = text.rstrip()
                    self.blanks = len(text) - len(filled) + (0 if filled else self.blanks)
                case Again(reason):
                    self._begin_anew(reason)
                case ReasoningDelta(text):
                    self._reasoning.append(text)
                case Recast("reasoning"):
                    self._reasoning += self._text
                    self._text = []
                case Recast("text"):
                    self._text = self._reasoning + self._text
                    self._reasoning = []
                case Note(text) if text not in self._notes:
                    self._notes.append(text)
                case ToolCallDelta(index):
                    self._calls.setdefault(index, []).append(event)
                case ToolReturned(result):
                    self._results.append(result)
                case RoundEnded():
                    self._end_round()
                case Usage():
                    self._usage = event
                case Started():
                    self._started = event
                case Sources(pages):
                    self._sources = pages
                case Finish(reason):
                    self._finish = reason

    def end(self, reason: str) -> None:
        """It has ended, for this reason, whatever the service gave."""
        self._finish = reason

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls so far that have no result."""
        return tuple(map(_joined, self._calls.values()))

    @property
    def rounds(self) -> tuple[ToolRound, ...]:
        """The rounds of calls that have ended."""
        return tuple(self._rounds)

    @property
    def finish_reason(self) -> str:
        """The service's reason why it ended; empty as long as there is none."""
        return self._finish

    @property
    def usage(self) -> Usage | None:
        """All that was used, also for what was dropped."""
        if self._spent is None:
            return self._usage
        return self._spent + (self._usage or Usage())

    @property
    def empty(self) -> bool:
        """Whether nothing has come that a person could read."""
        return not (self._text or self._reasoning or self._calls or self._rounds)

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
            usage=self.usage,
            finish_reason=self._finish or ended,
            request_id=self._started.request_id,
            seconds=round(time.perf_counter() - self._begun, 6),
            tool_calls=self.calls,
            sources=self._sources,
            attachments=attachments,
            notes=(*notes, *self._notes, *self._on_thinking()),
            rounds=self.rounds,
        )

    def _begin_anew(self, reason: str) -> None:
        """Drop what has arrived; what it took counts all the same."""
        self._spent, self._usage = self.usage, None
        self._text, self._reasoning, self._calls = [], [], {}
        self._finish, self.blanks = "", 0
        self._notes.append(reason)

    def _end_round(self) -> None:
        """Keep the round, and begin the answer to it."""
        self._rounds.append(ToolRound(tuple(self._results), self.text, "".join(self._reasoning)))
        self._spent, self._usage = self.usage, None
        self._text, self._reasoning, self._calls, self._results = [], [], {}, []
        self._finish, self.blanks = "", 0

    def _on_thinking(self) -> tuple[str, ...]:
        """Whether the switch for thinking did what it should. A service may count thinking that it does not show."""
        usage = self.usage
        shown = [*(each.reasoning for each in self._rounds), *self._reasoning]
        thought = bool("".join(shown).strip() or (usage and usage.reasoning))
        if self._think is False and thought:
            return (THOUGHT,)
        return (NOT_THOUGHT,) if self._think and not thought and self._finish == "stop" else ()


def _joined(pieces: list[ToolCallDelta]) -> ToolCall:
    """A tool call out of its pieces: id and name come with one of them, the arguments in all."""
    return ToolCall(
        id=next((piece.id for piece in pieces if piece.id), ""),
        name=next((piece.name for piece in pieces if piece.name), ""),
        arguments="".join(piece.arguments for piece in pieces),
    )
