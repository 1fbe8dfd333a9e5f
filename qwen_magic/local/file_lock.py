"""A lock between processes, on a file. It is released when the process ends, however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked"]

# The interval of polling, in seconds.
LOOK = 0.1


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock during the block; `waiting` is called repeatedly until it is acquired. The file stays."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=LOOK, poll_interval=LOOK / 2)
        except Timeout:
            waiting()
    try:
        yield
    finally:
        lock.release()
