"""How a map is seen: a bar in a notebook with Stop, rich's bar in a terminal, and a static record at the end."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ..core.languages import translated
from ..rendering.command_output import say

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .report import MapProgress, MapReport

__all__ = ["MapView", "SilentMapView", "map_view"]


class MapView(Protocol):
    """Shows one map, once: `start`, any number of `update`, `finish`; all of them in the cell's own thread."""

    @property
    def interval(self) -> float:
        """Seconds between two updates."""

    def start(self, model: str, total: int) -> None:
        """So many rows are about to be asked."""

    def update(self, progress: MapProgress) -> None:
        """Show how far it is."""

    def finish(self, report: MapReport) -> None:
        """It has ended, whole or not: put what stays in the view's place."""


def map_view(shell: InteractiveShell | None, request_metadata: Mapping[str, Any]) -> MapView:
    """The view for the cell that runs now; `request_metadata` says whether somebody looks, as for an answer's view."""
    if getattr(shell, "kernel", None) is None:
        return _TerminalMapView()
    return _NotebookMapView() if request_metadata else _PlainMapView()


class SilentMapView:
    """Shows nothing."""

    interval = 1.0

    def start(self, model: str, total: int) -> None:
        """Shows nothing."""

    def update(self, progress: MapProgress) -> None:
        """Shows nothing."""

    def finish(self, report: MapReport) -> None:
        """Shows nothing."""


class _PlainMapView(SilentMapView):
    """The record alone, where nobody looks while it runs."""

    def finish(self, report: MapReport) -> None:
        from IPython.display import display

        display(report.mimebundle, raw=True)


class _TerminalMapView(SilentMapView):
    """rich's progress bar, on stderr, so that a script's own output stays as it is; then the record's first line."""

    interval = 0.25

    def start(self, model: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[line]}"))
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._task = self._bar.add_task(model, total=total, line="")
        self._bar.start()

    def update(self, progress: MapProgress) -> None:
        from rich.markup import escape

        self._bar.update(self._task, completed=progress.done, line=escape(translated(progress.line)))

    def finish(self, report: MapReport) -> None:
        self._bar.stop()
        if sys.stderr.isatty():
            say(report.mimebundle["text/plain"])


class _NotebookMapView(SilentMapView):
    """A widget with a bar, the first answers and Stop; its place is taken by the record, which has no widget."""

    interval = 0.25

    def start(self, model: str, total: int) -> None:
        from .map_widget import MapWidget

        self._widget = MapWidget(model, total)
        self._display = self._widget.show()

    def update(self, progress: MapProgress) -> None:
        self._widget.update(progress)

    def finish(self, report: MapReport) -> None:
        self._display.update(report.mimebundle, raw=True)
        self._widget.close()
