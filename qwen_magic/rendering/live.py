"""The live view: a widget that grows block by block, and gives its place to the static record at the end.

Every `update` becomes one small message to the page: the blocks that are finished now, and the tail that is still
open. The widget's state is kept complete beside that, without being sent, for a page that is loaded again in
mid-answer and asks for all of it. The page's half is `static/answer.js` and `static/cell.js`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import traitlets
from anywidget import AnyWidget
from IPython.core.getipython import get_ipython
from IPython.display import display

from ..answer import Answer
from ..events import Event
from .dialect import encodable
from .growing import GrowingAnswer, heading_state
from .neutral import as_text
from .record import record
from .view import Heading

__all__ = ["AnswerWidget", "LiveView", "static_text"]

STATIC = Path(__file__).parent / "static"


def static_text(*names: str) -> str:
    """The files `names` of `static/`, one after the other: a widget has one script and one style sheet."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)


class AnswerWidget(AnyWidget):
    """One answer in a cell. Its state is changed in place, which traitlets does not notice, so that nothing is sent."""

    _esm = static_text("answer.js", "cell.js")
    _css = static_text("answer.css")

    heading = traitlets.Dict().tag(sync=True)
    thinking = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)

    def __init__(self, **state: Any) -> None:
        self.opened = False
        self.reloaded = False
        super().__init__(**state)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """The state for a page. It is asked for as a whole when the widget is made, and when a page is loaded again."""
        self.reloaded = self.reloaded or (key is None and self.opened)
        self.opened = self.opened or key is None
        return super().get_state(key, drop_defaults)

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
            shell.events.unregister("pre_run_cell", close)
            if not self.reloaded:
                self.layout.close()
                self.close()

        shell.events.register("pre_run_cell", close)


class LiveView:
    """An answer on a notebook's page, while it comes and afterwards."""

    # 20 messages a second look smooth, and a Jupyter server drops messages only beyond 1,000 a second.
    interval = 0.05

    def __init__(self, *, show_reasoning: bool = False) -> None:
        self._show_reasoning = show_reasoning
        self._display_id = uuid.uuid4().hex

    def start(self, heading: Heading) -> None:
        """Put the widget into the cell, with a line of text for front-ends that have no widgets."""
        self._growing = GrowingAnswer()
        self._widget = AnswerWidget(heading=heading_state(heading), **self._growing.state)
        data, metadata = self._widget._repr_mimebundle_() or ({}, {})
        waiting = encodable(f"{heading.model} is answering…")
        data |= {"text/plain": waiting, "text/markdown": as_text(waiting)}
        display(data, metadata=metadata, raw=True, display_id=self._display_id)

    def update(self, events: Sequence[Event]) -> None:
        """Send what is new, in one message."""
        if events:
            self._widget.send(self._growing.take(events))

    def finish(self, answer: Answer) -> None:
        """Show the end, then put the static record in the widget's place: the saved notebook holds no widget."""
        self._widget.send(self._growing.end(answer))
        data, metadata = record(answer, show_reasoning=self._show_reasoning, html=self._growing.html)
        display(data, metadata=metadata, raw=True, display_id=self._display_id, update=True)
        self._widget.close_with_next_cell()
