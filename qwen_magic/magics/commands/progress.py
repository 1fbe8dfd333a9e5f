"""How a person is asked about a download, and sees how far it is, and how long a model takes to load."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from ...core.control_characters import one_line
from ...core.languages import translated
from ...core.translatable import _
from ...local.interaction import Dialogue
from ...rendering.command_output import in_notebook, say

__all__ = ["confirm", "dialogue", "loading"]

# A bar that moves more often is not read better, in seconds.
INTERVAL = 0.25
# Nobody asks what happens before so many seconds are over.
MOMENT = 1.0


def dialogue(agreed: bool = False) -> Dialogue:
    """A dialogue in the cell that runs now; `agreed` says that the person has agreed to downloads already."""
    return Dialogue(
        confirm=(lambda question: True) if agreed else confirm, progress=_ProgressBar().show, loading=loading
    )


def confirm(question: str) -> bool | None:
    """Ask in the front-end; `None` where it cannot ask, as when a notebook is run without a person."""
    try:
        return input(f"{one_line(translated(question))} [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, NotImplementedError):  # ipykernel's StdinNotImplementedError is the latter
        return None


@contextmanager
def loading(name: str) -> Iterator[Callable[[], None]]:
    """Show, in the cell that runs now, for how long the model of this name has been loading."""
    begun, line = time.monotonic(), _ProgressLine()

    def told() -> None:
        seconds = time.monotonic() - begun
        if seconds >= MOMENT:
            line.draw(_("Loading {name}… {seconds:.0f} s", name=name, seconds=seconds))

    try:
        yield told
    except BaseException:
        line.end(_("{name} was not loaded.", name=name))
        raise
    line.end(_("{name} was loaded in {duration}.", name=name, duration=_duration(time.monotonic() - begun)))


class _ProgressBar:
    """One download's progress, drawn now and then."""

    def __init__(self) -> None:
        self._line = _ProgressLine()
        self._next = 0.0
        self._began: tuple[float, int] | None = None

    def show(self, done: int, total: int) -> None:
        """Draw the bar if it is time to, and in any case at the end."""
        now = time.monotonic()
        self._began = self._began or (now, done)
        if now < self._next and done < total:
            return
        self._next = now + INTERVAL
        text = _how_far(done, total, self._began[1], now - self._began[0])
        bar = f'<progress max="{total}" value="{done}" style="width: 16em"></progress>'
        self._line.draw(text, f"{bar} {escape(translated(text))}")
        if done >= total:
            self._line.end(text)


class _ProgressLine:
    """A line in the output that is drawn again and again: a display of a notebook, a line of a terminal."""

    def __init__(self) -> None:
        self._text = ""
        self._ended = False
        self._display: Any = None

    def draw(self, text: str, html: str = "") -> None:
        """Put `text` in the place of what stands there, or `html` where that can be shown."""
        text = one_line(translated(text))
        if text == self._text or self._ended:
            return
        if in_notebook():
            self._show({"text/plain": text, "text/html": html or escape(text)})
        elif sys.stdout.isatty():
            print(f"\r{text:<{len(self._text)}}", end="", flush=True)
        self._text = text

    def end(self, text: str) -> None:
        """Leave `text` there for good; nothing, if nothing was drawn."""
        if self._text and not self._ended:
            self.draw(text)
            if not in_notebook():
                say("" if sys.stdout.isatty() else text)
        self._ended = True

    def _show(self, data: dict[str, str]) -> None:
        from IPython.display import display

        if self._display is None:
            self._display = display(data, raw=True, display_id=True)
        else:
            self._display.update(data, raw=True)


def _how_far(done: int, total: int, before: int, seconds: float) -> str:
    """The bar in words; `before` bytes were there `seconds` ago."""
    from ...core.sizes import readable_size

    rate = (done - before) / seconds if seconds > 1 else 0
    if not rate or done >= total:
        return _("{done} of {total}", done=readable_size(done), total=readable_size(total))
    left = _duration((total - done) / rate)
    return _("{done} of {total}, {left} left", done=readable_size(done), total=readable_size(total), left=left)


def _duration(seconds: float) -> str:
    """How long something takes, for people."""
    if seconds > 90:
        return _("{minutes:.0f} min", minutes=seconds / 60)
    return _("{seconds:.0f} s", seconds=seconds)
