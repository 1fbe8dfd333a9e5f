"""A map on a dask cluster: what the caller does. What a worker does with a partition is in `partitions`, and how rows
get there and back in `cluster_parts`.

Facts: distributed's docs, "Semaphore", "Client", "Events".
"""

from __future__ import annotations

import pickle
import platform
import queue
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import accumulate, islice
from typing import Any
from urllib.parse import urlsplit

from ..assistant.assistant import Assistant
from ..assistant.interrupts import Interrupts
from ..assistant.question import Question
from ..assistant.request_builder import Plan
from ..attachments.secret_scanner import own_keys, refuse_secret_text, refuse_secret_variable
from ..core.errors import ConfigurationError, InputError, QwenError, Stopped
from ..core.events import Usage
from ..core.settings import Settings
from ..core.translatable import _, sentences
from ..service.endpoints import LOCAL_SERVERS, REGIONS, Endpoint, endpoint
from .cluster_parts import GO_ON, Parts, error_of, parts_of, threads
from .engine import Tally
from .estimate import Estimate
from .mapper import SHOWN_REQUESTS, Agree, MapDryRun, MapOptions, Published, agree_to, concurrency, prices_of
from .partitions import (
    ClusterJob,
    PartitionState,
    refusal_of_worker,
)
from .report import ERRORS, FIRST_ROWS, Digest, FirstRows, MapProgress, progress_line, report_of
from .result_columns import ResultColumns
from .row_requests import columns_sent, template_of
from .views import MapView

__all__ = ["cluster_job", "dry_map_on_cluster", "map_on_cluster"]

# A sleep that is no longer than this can be interrupted on every system, in seconds.
SLICE = 0.05
# Seconds to wait for the last states of the workers; ours.
STATES_WITHIN = 2.0


def map_on_cluster(
    assistant: Assistant,
    client: Any,
    given: Any,
    question: Question,
    options: MapOptions,
    view: MapView,
    agree: Agree,
    published: Published,
) -> Any:
    """`mapper.map_rows` on the workers of `client`. Of a dask DataFrame: one whose partitions the workers hold.

    Raises as that does, and `ConfigurationError` where a worker cannot ask.
    """
    prepared = _prepared(assistant, client, given, question, options)
    if options.agreed:
        lengths = prepared.parts.lengths(client, prepared.sent)
    else:
        dry_runs = prepared.parts.dry_runs(client, prepared.job, prepared.sent)
        lengths = [each.estimate.total for each in dry_runs]
        agree_to(assistant, _summed(assistant, dry_runs, prepared.model).estimate, agree)
    if not sum(lengths):
        raise InputError(_("There are no rows to ask about."))
    return _watched(assistant, client, prepared, _Together(lengths, prepared.model), view, published)


def dry_map_on_cluster(
    assistant: Assistant, client: Any, given: Any, question: Question, options: MapOptions
) -> MapDryRun:
    """`mapper.dry_map` on the workers, which make the requests and look into their cache. Nothing is sent."""
    prepared = _prepared(assistant, client, given, question, options)
    return _summed(assistant, prepared.parts.dry_runs(client, prepared.job, prepared.sent), prepared.model)


@dataclass(frozen=True)
class _Prepared:
    """Everything that is decided before the first row. Only the columns `sent` leave for the workers."""

    parts: Parts
    job: ClusterJob
    sent: tuple[str, ...]
    model: str


def _prepared(assistant: Assistant, client: Any, given: Any, question: Question, options: MapOptions) -> _Prepared:
    options = replace(options, where="live")
    options.check()
    if client.asynchronous:
        raise InputError(_("The client is asynchronous."), _("Make it without asynchronous=True."))
    parts = parts_of(given, client)
    ResultColumns(options.column, question.schema).check(parts.names)
    template = template_of(question.prompt, parts.names, options.images, options.namespace)
    _refuse_secret_values(template.outside)
    plan = assistant.plan_alone(question)
    job = cluster_job(assistant.settings, client, plan, question, replace(options, namespace=template.outside))
    _refuse_workers(client, job)
    return _Prepared(parts, job, columns_sent(template, options.images), plan.request.model)


def _refuse_secret_values(values: Mapping[str, Any]) -> None:
    """Raises `InputError` for a variable of the notebook that goes to the workers and looks like a secret."""
    for name, value in values.items():
        refuse_secret_variable(name, value)
        refuse_secret_text(value if isinstance(value, str) else "", name, own_keys())


