"""The widget of a map in a cell's output. The page's half is `map_widget.js`; Stop there interrupts the kernel."""

from __future__ import annotations

from html import escape
from typing import Any

import traitlets
from IPython.display import display

from ..core.languages import translated
from ..core.translatable import _
from ..rendering.page_messages import MapState
from ..rendering.page_widget import PageWidget
from ..rendering.page_words import in_all_languages
from .report import MapProgress

__all__ = ["MapWidget"]


class MapWidget(PageWidget):
    """How far a map is. Each `update` is one message to the page."""

    progress = traitlets.Dict().tag(sync=True)

    def __init__(self, model: str, total: int) -> None:
        self._model = model
        self._total = total
        begin = self._state(MapProgress(0, total, ""))
        super().__init__("map_widget.js", "map.css", progress=begin)

    def show(self) -> Any:
        """Put the widget into the cell, with a line of text for front-ends without widgets; returns its display."""
        data = dict((self._repr_mimebundle_() or ({}, {}))[0])
        waiting = translated(_("Asking {model} about {total:,} rows…", model=self._model, total=self._total))
        data |= {"text/plain": waiting, "text/html": f"<p>{escape(waiting)}</p>"}
        return display(data, raw=True, display_id=True)

    def update(self, progress: MapProgress) -> None:
        """Show how far it is."""
        self.progress = dict(self._state(progress))

    def _state(self, progress: MapProgress) -> MapState:
        return {
            "model": self._model,
            "done": progress.done,
            "total": progress.total,
            "line": in_all_languages(progress.line),
            "fields": list(progress.first.fields),
            "rows": [{"row": row, "cells": list(cells)} for row, cells in progress.first.rows],
        }
