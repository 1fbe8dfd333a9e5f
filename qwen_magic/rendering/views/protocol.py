"""What every view of an answer does, and what it is told before the first word. Not for choosing one: `choice`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from ...core.answer import Answer, Attached
from ...core.events import Event
from ...structured.schema import Schema

__all__ = ["Heading", "View"]


@dataclass(frozen=True, slots=True)
class Heading:
    """What is known before the first word: who is asked, what was sent beside the question, and remarks on it.

    With a `schema` the answer is data, and shown as such. One that `rewrites` a cell ends as a diff of that.
    """

    model: str
    endpoint: str = ""
    attachments: tuple[Attached, ...] = ()
    notes: tuple[str, ...] = ()
    schema: Schema[Any] | None = None
    rewrites: bool = False


class View(Protocol):
    """Shows one answer, once: `start`, any number of `update`, `finish`; all of them in the cell's own thread."""

    @property
    def interval(self) -> float:
        """Seconds between two updates, at the least."""

    def start(self, heading: Heading) -> None:
        """The question is about to be sent."""

    def update(self, events: Sequence[Event]) -> None:
        """Show what has arrived since the last update; it may be nothing."""

    def pausing(self) -> AbstractContextManager[None]:
        """Within this block others may print where the view is, or ask something."""

    def finish(self, answer: Answer) -> None:
        """The answer has ended, whole, stopped or failed: put what stays in the view's place."""