# --- what the workers are told


def cluster_job(settings: Settings, client: Any, plan: Plan, question: Question, options: MapOptions) -> ClusterJob:
    """The map as its workers have it: who is asked by name, without the key, and one share of the limits.

    The shares are equal, and as many as partitions run at once, but no more than requests may. Each asks in at least
    one request a second of the rate, so that their sum is in no second above it.
    """
    here = plan.endpoint
    name = here.name if here.name in (*REGIONS, *LOCAL_SERVERS) else here.base_url
    if endpoint(name, here.protocol).account != here.account:
        raise ConfigurationError(
            _("{name} is of this kernel, and workers have no key for it.", name=here.name),
            _("Choose an endpoint that they reach, by its region or URL, such as %qwen use beijing."),
        )
    at_once = concurrency(options, here)
    a_second = int(options.rpm / 60) if options.rpm else at_once
    leases = max(1, min(threads(client), at_once, a_second))
    job = ClusterJob(
        f"qwen-map-{uuid.uuid4().hex}",
        leases,
        replace(
            question,
            endpoint=name,
            protocol=here.protocol,
            system=settings.system if question.system is None else question.system,
        ),
        Settings(
            model=settings.model,
            vision_model=settings.vision_model,
            document_model=settings.document_model,
            think=settings.think,
            connect_timeout=settings.connect_timeout,
            idle_timeout=settings.idle_timeout,
        ),
        replace(
            options,
            concurrency=max(1, at_once // leases),
            rpm=options.rpm and options.rpm / leases,
            tpm=options.tpm and options.tpm / leases,
        ),
        platform.node() if _on_loopback(here) else "",
    )
    _refuse_unsendable(job)
    return job


def _on_loopback(here: Endpoint) -> bool:
    """Whether only its own machine reaches an endpoint."""
    host = urlsplit(here.base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_unsendable(job: ClusterJob) -> None:
    """Raises `InputError` where something that the template names cannot be sent to another process."""
    from distributed.protocol.pickle import dumps

    try:
        dumps(job)
    except Exception as error:  # whatever a person's own object raises
        reason = " ".join(str(error).split())
        raise InputError(
            _("What the template names cannot be sent to workers: {reason}.", reason=reason),
            _("Compute it into a column first."),
        ) from None


def _refuse_workers(client: Any, job: ClusterJob) -> None:
    """Raises what keeps a worker from asking, before anything is sent."""
    try:
        refusals = client.run(refusal_of_worker, job)
    except Exception as error:  # of the worker's own imports, among others
        reason = " ".join(str(error).split())
        raise ConfigurationError(
            _("The workers cannot run this map: {reason}.", reason=reason),
            _("Install the same version of qwen_magic there as here."),
        ) from None
    refused = next(filter(None, refusals.values()), None)
    if refused is not None:
        raise refused


def _summed(assistant: Assistant, dry_runs: Sequence[MapDryRun], model: str) -> MapDryRun:
    """The dry runs of all parts as one."""
    known = [each.estimate for each in dry_runs if each.estimate.total] or [dry_runs[0].estimate]
    estimate = Estimate(
        sum(each.total for each in known),
        sum(each.rows for each in known),
        sum(each.input for each in known),
        known[0].shared,
        known[0].answer,
        known[0].model or model,
    )
    requests = (request for each in dry_runs for request in each.requests)
    return MapDryRun(tuple(islice(requests, SHOWN_REQUESTS)), estimate, prices_of(assistant))


# --- while it runs


class _Together:
    """How far the parts are together, from the states that their workers send. `lengths` are the rows of each."""

    def __init__(self, lengths: Sequence[int], model: str) -> None:
        self.model = model
        self._lengths = lengths
        self._latest: dict[int, PartitionState] = {}
        self._runs: dict[str, Tally] = {}

    def take(self, states: queue.SimpleQueue[bytes]) -> None:
        """Take the states that have arrived."""
        while not states.empty():
            state: PartitionState = pickle.loads(states.get())  # of our own workers: dask itself trusts them so
            self._latest[state.number] = state
            self._runs[state.run] = state.tally
            self.model = state.model

    @property
    def whole(self) -> bool:
        """Whether the last state of each part has arrived."""
        done = {number: state.tally.done for number, state in self._latest.items()}
        return all(done.get(number, 0) == length for number, length in enumerate(self._lengths))

    @property
    def tally(self) -> Tally:
        """The sums. What a worker that has died had asked for counts as well."""
        latest, runs = [state.tally for state in self._latest.values()], self._runs.values()
        return Tally(
            sum(self._lengths),
            sum(tally.done for tally in latest),
            sum(tally.failed for tally in latest),
            sum(tally.cached for tally in latest),
            sum(tally.asked for tally in runs),
            repaired=sum(tally.repaired for tally in runs),
            usage=sum((tally.usage for tally in runs), Usage()),
            notes=list(dict.fromkeys(note for tally in latest for note in tally.notes)),
        )

    @property
    def digest(self) -> Digest:
        """What a report says of all results; its rows are counted from the first part on."""
        starts = list(accumulate(self._lengths, initial=0))
        states = sorted(self._latest.values(), key=lambda state: state.number)
        counts: Counter[str] = Counter()
        first: dict[str, int] = {}
        for state in states:
            for count, error, row in state.digest.errors:
                counts[error] += count
                first.setdefault(error, starts[state.number] + row)
        rows = [(starts[state.number] + row, cells) for state in states for row, cells in state.digest.first.rows]
        fields = states[0].digest.first.fields if states else ()
        errors = tuple((count, error, first[error]) for error, count in counts.most_common(ERRORS))
        shown = FirstRows(fields, tuple(rows[:FIRST_ROWS]))
        return Digest(shown, errors, sum(state.digest.cut for state in states))


def _watched(
    assistant: Assistant,
    client: Any,
    prepared: _Prepared,
    together: _Together,
    view: MapView,
    published: Published,
) -> Any:
    """Start the parts, show how far they are until they are done, and return the result."""
    parts, job = prepared.parts, prepared.job
    prices, begun = prices_of(assistant), time.monotonic()
    states: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    client.subscribe_topic(job.name, lambda event: states.put(event[1]))
    stopped, error = False, None
    with Interrupts() as interrupts:
        view.start(together.model, together.tally.total)
        futures = parts.start(client, job, prepared.sent)
        try:
            with interrupts.passing():
                while (error := _failure(futures)) is None and not all(future.done() for future in futures):
                    together.take(states)
                    line = progress_line(together.tally, time.monotonic() - begun, prices, together.model)
                    tally = together.tally
                    view.update(MapProgress(tally.done, tally.total, line, together.digest.first))
                    _pause(view.interval, futures, interrupts.check)
                _await_states(together, states, error is None)
        except KeyboardInterrupt:
            stopped = True
        result = parts.result(job, futures)
        client.cancel([future for future in futures if not future.done() or result is None])
        client.unsubscribe_topic(job.name)
        together.take(states)
        tally = together.tally
        ended = _("Stopped.") if stopped else error.in_language() if isinstance(error, QwenError) else ""
        view.finish(report_of(tally, time.monotonic() - begun, prices, together.model, together.digest, ended))
    assistant.conversations.get().spending.count(together.model, tally.usage, tally.asked)
    if result is not None:
        published(result)
    if error is not None:
        raise error
    if stopped or interrupts.waiting:
        raise Stopped(sentences(_("{done:,} of {total:,} rows are done.", done=tally.done, total=tally.total), GO_ON))
    return result


def _failure(futures: Sequence[Any]) -> BaseException | None:
    """What has ended one of the parts, and with it the map."""
    failed = next((future for future in futures if future.status in ("error", "cancelled", "lost")), None)
    if failed is None:
        return None
    return error_of(failed.exception() if failed.status == "error" else None)


def _pause(seconds: float, futures: Sequence[Any], check: Callable[[], None]) -> None:
    """Wait so long, or until all parts are done."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not all(future.done() for future in futures):
        time.sleep(SLICE)
        check()


def _await_states(together: _Together, states: queue.SimpleQueue[bytes], wanted: bool) -> None:
    """The last states come another way than the results: wait a little for them."""
    until = time.monotonic() + STATES_WITHIN * wanted
    together.take(states)
    while not together.whole and time.monotonic() < until:
        time.sleep(SLICE)
        together.take(states)
