"""The view that shows nothing: for `ask(show=False)`, and for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from ...core.answer import Answer
from ...core.events import Event
from .protocol import Heading

__all__ = ["SilentView"]


class SilentView:
    """Shows nothing. The answer is what `ask()` returns."""

    interval = 0.1

    def start(self, heading: Heading) -> None:
        """Shows nothing."""

    def update(self, events: Sequence[Event]) -> None:
        """Shows nothing."""

    def pausing(self) -> AbstractContextManager[None]:
        """Nothing has to be done."""
        return nullcontext()

    def finish(self, answer: Answer) -> None:
        """Shows nothing."""
