"""A call that runs: in the thread that asks for it, or beside it. Its value, or what it raised.

A function runs in the caller's thread, which a person can interrupt. Async functions run in a loop of their own, since
the kernel's is busy with the cell. Not for what may run: that is `consent` and `loop`.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..core.threads import start_thread
from .parameters import Arguments
from .tool import Tool

__all__ = ["Ran", "Running", "run_here"]

# How often a wait looks whether it is to stop, in seconds: on Windows nothing else ends it.
LOOK = 0.05


@dataclass(frozen=True, slots=True)
class Ran:
    """What a call gave: its `value`, or the `error` that it raised; `seconds` is how long it took."""

    value: Any = None
    error: BaseException | None = None
    seconds: float = 0.0


def run_here(tool: Tool, arguments: Arguments, check: Callable[[], None]) -> Ran:
    """Call it in this thread. An interrupt is raised; anything else that the function raises is returned."""
    begun = time.perf_counter()
    try:
        value = _called(tool, arguments)
        if inspect.isawaitable(value):
            running = Running(lambda: value)
            return running.result(check)
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        ran = Ran(error=error, seconds=time.perf_counter() - begun)
    else:
        ran = Ran(value, seconds=time.perf_counter() - begun)
    check()
    return ran


class Running:
    """A call in a thread of its own. `call` is a function, or makes an awaitable; stopping one that is neither async
    nor over leaves its thread behind, and drops its value."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._done = threading.Event()
        self._ran = Ran()
        self._cancel: Callable[[], None] | None = None
        start_thread("qwen-tool", self._run)

    @classmethod
    def of(cls, tool: Tool, arguments: Arguments) -> Running:
        """Begin the call."""
        return cls(lambda: _called(tool, arguments))

    def result(self, check: Callable[[], None]) -> Ran:
        """Wait for its end; `check` may raise, as may an interrupt, and then it is stopped."""
        try:
            while not self._done.wait(LOOK):
                check()
        except BaseException:
            self.stop()
            raise
        return self._ran

    def stop(self) -> None:
        """Cancel it, if it can be."""
        if self._cancel is not None:
            with suppress(RuntimeError):  # its loop is closed
                self._cancel()

    def _run(self) -> None:
        begun, value, error = time.perf_counter(), None, None
        try:
            value = self._call()
            if inspect.isawaitable(value):
                value = asyncio.run(self._awaited(value))
        except BaseException as caught:  # a thread's own end: whatever it is, it is the call's result
            error = caught
        self._ran = Ran(value, error, time.perf_counter() - begun)
        self._done.set()

    async def _awaited(self, value: Awaitable[Any]) -> Any:
        task, loop = asyncio.ensure_future(value), asyncio.get_running_loop()

        def cancel() -> None:
            loop.call_soon_threadsafe(task.cancel)

        self._cancel = cancel
        return await task


def _called(tool: Tool, arguments: Arguments) -> Any:
    positional, named = tool.parameters.bound(arguments)
    return tool.function(*positional, **named)
