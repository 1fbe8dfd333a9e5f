"""The state of one conversation, its undo steps, and its observers.

Not for the changes themselves: they are in `conversation`, `reservation`, `cell_runs` and `joining`.
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
    """One change: its description, the run that made it, and the state before it."""

    what: str
    cell: CellRef | None
    before: State


class Changes:
    """A `state` that any thread may read. Change it inside `changing`, or while holding `lock`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.lock = RLock()
        self._steps: deque[Step] = deque(maxlen=UNDO_STEPS)
        self._observers: list[Callable[[], None]] = []
        renewed_in_children(self)

    def after_fork(self) -> None:
        """In a forked child: a new lock, and no observers."""
        self.lock = RLock()
        self._observers = []

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Make one change inside the lock; observers are called after it, outside the lock."""
        with self.lock:
            old = self.state
            yield
            observers = tuple(self._observers) if self.state is not old else ()
        for observer in observers:
            observer()

    def step(self, what: str, cell: CellRef | None, state: State) -> None:
        """Change to `state`. `what` describes the change for `undo`, `cell` is the run that made it."""
        self._steps.append(Step(what, cell, self.state))
        self.state = state

    def last_step(self) -> Step | None:
        """Remove and return the last step, for a caller that restores its state. `None` when there is none."""
        return self._steps.pop() if self._steps else None

    def observe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each change, in the thread that made it, outside the lock.

        Returns a function that ends this. An exception of the callback is raised to the caller that made the change,
        which is kept.
        """
        with self.lock:
            self._observers.append(callback)

        def stop() -> None:
            with self.lock:
                if callback in self._observers:
                    self._observers.remove(callback)

        return stop
