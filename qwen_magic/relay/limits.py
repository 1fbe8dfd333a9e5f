"""How much one person, and all together, may ask at a time. Pure: the clock is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

__all__ = ["Places", "Rates"]

# Buckets that are full again are forgotten when there are more than this.
REMEMBERED = 1000


class Rates:
    """A token bucket per user: `burst` requests at once, and `per_minute` in the long run (0: as many as they like)."""

    def __init__(self, per_minute: float, burst: int, now: Callable[[], float] = monotonic) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, user: str) -> float:
        """Count a request. Returns 0 when it may go on, else the seconds to wait."""
        if not self._rate:
            return 0.0
        now = self._now()
        if len(self._buckets) > REMEMBERED:
            self._buckets = {
                name: bucket for name, bucket in self._buckets.items() if self._left(bucket, now) < self._burst
            }
        left = self._left(self._buckets.get(user, (self._burst, now)), now)
        if left < 1:
            return (1 - left) / self._rate
        self._buckets[user] = (left - 1, now)
        return 0.0

    def _left(self, bucket: tuple[float, float], now: float) -> float:
        left, since = bucket
        return min(self._burst, left + (now - since) * self._rate)


class Places:
    """How many requests may be under way at once (0: as many as come)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken = 0

    @property
    def full(self) -> bool:
        return 0 < self._most <= self.taken

    @contextmanager
    def taking(self) -> Iterator[None]:
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
