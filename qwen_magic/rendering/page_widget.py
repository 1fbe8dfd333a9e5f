"""What all widgets of this package have in common. What each of them shows is in its own module."""

from __future__ import annotations

from typing import Any

import traitlets
from anywidget import AnyWidget

from .page_script import page_script, style_sheet

__all__ = ["PageWidget"]


class PageWidget(AnyWidget):
    """A widget whose state a page shows, and does not change."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)

    # A layout is a widget with a comm of its own, for which JupyterLab starts one more thread in the kernel.
    layout = traitlets.Any(None).tag(sync=True)

    def __init__(self, script: str, *styles: str, **state: Any) -> None:
        """The page gets `script` and `styles`, files of `static/`; `state` are the widget's own traits."""
        super().__init__(_esm=page_script(script), _css=style_sheet(*styles), **state)

    def set_state(self, sync_data: Any) -> None:
        """Nothing: a page does not change what is shown."""
