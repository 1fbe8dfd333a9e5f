"""Which view is right for the cell that runs now: `live` (a notebook's page), `plain` (nobody looks), `terminal`.

Each is imported only when it is chosen. What remains of an answer afterwards is in `qwen_magic.rendering.mimebundle`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ...core.answer import Answer
from ...core.events import Event
from .protocol import Heading, View

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Deferred", "choose_view"]


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

    def pausing(self) -> AbstractContextManager[None]:
        return self._made().pausing()

    def finish(self, answer: Answer) -> None:
        self._made().finish(answer)

    def _made(self) -> View:
        if self._view is None:
            module = import_module(f".{self._module}", __package__)
            self._view = getattr(module, self.name)(**self._options)
        return self._view
