"""Rate limits for each user, and limits for all users together. Pure: the clock is an argument."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from time import monotonic

__all__ = ["Places", "Rates", "Spools"]

# Full buckets are removed when there are more than this.
REMEMBERED = 1000
# Of 256 places, as many as are usual, 32 are spared; of very few, none.
SPARED = 8


class Rates:
    """A token bucket per user: `burst` requests at once, and `per_minute` in the long run (0: no limit)."""

    def __init__(self, per_minute: float, burst: int, now: Callable[[], float] = monotonic) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, user: str) -> float:
        """Count a request. Returns 0 if it is allowed, else the seconds to wait."""
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
    """How many requests may be under way at once (0: as many as come).

    One in `SPARED` of them is for users who have none yet: nobody can take all of them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._spared = most // SPARED
        self._taken: Counter[str] = Counter()

    def take(self, user: str) -> bool:
        """Take a place, to be given back by `leave`. False when there is none."""
        spared = self._spared if user in self._taken else 0
        if 0 < self._most <= self._taken.total() + spared:
            return False
        self._taken[user] += 1
        return True

    def leave(self, user: str) -> None:
        self._taken[user] -= 1
        if self._taken[user] <= 0:
            del self._taken[user]


class Spools:
    """Limits the bytes of each user's requests that wait to be passed on (0: no limit)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: Counter[str] = Counter()

    def take(self, user: str, size: int) -> bool:
        """Count bytes that are kept, to be given back by `free`. False when they are too many."""
        if 0 < self._most < self._kept[user] + size:
            return False
        self._kept[user] += size
        return True

    def free(self, user: str, size: int) -> None:
        self._kept[user] -= size
        if self._kept[user] <= 0:
            del self._kept[user]
