"""The state of one conversation, changed one step at a time: what was there before each, and who is told of it.

Not for what a change is: those are in `conversation`, `reservation`, `cell_runs` and `joining`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from ..core.forks import renewed_in_children
from .ordering import Slots
from .turns import CellRef

if TYPE_CHECKING:
    from .serialization import Saved

__all__ = ["Changes", "State", "Step"]

# Enough to take back an afternoon's mistake; each step holds the old order only, the turns are shared.
UNDO_STEPS = 100


class State(NamedTuple):
    """All that undo brings back: the turns at their places, what is set, and what was restored from files."""

    slots: Slots
    system: str | None = None
    model: str | None = None
    restored: tuple[Saved, ...] = ()


class Step(NamedTuple):
    """What one change was, the run that made it, and what was there before."""

    what: str
    cell: CellRef | None
    before: State


class Changes:
    """A `state` that any thread may read; whoever changes it is inside `changing`, or holds the `lock`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.lock = RLock()
        self._steps: deque[Step] = deque(maxlen=UNDO_STEPS)
        self._observers: list[Callable[[], None]] = []
        renewed_in_children(self)

    def after_fork(self) -> None:
        """A forked child has a copy of its own, which nobody there follows."""
        self.lock = RLock()
        self._observers = []

    @contextmanager
    def changing(self) -> Iterator[None]:
        """One change: made inside the lock, told outside of it."""
        with self.lock:
            old = self.state
            yield
            observers = tuple(self._observers) if self.state is not old else ()
        for observer in observers:
            observer()

    def step(self, what: str, cell: CellRef | None, state: State) -> None:
        """Change to `state`; `what` says to the person who undoes it what it was, `cell` is the run that made it."""
        self._steps.append(Step(what, cell, self.state))
        self.state = state

    def last_step(self) -> Step | None:
        """Take the last step off; whoever does so brings back what was before it. `None` when there is none."""
        return self._steps.pop() if self._steps else None

    def observe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call this after each change, in the thread that made it, outside the lock; returns what ends it.

        What the callback raises reaches whoever made the change, which stands.
        """
        with self.lock:
            self._observers.append(callback)

        def stop() -> None:
            with self.lock:
                if callback in self._observers:
                    self._observers.remove(callback)

        return stop
