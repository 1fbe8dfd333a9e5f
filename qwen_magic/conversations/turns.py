"""A turn: one question and its answer. Values only; the order of turns is in `ordering`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..core.answer import Answer
from ..core.messages import Image, Message, Part, Text

__all__ = ["CellRef", "Turn", "in_context", "split"]


class CellRef(NamedTuple):
    """One run of one cell: `id` is the front-end's id of the cell, `run` that of the execution (its `msg_id`)."""

    id: str
    run: str


@dataclass(frozen=True)
class Turn:
    """A question, with its attachments, and its answer.

    `model` is the one that was asked, `asked` when (seconds since 1970, UTC), `cell` the run of the cell that asked.
    A `pinned` turn is never left out of the context. `estimate` is how many tokens were reckoned for all that was
    sent (0: unknown); beside the service's own count it calibrates the next estimate. A `summary` stands in for all
    that is before it but the last `keeps` turns.
    """

    question: Message
    answer: Answer
    model: str = ""
    asked: float = 0.0
    cell: CellRef | None = None
    pinned: bool = False
    estimate: int = 0
    summary: bool = False
    keeps: int = 0

    @property
    def complete(self) -> bool:
        """Whether the answer is whole: only complete turns are context."""
        return self.answer.complete

    @property
    def messages(self) -> tuple[Message, ...]:
        """The question, the calls of functions and the answer, as later questions are sent them."""
        asked = (self.question, *(message for each in self.answer.rounds for message in each.messages))
        answer = Message.assistant(self.answer.text, self.answer.reasoning)
        said = (answer,) if self.answer.text or not self.answer.rounds else ()
        return (*(replace(each, parts=tuple(map(_sendable, each.parts))) for each in asked), *said)

    @property
    def title(self) -> str:
        """The first words of the question, in quotes."""
        words = " ".join(self.question.text.split())
        return f"“{words if len(words) <= 50 else words[:49] + '…'}”"


def _sendable(part: Part) -> Part:
    """A picture that was saved without its contents is sent as a note that it was there."""
    if isinstance(part, Image) and not part.url:
        return Text(f"[A picture was attached here: {part.name or part.sha256}. It is not there any more.]")
    return part


def in_context(complete: Iterable[Turn]) -> tuple[Turn, ...]:
    """What is sent of these complete turns: behind a summary, only the summary, what it keeps, and what is pinned."""
    turns = tuple(complete)
    at = max((index for index, turn in enumerate(turns) if turn.summary), default=-1)
    if at < 0:
        return turns
    older, recent = split(turns[:at], turns[at].keeps)
    pinned = tuple(turn for turn in older if turn.pinned and not turn.summary)
    return (*pinned, turns[at], *recent, *turns[at + 1 :])


def split(turns: tuple[Turn, ...], keeps: int) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """The turns that a summary stands in for, and the last `keeps` that stay beside it (never an older summary)."""
    said = [turn for turn in turns if not turn.summary]
    recent = tuple(said[max(0, len(said) - keeps) :])
    return tuple(turn for turn in turns if not any(turn is other for other in recent)), recent
