"""What a worker of a dask cluster does with one partition of a map: it asks the rows, and says how far it is.

A worker is told who is asked and how as values (`ClusterJob`), and looks for the key itself. Not for what the caller
does (`cluster_map`).
"""

from __future__ import annotations

import pickle
import platform
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ..assistant.assistant import Assistant
from ..assistant.question import Question
from ..conversations.usage import Prices
from ..core.errors import ConfigurationError, InputError, NoKey, QwenError
from ..core.settings import Settings
from ..core.translatable import _
from ..service.credentials import Credentials
from ..service.endpoints import Choice, protocol_name
from .cache import default_cache
from .engine import Engine, Tally
from .estimate import Estimate
from .frames import Rows, frame_rows, rows_of
from .job import Job
from .limiter import Limiter
from .mapper import MapDryRun, MapOptions, connected, dry_run_of, made
from .report import Digest, digest
from .result_columns import ResultColumns
from .row_question import RowResult, failed
from .row_requests import row_requests

__all__ = [
    "ClusterJob",
    "PartitionState",
    "answered_frame",
    "answered_rows",
    "dry_frame",
    "dry_rows",
    "length_of",
    "refusal_of_worker",
]

# Seconds between two states that a worker sends, and between two looks at whether the partition is still wanted.
TOLD_EVERY = 0.5


@dataclass(frozen=True)
class ClusterJob:
    """A map as its workers have it. Everything in it is in the task graph, so that no key is.

    `question` names the endpoint, and `settings` has what the caller has configured of it. `options` are those of one
    share of the map: of `leases` partitions at once each may ask so fast. `name` is that of the semaphore that gives
    the shares out, and of the events that workers send. `machine` is the only one where the endpoint can be reached.
    """

    name: str
    leases: int
    question: Question
    settings: Settings
    options: MapOptions
    machine: str = ""

    @property
    def columns(self) -> ResultColumns:
        """The columns that it adds."""
        return ResultColumns(self.options.column, self.question.schema)


@dataclass(frozen=True)
class PartitionState:
    """How far a partition is. `run` tells it from an earlier one of the same partition, on a worker that has died."""

    number: int
    run: str
    model: str
    tally: Tally
    digest: Digest


def answered_rows(rows: Sequence[Mapping[str, Any]], job: ClusterJob, number: int) -> list[RowResult | None]:
    """The results of these rows. Raises what fails every row, and a `QwenError` when nobody waits for them any more."""
    return _answered(rows_of(list(rows)), job, number)


def answered_frame(frame: Any, job: ClusterJob) -> Any:
    """A partition of a dask DataFrame with its answers; raises as `answered_rows`."""
    rows = frame_rows(frame)
    return rows.with_columns(job.columns.filled(_answered(rows, job, _number()) if len(rows) else []))


def dry_rows(rows: Sequence[Mapping[str, Any]], job: ClusterJob) -> MapDryRun:
    """The first requests of these rows, and what they would cost. Nothing is sent."""
    return _dry(rows_of(list(rows)), job)


def dry_frame(frame: Any, job: ClusterJob) -> MapDryRun:
    """The same of a partition of a dask DataFrame."""
    rows = frame_rows(frame)
    return _dry(rows, job) if len(rows) else _NOTHING


_NOTHING = MapDryRun((), Estimate(0, 0, 0, 0, 0, ""), Prices({}, ""))


def length_of(frame: Any) -> int:
    """The rows of a partition."""
    return len(frame)


def refusal_of_worker(job: ClusterJob) -> ConfigurationError | None:
    """Why this worker cannot ask: it has no key, or does not reach the endpoint; `None` if it can."""
    try:
        with _assistant(job):
            return None
    except ConfigurationError as error:
        return error.with_traceback(None)


