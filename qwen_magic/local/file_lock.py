"""A lock between processes, on a file. It goes with the process that holds it, however that ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["locked"]

# How often whoever waits looks again, in seconds.
LOOK = 0.1


@contextmanager
def locked(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock for the block; `waiting` is called again and again until it is ours. The file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        while not taken(file.fileno()):
            waiting()
            time.sleep(LOOK)
        try:
            yield
        finally:
            release(file.fileno())


if sys.platform == "win32":
    import msvcrt

    def taken(file: int) -> bool:
        with suppress(OSError):
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            return True
        return False

    def release(file: int) -> None:
        with suppress(OSError):
            msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def taken(file: int) -> bool:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def release(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
