"""Threads that run in the context of their caller."""

from __future__ import annotations

from contextvars import ContextVar
from queue import SimpleQueue

from qwen_magic.core.threads import start_thread

CELL: ContextVar[str] = ContextVar("cell", default="none")


def test_a_thread_has_the_context_that_its_caller_had() -> None:
    seen: SimpleQueue[str] = SimpleQueue()
    CELL.set("a")
    waiting: SimpleQueue[int] = SimpleQueue()

    def look() -> None:
        waiting.get()
        seen.put(CELL.get())

    thread = start_thread("looks", look)
    CELL.set("b")
    waiting.put(1)
    assert seen.get(timeout=10) == "a"
    thread.join(10)
    assert not thread.is_alive()
