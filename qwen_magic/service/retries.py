"""Which requests are repeated, and after how long. Pure: the sync and the async caller do the waiting."""

from __future__ import annotations

import random

from ..core.errors import FileNotReady, QwenError, RateLimited, ServiceError

__all__ = ["PARSING_ATTEMPTS", "may_repeat", "wait_before_next"]

# Sent at most so often in all; waiting about 1 s, then 2 s, half of it by chance.
ATTEMPTS = 3
FIRST_WAIT = 1.0
# A document that was just uploaded is still being read: ask again every 2 s (the service's docs, "Qwen-Long"). The docs
# do so 10 times; 16 are ours, which makes the 30 s that a cell waits for anything: a long document may need over 20.
PARSING_WAIT, PARSING_ATTEMPTS = 2.0, 16
# The longest wait within a cell, in seconds: an error names any longer one. Ours.
LONGEST_WAIT = 30.0


def may_repeat(method: str, error: QwenError) -> bool:
    """Whether a call may be repeated after `error`: a POST only if the service has refused it."""
    return isinstance(error, RateLimited) or (isinstance(error, ServiceError) and method != "POST")


def wait_before_next(attempt: int, error: QwenError) -> float | None:
    """Seconds to wait before a request is sent again, or `None` when it is not."""
    if isinstance(error, FileNotReady):
        return PARSING_WAIT if attempt < PARSING_ATTEMPTS else None
    if not error.transient or attempt >= ATTEMPTS:
        return None
    asked = error.retry_after if isinstance(error, ServiceError) else None
    if asked is not None:
        return asked if asked <= LONGEST_WAIT else None
    return FIRST_WAIT * attempt * random.uniform(0.5, 1.0)
