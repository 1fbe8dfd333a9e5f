"""Asks the rows of a map, many at once, in one asyncio loop. What the loop runs in is `job`'s business.

Rows are made one after the other, shortly before they are sent, so that memory does not grow with their number. Not
for what a request is (`row_requests`), when it may start (`limiter`) or what is shown.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..assistant.data_question import LIMIT_REACHED
from ..core.errors import ConfigurationError, QwenError, RateLimited, SchemaMismatch
from ..core.events import Event, Usage
from ..core.translatable import sentences
from .cache import AnswerCache, CachedAnswer
from .limiter import Limiter
from .row_errors import RowErrors, wait_before_row
from .row_question import RowQuestion, RowResult, answer_of, failed
from .row_requests import RowRequest

__all__ = ["Asker", "Engine", "Tally", "Work"]

# Of rows that the cache has, so many are taken before the loop looks at its requests again.
AT_ONCE = 50
# Tokens of an answer, as long as none has come; ours.
ANSWER_TOKENS = 200


@dataclass
class Tally:
    """How far a map is; changed by the loop, read by others. `usage` is what was asked for, not what was cached.

    `repaired` is how many rows were asked once more, because their answers did not fit the schema.
    """

    total: int
    done: int = 0
    failed: int = 0
    cached: int = 0
    asked: int = 0
    under_way: int = 0
    repaired: int = 0
    usage: Usage = field(default_factory=Usage)
    notes: list[str] = field(default_factory=list)


class Asker(Protocol):
    """Sends one request and reads its answer: `qwen_magic.service.async_client.AsyncClient`, for one map."""

    def __call__(self, request: RowRequest) -> Awaitable[list[Event]]: ...


@dataclass
class Work:
    """A question, and the rows that wait for its answer: rows that say the same are asked once.

    `keys` are those of the requests that are made of it.
    """

    question: RowQuestion
    rows: list[int]
    keys: list[bytes] = field(default_factory=list)
    attempt: int = 1
    started: float = 0.0
    tokens: int = 0


class Engine:
    """Asks all rows. `works` gives the question of each row, or what is wrong with it; `connect` opens an `Asker`.

    With `blocking`, making a request takes long (it reads a file), and is done in another thread.
    """

    def __init__(
        self,
        works: Iterator[RowQuestion | QwenError],
        tally: Tally,
        connect: Callable[[], AbstractAsyncContextManager[Asker]],
        limiter: Limiter,
        cache: AnswerCache | None,
        *,
        blocking: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.results: list[RowResult | None] = [None] * tally.total
        self.ended: QwenError | None = None
        self.tally = tally
        self._works = works
        self._connect = connect
        self._limiter = limiter
        self._cache = cache
        self._blocking = blocking
        self._clock = clock
        self._errors = RowErrors()
        self._rows = itertools.count()
        self._order = itertools.count()
        self._broken: BaseException | None = None
        self._again: list[tuple[float, int, Work]] = []
        self._asked: dict[bytes, Work] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._answer_tokens = float(ANSWER_TOKENS)
        self._writes = False
        self._closed = False

    async def run(self) -> None:
        """Ask until every row has a result, or `ended` says what fails all of them."""
        self._changed = asyncio.Event()
        try:
            async with self._connect() as self._ask_once:
                try:
                    await self._dispatch()
                finally:
                    await self._cancel()
        finally:
            self._closed = True
            self._with_cache(lambda cache: cache.close())
        if self._broken is not None:
            raise self._broken

    async def _dispatch(self) -> None:
        while self.ended is None and self._broken is None:
            work = self._due() or await self._next_row()
            if work is not None:
                if not await self._may_start(work):
                    return
                self._start(work)
            elif self._again or self._tasks:
                await self._wait(self._again[0][0] - self._clock() if self._again else None)
            else:
                return

    # --- which row is next

    def _due(self) -> Work | None:
        """A row that is to be asked again now."""
        if self._again and self._again[0][0] <= self._clock():
            return heapq.heappop(self._again)[2]
        return None

    async def _next_row(self) -> Work | None:
        """The next row that has to be asked; those before it have their results then."""
        for taken in itertools.count(1):
            made = await self._made()
            if made is None:
                return None
            row, question = made
            if isinstance(question, QwenError):
                self._finish([row], failed(question))
            elif question.request.key in self._asked:
                self._asked[question.request.key].rows.append(row)
            elif (known := self._known(question)) is not None:
                self.tally.cached += 1
                self._finish([row], known)
            else:
                work = Work(question, [row])
                self._remember(work)
                return work
            if taken % AT_ONCE == 0:
                await asyncio.sleep(0)
        return None

    async def _made(self) -> tuple[int, RowQuestion | QwenError] | None:
        if self._blocking:
            made = await asyncio.to_thread(next, self._works, None)
        else:
            made = next(self._works, None)
        return None if made is None else (next(self._rows), made)

    def _known(self, question: RowQuestion) -> RowResult | None:
        found: RowResult | None = self._with_cache(lambda cache: question.recall(cache.find))
        return found

    def _remember(self, work: Work) -> None:
        """Note that the request is under way, so that rows with the same one wait for its answer."""
        if self._cache is not None:
            key = work.question.request.key
            work.keys.append(key)
            self._asked[key] = work

    def _forget(self, work: Work) -> None:
        for key in work.keys:
            self._asked.pop(key, None)

    def _with_cache(self, use: Callable[[AnswerCache], Any]) -> Any:
        """What `use` gives. A cache that fails is left out from then on: the answers are worth more."""
        if self._cache is None:
            return None
        try:
            return use(self._cache)
        except ConfigurationError as error:
            self.tally.notes.append(sentences(error.happened, error.remedy))
            self._cache = None
            return None

    def _keep(self, key: bytes, answer: CachedAnswer) -> None:
        self._with_cache(lambda cache: cache.keep(key, answer))
        self._write_later()

    def _write_later(self) -> None:
        """Write answers that wait for the file when it is time."""
        due = self._cache.due if self._cache is not None else None
        if due is not None and not self._writes:
            self._writes = True
            asyncio.get_running_loop().call_later(due, self._write)

    def _write(self) -> None:
        self._writes = False
        if not self._closed:
            self._with_cache(lambda cache: cache.write())
            self._write_later()

    # --- when it starts

    async def _may_start(self, work: Work) -> bool:
        """Wait until the limiter lets a request start; false when the map has ended meanwhile."""
        while self.ended is None and self._broken is None:
            delay = self._limiter.delay(self._clock())
            if delay == 0:
                return True
            await self._wait(delay)
        return False

    async def _wait(self, seconds: float | None) -> None:
        """Wait until a request has ended, but no longer than this."""
        self._changed.clear()
        timer = (
            asyncio.get_running_loop().call_later(max(0.0, seconds), self._changed.set) if seconds is not None else None
        )
        await self._changed.wait()
        if timer is not None:
            timer.cancel()

    def _start(self, work: Work) -> None:
        work.started = self._clock()
        work.tokens = work.question.request.tokens + int(self._answer_tokens)
        self._limiter.start(work.started, work.tokens)
        self.tally.under_way += 1
        task = asyncio.get_running_loop().create_task(self._ask(work))
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self.tally.under_way -= 1
        if not task.cancelled():
            self._broken = self._broken or task.exception()
        self._changed.set()

    # --- what comes back

    async def _ask(self, work: Work) -> None:
        try:
            request = work.question.request
            answer = answer_of(request.chat, await self._ask_once(request))
        except QwenError as error:
            self._refused(work, error)
        else:
            self._answered(work, answer)

    def _answered(self, work: Work, answer: CachedAnswer) -> None:
        self._count(work, answer)
        question, key = work.question, work.question.request.key
        misfit: SchemaMismatch | None = None
        result = None
        try:
            result = question.answered(answer)
        except SchemaMismatch as error:
            misfit = error
        # One that does not fit is kept as well: it is paid for, and the next map goes on from there.
        if result is not None or answer.finish_reason != LIMIT_REACHED:
            self._keep(key, replace(answer, usage=question.usage))
        if result is not None:
            self._errors.answered()
            self._end(work, result)
        elif misfit is not None:
            self._fail(work, misfit)
        else:
            self.tally.repaired += 1
            self._ask_again(work, 0.0)

    def _count(self, work: Work, answer: CachedAnswer) -> None:
        self._limiter.answered(work.tokens, answer.usage.total if answer.usage else work.tokens)
        self.tally.asked += 1
        if answer.usage is not None:
            self.tally.usage += answer.usage
            self._answer_tokens += (answer.usage.output - self._answer_tokens) / min(self.tally.asked, 100)

    def _refused(self, work: Work, error: QwenError) -> None:
        if isinstance(error, RateLimited) and error.transient:
            self._limiter.refused(self._clock(), work.started, error.retry_after)
        else:
            self._limiter.failed()
        if reason := work.question.refused(error):
            self._remember(work)
            if reason not in self.tally.notes:
                self.tally.notes.append(reason)
            self._ask_again(work, 0.0)
        elif (delay := wait_before_row(work.attempt, error)) is not None:
            work.attempt += 1
            self._ask_again(work, delay)
        else:
            self._fail(work, error)

    def _ask_again(self, work: Work, delay: float) -> None:
        heapq.heappush(self._again, (self._clock() + delay, next(self._order), work))

    def _fail(self, work: Work, error: QwenError) -> None:
        self._end(work, failed(error, work.question.usage))
        if self._errors.ends(error):
            self.ended = self.ended or error

    def _end(self, work: Work, result: RowResult) -> None:
        self._forget(work)
        self._finish(work.rows, result)

    def _finish(self, rows: Sequence[int], result: RowResult) -> None:
        for row in rows:
            self.results[row] = result
        self.tally.done += len(rows)
        self.tally.failed += len(rows) * bool(result.error)

    async def _cancel(self) -> None:
        """Break off what is under way: closing the connections lets the service stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
