"""Between two cells: import what the next question needs, and open its widget on the page.

Nothing here is needed for an answer. Without it the first one comes later by the time of the imports, and each by the
time that a page takes to open a widget.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..rendering.views.live import AnswerWidget

__all__ = ["Idle"]

# Imported one at a time, so that a cell that is run meanwhile waits for one of them at the most.
NEEDED = (
    *("ipywidgets", "anywidget", ".prompts", "..service.client", "..assistant.request_builder"),
    *("..protocols.compatible", "..rendering.parser", "..rendering.views.live"),
)
# Seconds between two steps, in which the kernel looks for the next cell.
PAUSE = 0.02


class Idle:
    """What one shell prepares in the event loop of its kernel."""

    def __init__(self) -> None:
        self._widget: AnswerWidget | None = None
        self._waiting: asyncio.TimerHandle | None = None

    def prepare(self) -> None:
        """A cell has ended: prepare the next question, unless another cell comes first. Needs a running event loop."""
        if self._widget is not None or self._waiting is not None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        missing = [name for name in NEEDED if resolve_name(name, __package__) not in sys.modules]
        steps: list[Callable[[], object]] = [partial(import_module, name, __package__) for name in missing]
        self._next(loop, [*steps, *((connect_to_nothing,) if missing else ()), self._open])

    def take(self) -> AnswerWidget | None:
        """The widget that was opened, if there is one; it belongs to the caller from now on."""
        widget, self._widget = self._widget, None
        return widget

    def close(self) -> None:
        """Prepare nothing more."""
        if self._waiting is not None:
            self._waiting.cancel()
        if self._widget is not None:
            self._widget.close()
        self._waiting = self._widget = None

    def _next(self, loop: asyncio.AbstractEventLoop, steps: list[Callable[[], object]]) -> None:
        def step() -> None:
            self._waiting = None
            steps[0]()
            if steps[1:]:
                self._next(loop, steps[1:])

        self._waiting = loop.call_later(PAUSE, step)

    def _open(self) -> None:
        from ..rendering.views.live import AnswerWidget

        self._widget = AnswerWidget()


def connect_to_nothing() -> None:
    """Make a connection that is never opened: what HTTP needs is imported only then."""
    from ..service.timeouts import Timeouts
    from ..service.transport import Transport

    transport = Transport(Timeouts())
    with transport.connection("http://localhost"):
        transport.close()
