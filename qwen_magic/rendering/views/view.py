"""How an answer is shown while it comes: what every view does, and which view is right where.

The views themselves are next door: `live` (a notebook's page), `plain` (nobody is watching), `terminal`. Each is
imported only when it is chosen. What an answer looks like afterwards is the business of `record`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ...core.answer import Answer, Attached
from ...core.events import Event

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Heading", "View", "choose_view"]


@dataclass(frozen=True, slots=True)
class Heading:
    """What is known before the first word: who is asked, what was sent beside the question, and remarks on it."""

    model: str
    endpoint: str = ""
    attachments: tuple[Attached, ...] = ()
    notes: tuple[str, ...] = ()


class View(Protocol):
    """Shows one answer, once: `start`, any number of `update`, `finish`; all of them in the cell's own thread."""

    @property
    def interval(self) -> float:
        """Seconds between two updates, at the least."""

    def start(self, heading: Heading) -> None:
        """The question is about to be sent."""

    def update(self, events: Sequence[Event]) -> None:
        """Show what has arrived since the last update; it may be nothing."""

    def finish(self, answer: Answer) -> None:
        """The answer has ended, whole, stopped or failed: put what stays in the view's place."""


def choose_view(
    shell: InteractiveShell | None,
    request_metadata: Mapping[str, Any],
    *,
    show_reasoning: bool = False,
    opened: Callable[[], Any] = lambda: None,
) -> View:
    """The view for the cell that runs now.

    `request_metadata` is the metadata of the cell's execute request. A front-end always sends some (JupyterLab and
    Notebook the cell's id); what runs notebooks with nobody looking (nbclient, nbval, nbconvert) sends none, and
    gets one display at the end. `show_reasoning` unfolds the thinking in what stays. `opened` gives a widget that is
    open on the page already, if there is one.
    """
    if getattr(shell, "kernel", None) is None:
        return Deferred("terminal", "TerminalView", show_reasoning=show_reasoning)
    if not request_metadata:
        return Deferred("plain", "PlainView", show_reasoning=show_reasoning)
    return Deferred("live", "LiveView", show_reasoning=show_reasoning, opened=opened)


class Deferred:
    """A view that is made when the answer is on its way, so that its imports take none of the question's time."""

    def __init__(self, module: str, name: str, **options: Any) -> None:
        self.name = name
        self._module = module
        self._options = options
        self._view: View | None = None

    @property
    def interval(self) -> float:
        return self._made().interval

    def start(self, heading: Heading) -> None:
        self._made().start(heading)

    def update(self, events: Sequence[Event]) -> None:
        self._made().update(events)

    def finish(self, answer: Answer) -> None:
        self._made().finish(answer)

    def _made(self) -> View:
        if self._view is None:
            module = import_module(f".{self._module}", __package__)
            self._view = getattr(module, self.name)(**self._options)
        return self._view
