"""A map as a batch: what the cache misses is uploaded, waited for, and collected into the cache. Not for other kernels'
batches beyond that: `%qwen batches` lists those.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ..assistant.interrupts import Interrupts
from ..core.errors import QwenError
from ..core.translatable import _, listed
from .batch import Batches, BatchState
from .cache import AnswerCache
from .engine import RowResult, Tally, failed
from .report import MapProgress
from .row_requests import RowRequest
from .views import MapView

__all__ = ["batch_results"]

# A sleep that is no longer than this can be interrupted on every system, in seconds.
SLICE = 0.1

Works = Callable[[], Iterator[RowRequest | QwenError]]


def batch_results(
    batches: Batches, works: Works, cache: AnswerCache, tally: Tally, model: str, view: MapView
) -> tuple[list[RowResult | None], bool]:
    """The result of each row when its batch is over, and whether the person stopped waiting.

    A batch that was stopped for goes on: the same map, or `%qwen batches`, collects it.
    """
    stopped = False
    with Interrupts() as interrupts:
        view.start(model, tally.total)
        try:
            with interrupts.passing():
                batches.submit(missing(works, cache), model)
                wait(batches, keys_of(works), tally, view, interrupts.check)
        except KeyboardInterrupt:
            stopped = True
        results = list(found(batches, works, cache, stopped))
    tally.done = sum(result is not None for result in results)
    tally.failed = sum(result is not None and bool(result.error) for result in results)
    cache.close()
    return results, stopped or interrupts.waiting


def missing(works: Works, cache: AnswerCache) -> Iterator[RowRequest]:
    """The requests that have no answer yet."""
    return (work for work in works() if isinstance(work, RowRequest) and cache.find(work.key) is None)


def keys_of(works: Works) -> set[bytes]:
    return {work.key for work in works() if isinstance(work, RowRequest)}


def wait(batches: Batches, keys: set[bytes], tally: Tally, view: MapView, check: Callable[[], None]) -> None:
    """Look again and again until none of these rows is in a batch that is not collected."""
    while waiting := batches.waiting() & keys:
        states = batches.look()
        tally.done = tally.total - len(waiting) + sum(state.completed + state.failed for state in states)
        view.update(MapProgress(min(tally.done, tally.total), tally.total, line(states)))
        if not batches.waiting() & keys:
            return
        until = time.monotonic() + batches.poll
        while time.monotonic() < until:
            time.sleep(min(SLICE, batches.poll))
            check()


def line(states: tuple[BatchState, ...]) -> str:
    """Batches for people."""
    return listed(
        _(
            "batch {batch}: {status}, {count:,} answered",
            batch=state.known.id,
            status=state.status,
            count=state.completed,
        )
        for state in states
    )


def found(batches: Batches, works: Works, cache: AnswerCache, stopped: bool) -> Iterator[RowResult | None]:
    errors = batches.errors()
    for work in works():
        if isinstance(work, QwenError):
            yield failed(work)
        elif (answer := cache.find(work.key)) is not None:
            yield RowResult(answer.text, "", answer.usage, True, answer.finish_reason)
        elif stopped:
            yield None
        else:
            yield RowResult(error=errors.get(work.key, _("The batch has no answer to this row.")))
