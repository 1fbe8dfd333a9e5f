"""The view where nobody is watching (nbclient, nbval, nbconvert): one display, when the answer has ended."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from IPython.display import display

from ...core.answer import Answer
from ...core.events import Event
from ..mimebundle import record
from .protocol import Heading

__all__ = ["PlainView"]


class PlainView:
    """Shows nothing until the end, so that what is saved is the same at every run. nbval ignores updates anyway."""

    interval = 1.0

    def __init__(self, *, show_reasoning: bool = False) -> None:
        self._show_reasoning = show_reasoning

    def start(self, heading: Heading) -> None:
        """Nothing to show yet."""

    def update(self, events: Sequence[Event]) -> None:
        """Nothing to show yet."""

    def pausing(self) -> AbstractContextManager[None]:
        """Nothing has to be done."""
        return nullcontext()

    def finish(self, answer: Answer) -> None:
        """Display the answer's record. How long it took differs from run to run, so only the metadata says it."""
        _, metadata = record(answer)
        data, _ = record(replace(answer, seconds=0.0), show_reasoning=self._show_reasoning)
        display(data, metadata=metadata, raw=True)
