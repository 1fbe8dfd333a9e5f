"""A map as a batch: what the cache misses is uploaded, waited for, and collected into the cache. Not for other kernels'
batches beyond that: `%qwen batches` lists those.

A batch asks each row once. With a schema, what does not fit is asked once more by the next run of the same map, and a
form that was refused is not asked for by it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from ..assistant.data_question import about_form
from ..assistant.interrupts import Interrupts
from ..core.errors import QwenError
from ..core.translatable import _, listed
from .batch import Batches, BatchState
from .cache import AnswerCache
from .engine import Tally
from .report import MapProgress
from .row_question import RowQuestion, RowResult, failed
from .row_requests import RowRequest
from .views import MapView

__all__ = ["batch_results"]

# A sleep that is no longer than this can be interrupted on every system, in seconds.
SLICE = 0.1

_Works = Callable[[], Iterator[RowQuestion | QwenError]]


def batch_results(
    batches: Batches, works: _Works, cache: AnswerCache, tally: Tally, model: str, view: MapView
) -> tuple[list[RowResult | None], bool]:
    """The result of each row when its batch is over, and whether the person stopped waiting.

    A batch that was stopped for goes on: the same map, or `%qwen batches`, collects it.
    """
    stopped = False
    with Interrupts() as interrupts:
        view.start(model, tally.total)
        try:
            with interrupts.passing():
                batches.submit(_missing(works, cache, batches.errors()), model)
                _wait(batches, _keys_of(works), tally, view, interrupts.check)
        except KeyboardInterrupt:
            stopped = True
        results = list(_found(batches.errors(), works, cache, stopped))
    tally.done = sum(result is not None for result in results)
    tally.failed = sum(result is not None and bool(result.error) for result in results)
    if any(result is not None and about_form(result.error) for result in results):
        tally.notes.append(_("The form of the answers was refused: run the map again, and it asks for another one."))
    cache.close()
    return results, stopped or interrupts.waiting


def _missing(works: _Works, cache: AnswerCache, errors: Mapping[bytes, str]) -> Iterator[RowRequest]:
    """The requests that have no answer yet; `errors` are those of earlier batches."""
    for row in works():
        if isinstance(row, RowQuestion) and row.recall(cache.find) is None:
            row.avoid(errors)
            yield row.request


def _keys_of(works: _Works) -> set[bytes]:
    return {row.request.key for row in works() if isinstance(row, RowQuestion)}


def _wait(batches: Batches, keys: set[bytes], tally: Tally, view: MapView, check: Callable[[], None]) -> None:
    """Look again and again until none of these rows is in a batch that is not collected."""
    while waiting := batches.waiting() & keys:
        states = batches.look()
        tally.done = tally.total - len(waiting) + sum(state.completed + state.failed for state in states)
        view.update(MapProgress(min(tally.done, tally.total), tally.total, _line(states)))
        if not batches.waiting() & keys:
            return
        until = time.monotonic() + batches.poll
        while time.monotonic() < until:
            time.sleep(min(SLICE, batches.poll))
            check()


def _line(states: tuple[BatchState, ...]) -> str:
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


def _found(errors: Mapping[bytes, str], works: _Works, cache: AnswerCache, stopped: bool) -> Iterator[RowResult | None]:
    for row in works():
        if isinstance(row, QwenError):
            yield failed(row)
        elif (result := row.recall(cache.find)) is not None:
            yield result
        elif stopped:
            yield None
        elif row.misfit is not None:
            yield failed(row.misfit, row.usage)
        else:
            yield RowResult(error=errors.get(row.request.key, _("The batch has no answer to this row.")))
