"""An answer that has streamed into a cell's output is not shown a second time as the value of the cell's last line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..core.answer import Answer
    from ..core.events import Event
    from ..rendering.views.protocol import Heading, View

__all__ = ["Displayed", "Noted"]


class Displayed:
    """Takes the place of IPython's display hook, and passes everything on to it but the `last` answer of this cell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.last: Answer | None = None
        self._shell = shell
        self._hook = shell.display_trap.hook
        self._take_place(self._hook, self)

    def __call__(self, result: Any = None) -> None:
        """What Python calls with the value of an expression that stands alone (`sys.displayhook`)."""
        if result is None or result is not self.last:
            self._hook(result)
        else:
            # It is still the value of the cell: `_`, `Out`.
            self._shell.displayhook.update_user_ns(result)
            self._shell.displayhook.fill_exec_result(result)

    def remove(self) -> None:
        """Leave the place to the hook that was there."""
        self._take_place(self, self._hook)

    def _take_place(self, old: Any, new: Any) -> None:
        trap = self._shell.display_trap
        if trap.hook is old:
            trap.hook = new
        # In the cell that is running the trap has been set already.
        if sys.displayhook is old:
            sys.displayhook = new


class Noted:
    """A view whose answer is noted as displayed, and handed to `ended`."""

    def __init__(self, view: View, displayed: Displayed, ended: Callable[[Answer], None]) -> None:
        self._view = view
        self._displayed = displayed
        self._ended = ended

    @property
    def interval(self) -> float:
        return self._view.interval

    def start(self, heading: Heading) -> None:
        self._view.start(heading)

    def update(self, events: Sequence[Event]) -> None:
        self._view.update(events)

    def pausing(self) -> AbstractContextManager[None]:
        return self._view.pausing()

    def finish(self, answer: Answer) -> None:
        self._view.finish(answer)
        self._displayed.last = answer
        self._ended(answer)
