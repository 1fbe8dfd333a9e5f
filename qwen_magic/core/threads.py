"""Threads that run in the context of their caller: what they print and log goes where the caller's goes.

A kernel keeps in a context variable which cell an output belongs to. A thread without it is looked up by the
identifiers of the threads above it; these are used again, and the search may never end (ipython/ipykernel#1269):
the thread hangs as soon as it logs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

__all__ = ["start_thread"]


def start_thread(name: str, work: Callable[..., Any], *arguments: Any) -> threading.Thread:
    """Call `work` in a daemon thread of this name, with the context variables that the caller has now."""
    thread = threading.Thread(target=copy_context().run, args=(work, *arguments), name=name, daemon=True)
    thread.start()
    return thread
