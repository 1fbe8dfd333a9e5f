"""One question over many rows, from what was given to what comes back: the only place that knows the order of things.

rows -> plan and requests -> cache -> the person agrees -> engine -> view -> the same frame with columns. Not for
parsing a line, nor for how requests are sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ..assistant.assistant import Assistant
from ..assistant.interrupts import Interrupts
from ..assistant.question import Question
from ..assistant.request_builder import DryRun
from ..conversations.usage import Prices
from ..core.errors import ConfigurationError, InputError, QwenError, Stopped
from ..core.translatable import _, alternatives, sentences
from ..service.endpoints import Endpoint
from ..service.timeouts import Timeouts
from .batch import Batches, without_thinking
from .batch_map import batch_results
from .cache import AnswerCache, default_cache
from .engine import ANSWER_TOKENS, Engine, Tally
from .estimate import Estimate, estimated
from .frames import Rows, rows_of
from .job import Job
from .limiter import Limiter
from .report import progress, report
from .result_columns import ANSWER, ResultColumns
from .row_question import RowQuestion, question_of
from .row_requests import RowRequest, RowRequests, row_requests
from .views import MapView

__all__ = [
    "SHOWN_REQUESTS",
    "WHERE",
    "Agree",
    "MapDryRun",
    "MapOptions",
    "Published",
    "agree_to",
    "concurrency",
    "connected",
    "dry_map",
    "dry_run_of",
    "made",
    "map_rows",
    "prices_of",
]

# Requests under way at once, where nothing is said: a service, and a server on a machine of one's own; ours.
AT_SERVICE, AT_SERVER = 32, 8
# Of batch chat: 10,000 may wait for each model, each for up to an hour (the service's docs, "Batch chat", Nov 2026).
# The number at once is ours: a process may have 1,024 files open on many systems, and on macOS 256.
AT_BATCH_CHAT, BATCH_CHAT_WAIT = 200, 3_600.0
WHERE = ("live", "batch-chat", "batch")
# So many requests a dry run shows.
SHOWN_REQUESTS = 2

# Asks a person; `None` where nobody can answer.
Agree = Callable[[str], bool | None]
# Takes the result, whole or not.
Published = Callable[[Any], None]


@dataclass(frozen=True)
class MapOptions:
    """How a map is asked: `where` is `live`, or at half the price `batch-chat` (an hour) or `batch` (a day). A client
    of a dask cluster is for `ways.run_map` alone.

    `rpm` and `tpm` are per minute; `column` is the name of the answers in the result (`ResultColumns`).
    `images` is the column with each row's image. Without `cache`, every row is asked and nothing is kept. `agreed`
    says that the person has agreed to any number of rows. `namespace` is what a template may name beside columns.
    """

    where: Any = "live"
    images: str = ""
    concurrency: int | None = None
    rpm: float | None = None
    tpm: float | None = None
    cache: bool = True
    agreed: bool = False
    force: bool = False
    column: str = ANSWER
    namespace: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def check(self) -> None:
        """Raises `InputError` for what cannot be."""
        for name, value, whole in (
            ("concurrency", self.concurrency, True),
            ("rpm", self.rpm, False),
            ("tpm", self.tpm, False),
        ):
            if value is not None and (
                isinstance(value, bool)
                or not isinstance(value, int if whole else int | float)
                or not 0 < value < float("inf")
            ):
                raise InputError(
                    _("{name}={value} is not a number greater than 0.", name=name, value=repr(value)),
                    _("Such as {name}=8.", name=name),
                )
        if self.where == "batch" and not self.cache:
            raise InputError(_("A batch leaves its answers in the cache."), _("Leave out --no-cache (cache=False)."))
        if self.where not in WHERE:
            raise InputError(
                _("where={where!r}: there is no such way to ask.", where=self.where),
                _("Choose {names}.", names=alternatives(WHERE)),
            )


@dataclass(frozen=True)
class MapDryRun:
    """What a map would send: its first requests, and what all of them cost."""

    requests: tuple[DryRun, ...]
    estimate: Estimate
    prices: Prices


def map_rows(
    assistant: Assistant,
    given: Any,
    question: Question,
    options: MapOptions,
    view: MapView,
    agree: Agree,
    published: Published,
) -> Any:
    """Ask `question` (its prompt is a template) about each row, and return what was given with columns added.

    With a schema each row's answer is data by it.

    Raises `InputError` before anything is sent, what fails every row, and `Stopped` when the person interrupts; then
    `published` has had the result so far, and the cache what was answered.
    """
    rows, requests, cache = _prepared(assistant, given, question, options)
    if not options.agreed and len(rows) > assistant.settings.ask_above:
        agree_to(assistant, _estimate_of(rows, requests, cache), agree)
    tally = Tally(len(rows), notes=[*requests.plan.notes])
    if options.where == "batch" and cache is not None:
        return _batched(assistant, rows, requests, options, tally, cache, view, published)
    engine = Engine(
        made(rows, requests),
        tally,
        lambda: connected(assistant, requests, options),
        Limiter(concurrency(options, requests.endpoint), options.rpm, options.tpm),
        cache,
        blocking=bool(requests.images),
    )
    added = ResultColumns(options.column, question.schema)
    stopped = _run(assistant, engine, requests, added.fields, view)
    assistant.conversations.get().spending.count(requests.plan.request.model, tally.usage, tally.asked)
    result = rows.with_columns(added.filled(engine.results))
    published(result)
    if stopped:
        kept = _("They are kept: run it again to go on.") if cache else _("The result so far is in _qwen.")
        raise Stopped(sentences(_("{done:,} of {total:,} rows are done.", done=tally.done, total=tally.total), kept))
    if engine.ended is not None:
        raise engine.ended
    return result


def _batched(
    assistant: Assistant,
    rows: Rows,
    requests: RowRequests,
    options: MapOptions,
    tally: Tally,
    cache: AnswerCache,
    view: MapView,
    published: Published,
) -> Any:
    """The rest of `map_rows` for a batch."""
    model, begun = requests.plan.request.model, time.monotonic()
    batches = Batches(assistant.provider.client, requests.endpoint, cache)
    added = ResultColumns(options.column, requests.plan.schema)
    results, stopped = batch_results(batches, lambda: made(rows, requests), cache, tally, model, view)
    ended = _("Stopped. The batch goes on.") if stopped else ""
    seconds = time.monotonic() - begun
    view.finish(report(tally, seconds, prices_of(assistant), model, results, added.fields, ended))
    result = rows.with_columns(added.filled(results))
    published(result)
    if stopped:
        raise Stopped(_("The batch goes on. To collect it, run the cell again, or %qwen batches."))
    return result


def dry_map(assistant: Assistant, given: Any, question: Question, options: MapOptions) -> MapDryRun:
    """The first requests that `map_rows` would send, and the estimate. Nothing is sent."""
    return dry_run_of(assistant, *_prepared(assistant, given, question, options))


def dry_run_of(assistant: Assistant, rows: Rows, requests: RowRequests, cache: AnswerCache | None) -> MapDryRun:
    """The same, of rows whose requests can be made."""
    first: list[DryRun] = []
    for row in made(rows, requests):
        if isinstance(row, RowQuestion):
            first.append(assistant.shown(requests.plan, row.request.http))
        if len(first) == SHOWN_REQUESTS:
            break
    return MapDryRun(tuple(first), _estimate_of(rows, requests, cache), prices_of(assistant))


def _prepared(
    assistant: Assistant, given: Any, question: Question, options: MapOptions
) -> tuple[Rows, RowRequests, AnswerCache | None]:
    """Everything that is decided before the first row."""
    options.check()
    rows = rows_of(given)
    ResultColumns(options.column, question.schema).check(rows.names)
    requests = row_requests(
        assistant, rows, question, images=options.images, namespace=options.namespace, force=options.force
    )
    if options.where == "batch-chat":
        requests.endpoint.batch_chat()
    if options.where == "batch":
        requests.plan = replace(requests.plan, request=without_thinking(requests.plan.request))
    return rows, requests, default_cache() if options.cache else None


def made(rows: Rows, requests: RowRequests) -> Iterator[RowQuestion | QwenError]:
    """The question of each row, or what is wrong with it."""
    for row in rows.values(requests.columns):
        try:
            yield question_of(requests, requests.make(row))
        except QwenError as error:
            yield error


def concurrency(options: MapOptions, here: Endpoint) -> int:
    """How many requests may be under way."""
    if options.where == "batch-chat":
        return options.concurrency or AT_BATCH_CHAT
    return options.concurrency or (AT_SERVICE if here.dialect.service else AT_SERVER)


@asynccontextmanager
async def connected(assistant: Assistant, requests: RowRequests, options: MapOptions) -> Any:
    """What sends a request: one client for the whole map."""
    from ..service.async_client import AsyncClient

    settings = assistant.settings
    later = options.where == "batch-chat"
    here = requests.endpoint.batch_chat() if later else requests.endpoint
    idle = max(settings.idle_timeout, BATCH_CHAT_WAIT * later)
    timeouts = Timeouts(settings.connect_timeout, idle)
    async with AsyncClient(timeouts, concurrency(options, requests.endpoint)) as client:

        def ask(request: RowRequest) -> Any:
            return client.ask(here, request.http, requests.decoder(request))

        yield ask


def agree_to(assistant: Assistant, found: Estimate, agree: Agree) -> None:
    """Ask the person once, if many rows have to be asked. Raises `InputError` when they do not agree."""
    if found.rows <= assistant.settings.ask_above:
        return
    estimate = sentences(*found.lines(prices_of(assistant)))
    agreed = agree(sentences(estimate, _("Ask these rows?")))
    if agreed is None:
        raise InputError(
            sentences(estimate, _("So many rows have to be confirmed, and nobody can be asked here.")),
            _("Add --yes (yes=True), or raise %config QwenMagics.ask_above."),
        )
    if not agreed:
        raise InputError(_("Nothing was asked."), _("Earlier answers are kept."))


def _estimate_of(rows: Rows, requests: RowRequests, cache: AnswerCache | None) -> Estimate:
    """What the rows cost that the cache does not have. Rows with images are not read for that, and all are counted."""
    plan = requests.plan
    if requests.images:
        return estimated(len(rows), [requests.shared] * len(rows), requests.shared, ANSWER_TOKENS, plan.request.model)
    seen: set[bytes] = set()
    tokens = []
    for row in made(rows, requests):
        if isinstance(row, RowQuestion) and row.request.key not in seen:
            if cache is not None:
                seen.add(row.request.key)
            if not _is_known(row, cache):
                tokens.append(row.request.tokens)
    if cache is not None:
        cache.close()
    return estimated(len(rows), tokens, requests.shared, ANSWER_TOKENS, plan.request.model)


def _is_known(row: RowQuestion, cache: AnswerCache | None) -> bool:
    """Whether the row has an answer. A cache that cannot be read has none: the map says so when it runs."""
    with suppress(ConfigurationError):
        return cache is not None and row.recall(cache.find) is not None
    return False


def prices_of(assistant: Assistant) -> Prices:
    return Prices(assistant.settings.prices, assistant.settings.currency)


def _run(assistant: Assistant, engine: Engine, requests: RowRequests, fields: tuple[str, ...], view: MapView) -> bool:
    """Run the engine and show how far it is; whether the person stopped it."""
    model, tally, prices = requests.plan.request.model, engine.tally, prices_of(assistant)
    job = Job(engine.run)
    begun = time.monotonic()
    stopped = False
    with Interrupts() as interrupts:
        view.start(model, tally.total)
        job.start()
        try:
            with interrupts.passing():
                while not job.wait(view.interval):
                    view.update(progress(tally, time.monotonic() - begun, prices, model, engine.results, fields))
                    interrupts.check()
        except KeyboardInterrupt:
            stopped = True
        finally:
            job.stop()
            ended = _("Stopped.") if stopped else engine.ended.in_language() if engine.ended else ""
            view.finish(report(tally, time.monotonic() - begun, prices, model, engine.results, fields, ended))
    return stopped or interrupts.waiting