@contextmanager
def _assistant(job: ClusterJob) -> Iterator[Assistant]:
    """What asks for this job here, with the key that this worker finds. Raises `ConfigurationError` if it cannot."""
    here = platform.node()
    name = job.question.endpoint
    if job.machine and job.machine != here:
        raise ConfigurationError(
            _(
                "{name} can be reached on {machine} only, and a worker is on {here}.",
                name=name,
                machine=job.machine,
                here=here,
            ),
            _("Name an endpoint that the workers reach, or start them on this machine."),
        )
    assistant = Assistant(job.settings, Credentials())
    try:
        try:
            assistant.provider.resolve(Choice(name, protocol_name(job.question.protocol))).authorization()
        except NoKey:
            raise NoKey(
                _("The worker on {here} has no key for {name}.", here=here, name=name),
                _("Set it in the workers' environment. It is never sent from here."),
            ) from None
        yield assistant
    finally:
        assistant.close()


def _dry(rows: Rows, job: ClusterJob) -> MapDryRun:
    with _assistant(job) as assistant:
        options = job.options
        requests = row_requests(
            assistant, rows, job.question, images=options.images, namespace=options.namespace, force=options.force
        )
        return dry_run_of(assistant, rows, requests, default_cache() if options.cache else None)


def _answered(rows: Rows, job: ClusterJob, number: int) -> list[RowResult | None]:
    """Ask a partition's rows; what a worker that is closing fails with is no error of theirs: another one goes on."""
    from distributed import Reschedule, Status, get_worker

    try:
        return _asked(rows, job, number)
    except Exception:
        if get_worker().status not in (Status.running, Status.paused):
            raise Reschedule from None
        raise


def _asked(rows: Rows, job: ClusterJob, number: int) -> list[RowResult | None]:
    """Ask a partition's rows within one share of the limits."""
    wanted, options, run, fields = _wanted(), job.options, uuid.uuid4().hex, job.columns.fields
    with _assistant(job) as assistant:
        try:
            requests = row_requests(
                assistant, rows, job.question, images=options.images, namespace=options.namespace, force=options.force
            )
        except InputError as error:
            if not options.images:
                raise
            return [failed(error)] * len(
                rows
            )  # none of the first images can be read here: other partitions may have some
        model, tally = requests.plan.request.model, Tally(len(rows), notes=[*requests.plan.notes])
        limiter = Limiter(options.concurrency or 1, options.rpm, options.tpm)
        cache = default_cache() if options.cache else None
        engine = Engine(
            made(rows, requests),
            tally,
            lambda: connected(assistant, requests, options),
            limiter,
            cache,
            blocking=bool(requests.images),
        )
        with _share(job, wanted, limiter):
            work = Job(engine.run)
            work.start()
            try:
                while not work.wait(TOLD_EVERY):
                    _check(wanted)
                    _tell(job, PartitionState(number, run, model, tally, digest(engine.results, fields, whole=False)))
            finally:
                work.stop()
                _tell(job, PartitionState(number, run, model, tally, digest(engine.results, fields)))
    if engine.ended is not None:
        raise engine.ended
    return engine.results


@contextmanager
def _share(job: ClusterJob, wanted: Callable[[], bool], limiter: Limiter) -> Iterator[None]:
    """Within this block one share of the limits is this partition's. A worker that dies loses it after a while."""
    from distributed import Semaphore

    semaphore = Semaphore(max_leases=job.leases, name=job.name)
    while not semaphore.acquire(timeout=TOLD_EVERY):
        _check(wanted)
    try:
        yield
        while (rest := limiter.rest(time.monotonic())) > 0:
            time.sleep(min(rest, TOLD_EVERY))
            _check(wanted)
    finally:
        with suppress(OSError):  # the scheduler is gone, and with it the share
            semaphore.release()


def _wanted() -> Callable[[], bool]:
    """Tells whether the result of this task is still wanted: not once it was cancelled, or its caller has ended."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    return wanted


def _check(wanted: Callable[[], bool]) -> None:
    if not wanted():
        raise QwenError(_("Nobody waits for this partition any more. What was answered is kept."))


def _number() -> int:
    """The number of the partition whose task runs here."""
    from distributed import get_worker

    key = get_worker().get_current_task()
    return key[-1] if isinstance(key, tuple) and isinstance(key[-1], int) else 0


def _tell(job: ClusterJob, state: PartitionState) -> None:
    from distributed import get_worker

    get_worker().log_event(job.name, pickle.dumps(state))
