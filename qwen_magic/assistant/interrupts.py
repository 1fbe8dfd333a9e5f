"""Keeps a person's interrupt from landing where something would be left half done, such as a record half shown, and
says it in one line.

Not for breaking an answer off: that is `qwen_magic.service.answer_stream`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from ..core.errors import Stopped
from ..core.translatable import _

__all__ = ["Interrupts", "in_one_line"]

# Whoever interrupts still after so many seconds is let through: what is being done hangs.
PATIENCE = 5.0


class Interrupts:
    """Within the block of this context manager interrupts wait, but for the first one while `passing`.

    `waiting` says whether one waits: at the end of the block it is the caller's to heed. Python interrupts its main
    thread only (`signal`'s docs), so in any other thread all this does nothing.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.waiting = False
        self._patience = patience
        self._held_since: float | None = time.monotonic()
        self._before: Callable[[int, FrameType | None], Any] | None = None
        self._passed_on = False

    def __enter__(self) -> Interrupts:
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(before):
            self._before = before
            signal.signal(signal.SIGINT, self._arrived)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Within this block the first interrupt is passed on; one that waits, at once."""
        self._held_since = None
        try:
            if self.waiting:
                self.waiting = False
                self._arrived(signal.SIGINT, None)
            yield
        finally:
            self._held_since = time.monotonic()

    def check(self) -> None:
        """Raise the one that was passed on, should it be lost: Python ignores what is raised within a `__del__`."""
        if self._passed_on:
            raise KeyboardInterrupt

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        held_since, self._held_since = self._held_since, self._held_since or time.monotonic()
        if held_since is not None and time.monotonic() - held_since < self._patience:
            self.waiting = True
        elif self._before is not None:
            self._passed_on = True
            self._before(number, frame)


@contextmanager
def in_one_line() -> Iterator[None]:
    """An interrupt within this block comes out as `Stopped`, without the way through the code that it took."""
    try:
        yield
    except Stopped:
        raise
    except KeyboardInterrupt:
        raise Stopped(_("It was not done to its end.")) from None
