"""Waiting for what happens in another thread or process. For tests only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

LOOK = 0.01


def wait_for(condition: Callable[[], Any], seconds: float = 5.0) -> bool:
    """Waits until `condition` holds, for so many seconds at the most; returns whether it does."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(LOOK)
    return bool(condition())
