"""How a person is asked about a download, and sees how far it is: a bar with sizes and the time left."""

from __future__ import annotations

import time
from typing import Any

from ..local.dialogue import Dialogue

__all__ = ["Bar", "dialogue"]

# A bar that moves more often is not read better, in seconds.
INTERVAL = 0.25


def dialogue(agreed: bool = False) -> Dialogue:
    """A dialogue in the cell that runs now; `agreed` says that the person has agreed to downloads already."""
    return Dialogue(confirm=(lambda question: True) if agreed else confirm, progress=Bar().show)


def confirm(question: str) -> bool | None:
    """Ask in the front-end; `None` where it cannot ask, as when a notebook is run without a person."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, NotImplementedError):  # ipykernel's StdinNotImplementedError is the latter
        return None


class Bar:
    """One download's progress, in one display that is drawn now and then."""

    def __init__(self) -> None:
        self._display: Any = None
        self._next = 0.0
        self._began: tuple[float, int] | None = None

    def show(self, done: int, total: int) -> None:
        """Draw the bar if it is time to, and in any case at the end."""
        now = time.monotonic()
        self._began = self._began or (now, done)
        if now < self._next and done < total:
            return
        self._next = now + INTERVAL
        self._draw(*drawn(done, total, self._began[1], now - self._began[0]))

    def _draw(self, text: str, html: str) -> None:
        from IPython.display import display

        data = {"text/plain": text, "text/html": html}
        if self._display is None:
            self._display = display(data, raw=True, display_id=True)
        else:
            self._display.update(data, raw=True)


def drawn(done: int, total: int, before: int, seconds: float) -> tuple[str, str]:
    """The bar as text and as HTML; `before` bytes were there `seconds` ago."""
    from ..local.catalogue import size

    rate = (done - before) / seconds if seconds > 1 else 0
    left = f", {duration((total - done) / rate)} left" if rate and done < total else ""
    text = f"{size(done)} of {size(total)}{left}"
    return text, f'<progress max="{total}" value="{done}" style="width: 16em"></progress> {text}'


def duration(seconds: float) -> str:
    """A time to come, for people."""
    return f"{seconds / 60:.0f} min" if seconds > 90 else f"{seconds:.0f} s"
