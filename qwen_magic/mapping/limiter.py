"""How many requests may be under way, and when the next one may start. Pure: whoever calls brings the clock.

The service's limits are per minute, are enforced in every second, and there is one more on how fast the rate grows
(its docs, "Rate limits", 2026: a smooth ramp is advised). So requests start evenly, the number under way grows
steadily, halves at a refusal (HTTP 429), and grows again, more slowly. Not for sleeping or sending.
"""

from __future__ import annotations

from collections import deque

__all__ = ["Limiter"]

# Requests under way at the beginning, and how many more each second until the first refusal. Ours: 64 are reached in
# two seconds.
FIRST, RAMP = 4.0, 32.0
# After a refusal: the share of the requests that goes on, and the share of `concurrency` that comes back each second.
BACK_OFF, REGAIN = 0.5, 0.05
# Of a place, so that rounding never makes a delay of nothing.
SMALLEST = 1e-3
# Seconds of pause after a refusal that names none; each further one without an answer in between doubles it.
PAUSE, LONGEST_PAUSE = 1.0, 30.0
# Requests that leave in different seconds may arrive in the same one: a second is counted as this much longer.
JITTER = 0.05
# A request that starts late by less than this does not delay those behind it, in seconds.
CATCH_UP = 0.05


class Limiter:
    """Holds `concurrency` requests under way, `rpm` requests and `tpm` tokens a minute, in every second of it.

    Times are seconds of one clock that never goes back. Of 90 requests a minute, 1 starts in any second; of fewer than
    60, one starts in each 60/rpm seconds.
    """

    def __init__(self, concurrency: int, rpm: float | None = None, tpm: float | None = None) -> None:
        self.in_flight = 0
        self._most = float(concurrency)
        self._window = min(FIRST, self._most)
        self._growth = RAMP
        self._grown: float | None = None
        self._starts = _Starts(rpm / 60) if rpm else None
        self._tokens_per_second = tpm / 60 if tpm else None
        self._tokens_free = 0.0
        self._paused = 0.0
        self._backed_off = float("-inf")
        self._refusals = 0

    @property
    def window(self) -> int:
        """How many requests may be under way now."""
        return int(self._window)

    def delay(self, now: float) -> float | None:
        """Seconds until the next request may start, or one has to ask again; `None` until one under way ends."""
        self._grow(now)
        if self.in_flight >= self.window:
            growing = self.in_flight < self._most and not self._refusals
            return max(self.in_flight + 1 - self._window, SMALLEST) / self._growth if growing else None
        start = max(self._paused, self._tokens_free, self._starts.earliest() if self._starts else 0.0)
        return max(0.0, start - now)

    def start(self, now: float, tokens: int) -> None:
        """A request of about so many tokens, those of its answer included, starts."""
        self.in_flight += 1
        if self._starts:
            self._starts.add(now)
        if self._tokens_per_second:
            self._tokens_free = max(self._tokens_free, now) + tokens / self._tokens_per_second

    def answered(self, estimated: int, used: int) -> None:
        """A request that was started with the estimate was answered, and used so many tokens."""
        self.in_flight -= 1
        self._refusals = 0
        if self._tokens_per_second:
            self._tokens_free += (used - estimated) / self._tokens_per_second

    def failed(self) -> None:
        """A request ended in another way than by a refusal for its rate."""
        self.in_flight -= 1

    def refused(self, now: float, started: float, retry_after: float | None = None) -> None:
        """The request that started at `started` was refused for its rate, perhaps with a time to wait in seconds.

        Of the requests that were under way together, only the first one halves.
        """
        self.in_flight -= 1
        if started >= self._backed_off:
            self._backed_off = now
            self._refusals += 1
            self._window = max(1.0, self._window * BACK_OFF)
            self._growth = self._most * REGAIN
            self._paused = now + min(PAUSE * 2 ** (self._refusals - 1), LONGEST_PAUSE)
        if retry_after is not None:
            self._paused = max(self._paused, now + retry_after)
        self._grown = max(now, self._paused)

    def rest(self, now: float) -> float:
        """Seconds until another limiter may start in this one's place, and no second has more than the limits."""
        return max(0.0, self._tokens_free - now, self._starts.over() - now if self._starts else 0.0)

    def _grow(self, now: float) -> None:
        if self._grown is None:
            self._grown = now
        if now > self._grown and not self._refusals:
            self._window = min(self._most, self._window + self._growth * (now - self._grown))
        self._grown = max(now, self._grown)


class _Starts:
    """When requests started, so that no second has more of them than `rate`."""

    def __init__(self, rate: float) -> None:
        count = max(1, int(rate))
        self._interval = 1 / rate
        self._span = max(1.0, count / rate) + JITTER
        self._latest: deque[float] = deque(maxlen=count)
        self._due = 0.0

    def earliest(self) -> float:
        """When the next one may start."""
        full = len(self._latest) == self._latest.maxlen
        return max(self._due, self._latest[0] + self._span) if full else self._due

    def over(self) -> float:
        """When all that have started count no more."""
        return max(self._due, self._latest[-1] + self._span) if self._latest else 0.0

    def add(self, now: float) -> None:
        self._due = max(self._due, now - CATCH_UP) + self._interval
        self._latest.append(now)
