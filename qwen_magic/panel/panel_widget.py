"""The widget of a panel: its state, and the messages that bring every page to the same state.

The state is changed in place, which traitlets does not notice, so that each change is sent once, as a small message.
Messages are numbered: a page that has missed one requests the whole state.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from copy import deepcopy
from threading import RLock
from typing import Any, Unpack, cast

import traitlets

from ..core.languages import current
from ..rendering.mimebundle import quiet
from ..rendering.page_messages import Aside, Change, KnownConversation, PanelChange, PanelState, TurnState, WholeMessage
from ..rendering.page_widget import PageWidget
from ..rendering.page_words import short
from .saved_panel import AROUND, IN_CELL

__all__ = ["ChatWidget"]

_Handler = Callable[[Any, list[memoryview]], None]


class ChatWidget(PageWidget):
    """One panel. Its methods may be called from any thread."""

    panel = traitlets.Dict().tag(sync=True)

    def __init__(self, known: KnownConversation, order: list[str], turns: dict[str, TurnState]) -> None:
        self._lock = RLock()
        self._way: Context | None = None
        state: PanelState = {
            **known,
            "seq": 0,
            "id": uuid.uuid4().hex,
            "view": "",
            "around": list(AROUND),
            "in_cell": quiet(IN_CELL),
            "language": short(current()),
            "order": order,
            "turns": turns,
        }
        super().__init__("panel_widget.js", "answer.css", "panel.css", panel=state)
        self._state = cast(PanelState, self.panel)
        self._state["view"] = self.model_id

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """A copy of the state for a page: other threads may change the state meanwhile."""
        with self._lock:
            return deepcopy(super().get_state(key, drop_defaults))

    @contextmanager
    def changing(self) -> Iterator[PanelState]:
        """Lock the state for a change together with the message that reports it."""
        with self._lock:
            yield self._state

    def tell(self, **change: Unpack[Change]) -> None:
        """Send a change that has been made in the state."""
        with self._lock:
            self._state["seq"] += 1
            self._send_message({"seq": self._state["seq"], **change})

    def say(self, **message: Unpack[Aside]) -> None:
        """Send a message that is not part of the state."""
        self._send_message(message)

    def say_whole(self, seen: int) -> None:
        """Send the whole state to a page whose last message has the number `seen`, unless that is the newest."""
        with self._lock:
            if seen != self._state["seq"]:
                self._send_message({"whole": self._state})

    def _send_message(self, message: PanelChange | WholeMessage | Aside) -> None:
        with self._lock:
            if self._way is None:
                self.send(message)
            else:
                self._way.copy().run(self.send, message)

    def listen(self, handler: _Handler) -> None:
        """Call `handler(message, buffers)` for each message of a page."""

        def hear(_: Any, message: Any, buffers: list[memoryview]) -> None:
            # ipykernel sends a comm's messages to the subshell that spoke on it last. Speaking in the context of what
            # was heard keeps them in the page's subshell, if it has one: there they are heard while a cell runs.
            with self._lock:
                self._way = copy_context()
            handler(message, buffers)

        self.on_msg(hear)
