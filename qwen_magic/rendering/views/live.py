"""The live view: a widget that grows block by block, and gives its place to the static record at the end.

Every `update` becomes one small message to the page: the blocks that are finished now, and the tail that is still
open. The widget's state is kept complete beside that, without being sent, for a page that is loaded again in
mid-answer and asks for all of it. What a file holds that is saved in mid-answer is written by the page, which has the
answer anyway: it costs no message. The page's half is `static/answer_widget.js` and what that imports.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

from ...core.answer import Answer
from ...core.control_characters import one_line
from ...core.events import Event, ReasoningDelta, TextDelta
from ...core.languages import translated
from ...core.translatable import _
from ..answer_state import GrowingAnswer, heading_state
from ..mimebundle import BEGINNING, attachment_line, quiet, record
from ..page_messages import AnswerPatch, AnswerState, BeginMessage, RecordMessage, SavedView
from ..page_widget import PageWidget
from ..safe_markdown import as_text
from .protocol import Heading

__all__ = ["AnswerWidget", "LiveView"]

UNFINISHED = _(
    "The answer was still coming when this was saved. As long as the kernel runs, %qwen last shows all of it."
)

# Characters of a burst that are parsed and sent at once: they take some 50 ms. With 200,000 at once, the garbage
# collection of their tokens takes a quarter of the time.
_PORTION = 16_000


class AnswerWidget(PageWidget):
    """One answer in a cell. `shown` is changed in place, which traitlets does not notice, so that nothing is sent.

    It is empty until `begin`, so that it can be opened on the page before there is a question.
    """

    shown = traitlets.Dict().tag(sync=True)

    def __init__(self) -> None:
        self.opened = False
        self.reloaded = False
        super().__init__("answer_widget.js", "answer.css")
        self.on_msg(self._hear)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """The state for a page. It is asked for as a whole when the widget is made, and when a page is loaded again."""
        self.reloaded = self.reloaded or (key is None and self.opened)
        self.opened = self.opened or key is None
        return super().get_state(key, drop_defaults)

    def begin(self, state: AnswerState) -> None:
        """The question is known: this is what there is to show from now on, and to be changed in place."""
        self.reloaded = False
        self.shown.update(state)
        self._send_message({"begin": state})

    def update(self, patch: AnswerPatch) -> None:
        """Send what has changed of the state."""
        self._send_message(patch)

    def close_with_next_cell(self) -> None:
        """Close the widget, but not yet.

        A page that was loaded again in mid-answer does not know the output that the record is to replace. Its
        question for the widget's state is answered when the cell has ended; then the widget is all it has, and stays.
        """
        shell = get_ipython()
        if shell is None:
            self.close()
            return

        def close(*_: Any) -> None:
            shell.events.unregister("post_run_cell", close)
            if not self.reloaded:
                self.close()

        def close_later(*_: Any) -> None:
            shell.events.unregister("pre_run_cell", close_later)
            shell.events.register("post_run_cell", close)

        shell.events.register("pre_run_cell", close_later)

    def _send_message(self, message: BeginMessage | AnswerPatch | RecordMessage) -> None:
        self.send(message)

    def _hear(self, *_: Any) -> None:
        """A page that was loaded again in mid-answer has the end, and asks for the record: a `RecordRequest`."""
        self._send_message({"record": self.shown.get("record")})


class LiveView:
    """An answer on a notebook's page, while it comes and afterwards."""

    # 20 messages a second look smooth, and a Jupyter server drops messages only beyond 1,000 a second.
    interval = 0.05

    def __init__(
        self, *, show_reasoning: bool = False, opened: Callable[[], AnswerWidget | None] = lambda: None
    ) -> None:
        self._show_reasoning = show_reasoning
        self._opened = opened
        self._display_id = uuid.uuid4().hex

    def start(self, heading: Heading) -> None:
        """Put the widget into the cell, with a line of text for front-ends that have no widgets."""
        self._growing = GrowingAnswer(heading.schema, written=True)
        self._widget = self._opened() or AnswerWidget()
        shown = heading_state(heading)
        shown["thinking_stays"] = self._show_reasoning
        self._widget.begin(
            {
                "heading": shown,
                "saved": self._saved(heading),
                "thinking": self._growing.state["thinking"],
                "answer": self._growing.state["answer"],
                "progress": self._growing.state["progress"],
            }
        )
        data = dict((self._widget._repr_mimebundle_() or ({}, {}))[0])
        message = _("{model} is answering… (%qwen last shows the answer again.)", model=heading.model)
        waiting = one_line(translated(message))
        data |= {"text/plain": waiting, "text/markdown": as_text(waiting), "text/html": quiet(waiting)}
        display(data, metadata={"qwen": {"view": self._display_id}}, raw=True, display_id=self._display_id)

    def update(self, events: Sequence[Event]) -> None:
        """Send what is new, in one message; of a burst in several, so that the page draws while the rest is parsed."""
        for portion in _portions(events):
            self._widget.update(self._growing.take(portion))

    def pausing(self) -> AbstractContextManager[None]:
        """Nothing has to be done."""
        return nullcontext()

    def finish(self, answer: Answer) -> None:
        """Show the end, then put the static record in the widget's place: the saved notebook holds no widget."""
        self._widget.update(self._growing.end(answer))  # before the record is made: the page is drawing meanwhile
        # Of data, of a change of a cell and of calls, the record makes its own HTML.
        html, markdown = (
            (self._growing.html, self._growing.markdown)
            if type(answer) is Answer and not answer.rounds
            else (None, None)
        )
        data, metadata = record(answer, show_reasoning=self._show_reasoning, html=html, markdown=markdown)
        self._widget.shown["record"] = {"data": data, "metadata": metadata}
        display(data, metadata=metadata, raw=True, display_id=self._display_id, update=True)
        self._widget.close_with_next_cell()

    def _saved(self, heading: Heading) -> SavedView:
        """What the page writes into the file around an answer that has not ended, and the view that it is shown in."""
        attached = quiet(" · ".join(map(attachment_line, heading.attachments)))
        return {
            "view": self._display_id,
            "model": self._widget.model_id,
            "around": [f"{BEGINNING}{attached}", f"{quiet(UNFINISHED)}</div>"],
        }


def _portions(events: Sequence[Event]) -> Iterator[list[Event]]:
    """The events in order, cut where a text is longer than `_PORTION`."""
    portion: list[Event] = []
    for event in events:
        if isinstance(event, (TextDelta, ReasoningDelta)):
            while len(event.text) > _PORTION:
                yield [*portion, replace(event, text=event.text[:_PORTION])]
                event, portion = replace(event, text=event.text[_PORTION:]), []
        portion.append(event)
    if portion:
        yield portion
