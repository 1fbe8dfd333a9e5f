"""A map's asyncio loop in a thread of its own, so that whoever waits for it can be interrupted at any time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from ..core.threads import start_thread

__all__ = ["Job"]

# Python on Windows does not notice an interrupt while it waits for a lock, so nothing waits longer than this.
SLICE = 0.05


class Job:
    """Runs `work` in a loop of its own, from `start` until it is done or stopped."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._over = threading.Event()
        self._error: BaseException | None = None

    def start(self) -> None:
        start_thread("qwen-map", self._run)

    def wait(self, seconds: float) -> bool:
        """Wait for the end, but no longer than this; whether it has come. Raises what the work raised."""
        while seconds > 0 and not self._over.wait(min(SLICE, seconds)):
            seconds -= SLICE
        if self._over.is_set() and self._error is not None:
            raise self._error
        return self._over.is_set()

    def stop(self) -> None:
        """Stop the work, and wait until its connections are closed. Does nothing after its end."""
        self._stopped = True
        loop, task = self._loop, self._task
        if loop is not None and task is not None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(task.cancel)
        self._over.wait()

    def _run(self) -> None:
        try:
            asyncio.run(self._watched())
        except BaseException as error:  # it is raised again where the end is waited for
            self._error = error
        finally:
            self._over.set()

    async def _watched(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(self._work())
        if self._stopped:
            self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
