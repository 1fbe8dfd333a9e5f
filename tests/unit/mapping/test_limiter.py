"""How fast rows are asked: the limits hold in every second, and what the service refuses slows all of them down."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_magic.mapping.limiter import Limiter

FOREVER = 10_000.0
# What rounding may add to a time, in seconds.
ROUNDING = 1e-6


@dataclass
class Simulation:
    """Rows asked through a limiter, on a clock of its own; `server` refuses a start at a time, or not."""

    limiter: Limiter
    latency: float = 0.2
    tokens: int = 100
    used: int = 100
    server: Callable[[float], bool] = lambda now: True
    starts: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    windows: list[tuple[float, int]] = field(default_factory=list)
    most: int = 0
    now: float = 0.0

    def run(self, rows: int, late: Callable[[], float] = lambda: 0.0) -> Simulation:
        """Ask until so many rows are answered; each start comes `late` seconds after it was allowed."""
        under_way: list[tuple[float, float, bool]] = []
        while rows > 0 and self.now < FOREVER:
            delay = self.limiter.delay(self.now)
            if delay == 0 and len(under_way) < rows:
                self.start(under_way)
                continue
            ends = under_way[0][0] if under_way else float("inf")
            ready = self.now + delay + late() if delay is not None and len(under_way) < rows else float("inf")
            self.now = min(ends, ready)
            if ends <= self.now:
                rows -= self.end(*heapq.heappop(under_way))
        return self

    def start(self, under_way: list[tuple[float, float, bool]]) -> None:
        good = self.server(self.now)
        self.limiter.start(self.now, self.tokens)
        heapq.heappush(under_way, (self.now + (self.latency if good else 0.05), self.now, good))
        self.most = max(self.most, len(under_way))
        self.starts.append(self.now)
        self.windows.append((self.now, self.limiter.window))

    def end(self, now: float, started: float, good: bool) -> int:
        if good:
            self.limiter.answered(self.tokens, self.used)
        else:
            self.refusals.append(now)
            self.limiter.refused(now, started)
        return int(good)


def most_in(starts: list[float], seconds: float) -> int:
    """The most starts in any span of so many seconds."""
    first, most = 0, 0
    for last, moment in enumerate(starts):
        while moment - starts[first] >= seconds - ROUNDING:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize(("rpm", "a_second"), [(600, 10), (60, 1), (90, 1), (500, 8), (6_000, 100)])
def test_no_second_has_more_than_a_sixtieth_of_the_minute(rpm: int, a_second: int) -> None:
    done = Simulation(Limiter(64, rpm=rpm)).run(rpm)
    assert most_in(done.starts, 1.0) <= a_second
    assert done.now < 60 * 1.6


def test_fewer_than_one_a_second_are_spread() -> None:
    done = Simulation(Limiter(64, rpm=20)).run(10)
    assert most_in(done.starts, 3.0) == 1


@settings(max_examples=50, deadline=None)
@given(
    rpm=st.integers(10, 5_000),
    concurrency=st.integers(1, 200),
    late=st.lists(st.floats(0, 0.3), min_size=1, max_size=20),
)
def test_no_second_has_more_however_late_the_clock_wakes(rpm: int, concurrency: int, late: list[float]) -> None:
    waits = iter(late * 10_000)
    done = Simulation(Limiter(concurrency, rpm=rpm)).run(300, lambda: next(waits))
    assert most_in(done.starts, 1.0) <= max(1, rpm // 60)
    assert done.most <= concurrency


def test_a_rate_is_used_although_the_clock_wakes_late() -> None:
    done = Simulation(Limiter(64, rpm=6_000)).run(1_000, lambda: 0.004)
    assert done.now < 10 * 1.15


def test_tokens_are_spread_over_the_minute() -> None:
    done = Simulation(Limiter(64, tpm=60_000), tokens=250, used=250).run(40)
    assert most_in(done.starts, 1.0) * 250 <= 1_000
    assert done.now == pytest.approx(10, rel=0.1)


def test_a_guess_of_tokens_is_corrected_by_what_was_used() -> None:
    guessed_too_much = Simulation(Limiter(64, tpm=60_000), tokens=1_000, used=100).run(200)
    assert guessed_too_much.now < 50
    guessed_too_little = Simulation(Limiter(64, tpm=60_000), tokens=100, used=1_000).run(60)
    assert guessed_too_little.now > 50


def test_the_number_under_way_grows_steadily_to_what_was_set() -> None:
    done = Simulation(Limiter(64)).run(5_000)
    assert done.starts.count(0.0) <= 4
    assert most_in(done.starts[:60], 0.1) <= 16
    assert done.most == 64
    assert done.now < 5_000 / 64 * 0.2 * 1.2


def test_one_at_a_time_is_one_at_a_time() -> None:
    assert Simulation(Limiter(1)).run(20).most == 1


def test_a_refusal_halves_and_the_number_grows_again() -> None:
    down: list[float] = []

    def server(now: float) -> bool:
        if now > 5 and len(down) < 30:
            down.append(now)
            return False
        return True

    done = Simulation(Limiter(64), server=server).run(20_000)
    after = [window for at, window in done.windows if at > done.refusals[-1]]
    assert 16 <= min(after) <= 32, "refused together, halved once or twice"
    assert max(after) == 64
    assert len(done.refusals) == 30


def test_refusals_go_on_so_the_pauses_grow() -> None:
    done = Simulation(Limiter(64), server=lambda now: now > 60).run(10)
    assert len(done.refusals) < 20
    assert done.now < 130


def test_a_service_that_takes_so_many_a_second_is_found_out() -> None:
    """No `rpm` is given: refusals alone keep the rate near what is taken."""
    taken: list[float] = []

    def server(now: float) -> bool:
        while taken and now - taken[0] > 1:
            taken.pop(0)
        if len(taken) >= 20:
            return False
        taken.append(now)
        return True

    done = Simulation(Limiter(64), server=server).run(2_000)
    assert done.now < 100 * 2.5
    assert len(done.refusals) < 1_000


def test_the_time_that_a_refusal_names_is_waited_for() -> None:
    limiter = Limiter(8)
    limiter.delay(0.0)
    limiter.start(0.0, 1)
    limiter.refused(0.1, started=0.0, retry_after=12)
    assert limiter.delay(0.1) == pytest.approx(12)


def test_a_failure_of_another_kind_frees_its_place_and_slows_nothing_down() -> None:
    limiter = Limiter(1)
    limiter.delay(0.0)
    limiter.start(0.0, 1)
    assert limiter.delay(0.1) is None
    limiter.failed()
    assert limiter.delay(0.1) == 0
