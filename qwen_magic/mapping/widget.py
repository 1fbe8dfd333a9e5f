"""The widget of a map in a cell's output. The page's half is `static/map.js`; Stop there interrupts the kernel."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import traitlets
from anywidget import AnyWidget
from IPython.display import display

from .report import Progress

__all__ = ["MapWidget"]

STATIC = Path(__file__).parent / "static"


class MapWidget(AnyWidget):
    """How far a map is. Each `update` is one message to the page."""

    _esm = STATIC / "map.js"
    _css = STATIC / "map.css"

    # A layout is a widget with a comm of its own, for which JupyterLab starts one more thread in the kernel.
    layout = traitlets.Any(None).tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)

    def __init__(self, model: str, total: int) -> None:
        self._model = model
        super().__init__(progress={"model": model, "done": 0, "total": total, "line": "", "rows": []})

    def show(self) -> Any:
        """Put the widget into the cell, with a line of text for front-ends without widgets; returns its display."""
        data, _ = self._repr_mimebundle_() or ({}, {})
        waiting = f"{self._model} is being asked about {self.progress['total']:,} rows…"
        data |= {"text/plain": waiting, "text/html": f"<p>{escape(waiting)}</p>"}
        return display(data, raw=True, display_id=True)

    def update(self, progress: Progress) -> None:
        """Show how far it is."""
        self.progress = {
            "model": self._model,
            "done": progress.done,
            "total": progress.total,
            "line": progress.line,
            "rows": [[row, text] for row, text in progress.rows],
        }
