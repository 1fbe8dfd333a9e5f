"""Between two cells: import what the next question needs, and open its widget on the page.

Nothing here is needed for an answer. Without it the first one comes later by the time of the imports, and each by the
time that a page takes to open a widget.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.util import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..rendering.views.live import AnswerWidget

__all__ = ["Idle"]

# Imported one at a time, so that a cell that is run meanwhile waits for one of them at the most.
NEEDED = (
    *("ipywidgets", "anywidget", "..assistant.prompts", "..service.client", "..assistant.request_builder"),
    *("..protocols.compatible", "..rendering.parser", "..rendering.views.live"),
)
# What describes a table. It is needed where there is a library whose tables somebody may attach.
NEEDED_FOR_TABLES = ("..attachments.dataframes",)
LIBRARIES_OF_TABLES = ("pandas", "polars", "pyarrow")
# Seconds between two steps, in which the kernel looks for the next cell.
PAUSE = 0.02


class Idle:
    """What one shell prepares in the event loop of its kernel."""

    def __init__(self) -> None:
        self._widget: AnswerWidget | None = None
        self._waiting: asyncio.TimerHandle | None = None

    def prepare(self) -> None:
        """A cell has ended: prepare the next question, unless another cell comes first. Needs a running event loop."""
        if self._waiting is not None or not (steps := list(self._steps())):
            return
        with suppress(RuntimeError):
            self._next(asyncio.get_running_loop(), steps)

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

    def _steps(self) -> Iterator[Callable[[], object]]:
        """What is left to do."""
        missing = _missing_modules(NEEDED)
        yield from (partial(import_module, name) for name in missing)
        if missing:
            yield _connect_to_nothing
        if self._widget is None:
            yield self._open
        if any(name in sys.modules for name in LIBRARIES_OF_TABLES):
            yield from (partial(import_module, name) for name in _missing_modules(NEEDED_FOR_TABLES))

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


def _missing_modules(names: Iterable[str]) -> list[str]:
    """Those of these modules that are not imported yet, by their full names."""
    return [name for name in (resolve_name(name, __package__) for name in names) if name not in sys.modules]


def _connect_to_nothing() -> None:
    """Make a connection that is never opened: what HTTP needs is imported only then."""
    from ..service.timeouts import Timeouts
    from ..service.transport import Transport

    transport = Transport(Timeouts())
    with transport.connection("http://localhost"):
        transport.close()
