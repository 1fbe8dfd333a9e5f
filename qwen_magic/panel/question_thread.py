"""One question of a panel, asked in a thread of its own, so that the kernel is free for cells."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Unpack

from ..core.answer import Answer
from ..core.errors import QwenError
from ..core.events import Event
from ..rendering.answer_state import GrowingAnswer, heading_state
from ..rendering.page_messages import ByLanguage, TurnChange
from ..rendering.page_words import by_language, in_all_languages
from ..rendering.parser import encodable
from ..rendering.views.protocol import Heading
from .panel_widget import ChatWidget
from .saved_panel import foot, head
from .transcript import Entry, named

__all__ = ["PanelView", "told"]


class PanelView:
    """Shows an answer in a panel: the same view as in a cell, sent to an entry of the transcript."""

    interval = 0.04

    def __init__(self, widget: ChatWidget, entry: Entry, growing: GrowingAnswer) -> None:
        self._widget = widget
        self._entry = entry
        self._growing = growing

    def start(self, heading: Heading) -> None:
        """It is known now who answers, and what was attached."""
        shown = Heading(heading.model, heading.endpoint, notes=heading.notes)
        self._set(heading=heading_state(shown), attachments=named(heading.attachments))

    def update(self, events: Sequence[Event]) -> None:
        """Send what is new, in one message."""
        if events:
            with self._widget.changing():
                self._widget.tell(key=self._entry.key, patch=self._growing.take(events))

    def pausing(self) -> AbstractContextManager[None]:
        """Nothing has to be done."""
        return nullcontext()

    def finish(self, answer: Answer) -> None:
        """The answer has ended."""
        before = len(self._entry.state["heading"]["notes"]["en"])
        ended: TurnChange = {
            "head": head(self._entry.state["question"]),
            "foot": foot(answer, answer.notes[before:]),
            "text": encodable(answer.text),
        }
        with self._widget.changing():
            self._entry.change(ended)
            self._widget.tell(key=self._entry.key, patch=self._growing.end(answer), set=ended)

    def refuse(self, error: BaseException) -> None:
        """There is no answer, or no more of it."""
        known: TurnChange = {"error": told(error)}
        with self._widget.changing():
            self._entry.change(known)
            if self._entry.open:
                ended = self._growing.break_off()
                self._widget.tell(key=self._entry.key, set=known, patch=ended)
            else:
                self._widget.tell(key=self._entry.key, set=known)

    def _set(self, **known: Unpack[TurnChange]) -> None:
        with self._widget.changing():
            self._entry.change(known)
            self._widget.tell(key=self._entry.key, set=known)


def told(error: BaseException) -> ByLanguage:
    """An error in all languages: two pages of one panel may differ in theirs."""
    if not isinstance(error, QwenError):
        return in_all_languages(encodable(f"{type(error).__name__}: {error}"))
    return by_language(lambda language: encodable(error.in_language(language)))
