"""Reads the events of one answer in a separate thread, so that the waiting thread can be interrupted at any time.

A request is repeated only as long as no event has arrived. Not for decoding the bytes: that is `AnswerReader`, which
an async caller uses without a thread.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import groupby
from operator import attrgetter

from ..core.errors import ConnectionFailed, QwenError, StreamError
from ..core.events import Event, ReasoningDelta, Retrying, Started, TextDelta
from ..core.threads import start_thread
from ..protocols import Decoder, HttpRequest
from ..protocols.answer_reader import AnswerReader
from ..protocols.event_reader import EventReader
from .connection import LINGER, Connection
from .endpoints import Endpoint
from .exchange import exchange
from .retries import PARSING_ATTEMPTS, wait_before_next
from .transport import Transport

__all__ = ["AnswerStream"]

# Python on Windows does not notice an interrupt while it waits for a lock, so nothing waits longer than this.
SLICE = 0.05
# While events are held back, for a batch of them, the end of the answer is noticed within so many seconds.
NAP = 0.01
# Seconds after which an empty batch is yielded when nothing arrives, so that the view can update its clock.
QUIET = 1.0
# Deltas of which a run is one text.
_DELTAS: dict[type, type[TextDelta | ReasoningDelta]] = {TextDelta: TextDelta, ReasoningDelta: ReasoningDelta}
_TEXT = attrgetter("text")
# The last item of the queue.
END = object()


class AnswerStream:
    """The events of one answer, read in a separate thread. A context manager: leaving it cancels the answer."""

    def __init__(
        self, transport: Transport, endpoint: Endpoint, request: HttpRequest, decoder: Callable[[], Decoder]
    ) -> None:
        """The request is sent at once; `decoder` makes what decodes its answer, one for each attempt."""
        self._transport = transport
        self._endpoint = endpoint
        self._request = request
        self._decoder = decoder
        self._arrived: queue.SimpleQueue[list[Event] | BaseException | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._connection: Connection | None = None
        self._answered = False
        self._reused = False
        self._waiting: list[Event] = []
        start_thread("qwen-answer", self._run)

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.cancel()

    def cancel(self) -> None:
        """Close the connection, from any thread, so that the service stops generating. No effect after the end."""
        self._cancelled.set()
        connection = self._connection
        if connection is not None:
            connection.abort()

    def batches(self, interval: float) -> Iterator[list[Event]]:
        """Yield the events as they arrive: the first at once, then every `interval` seconds those that have arrived.

        Yields an empty batch when nothing arrives for a while. Can be interrupted at any time. An error of the answer
        is raised after the events that arrived before it. Deltas that follow one another are joined, unless `interval`
        is 0.
        """
        not_before = 0.0
        while True:
            end = self._wait(not_before)
            batch = self._taken() if interval else self._each()
            if any(not isinstance(event, Started) for event in batch):  # nothing visible: the first text is not held
                not_before = time.monotonic() + interval
            if batch or end is None:
                yield batch
            if isinstance(end, BaseException):
                raise end
            if end is END:
                return

    def rest(self) -> list[Event]:
        """The events that have arrived and were in no batch yet: for a caller that was interrupted."""
        with suppress(queue.Empty):
            while isinstance(item := self._arrived.get_nowait(), list):
                self._waiting += item
        return self._taken()

    def _taken(self) -> list[Event]:
        return _joined(self._each())

    def _each(self) -> list[Event]:
        batch, self._waiting = self._waiting, []
        return batch

    def _wait(self, not_before: float) -> object:
        """Collect events; return what ended the stream (an error or `END`), or `None` if it goes on.

        Waits a limited time for the first event, then until `not_before` or the end.
        """
        quiet = time.monotonic() + QUIET
        while (now := time.monotonic()) < (not_before if self._waiting else quiet):
            with suppress(queue.Empty):
                if self._waiting:  # waking the thread for each event would cost more than the events
                    time.sleep(min(NAP, not_before - now))
                item = self._arrived.get(not self._waiting, SLICE)
                while isinstance(item, list):
                    self._waiting += item
                    item = self._arrived.get_nowait()
                return END if item is None else item
        return None

    def _run(self) -> None:
        try:
            self._attempts()
        except BaseException as error:  # it is raised again where the answer is awaited
            self._arrived.put(error)

    def _attempts(self) -> None:
        for attempt in range(1, PARSING_ATTEMPTS):
            try:
                self._attempt()
                return
            except QwenError as error:
                delay = wait_before_next(attempt, error)
                if delay is None or self._answered or self._cancelled.is_set():
                    raise
                if self._reused and type(error) is ConnectionFailed:
                    continue  # a kept connection was dead: use a new one at once, without a message
                self._arrived.put([Retrying(error.happened, delay)])
                if self._cancelled.wait(delay):
                    raise
        self._attempt()

    def _attempt(self) -> None:
        with self._transport.connection(self._endpoint.base_url) as connection:
            self._connection, self._reused = connection, connection.reused
            if self._cancelled.is_set():
                connection.abort()
            with exchange(connection, self._endpoint, self._request) as response:
                chunks = response.chunks()
                self._read(chunks, AnswerReader(self._decoder(), EventReader(response.status, response.where)))
                self._connection = None
                self._arrived.put(None)
                with connection.deadline(LINGER), suppress(QwenError):
                    deque(chunks, maxlen=0)  # bytes behind the end must be read before the next request

    def _read(self, chunks: Iterator[bytes], answer: AnswerReader) -> None:
        error: QwenError | None = None
        try:
            for chunk in chunks:
                for events in answer.feed(chunk):
                    self._put(events)
                if answer.done:
                    break
        except (StreamError, ConnectionFailed) as caught:
            error = caught
        for events in answer.end(error):
            self._put(events)

    def _put(self, events: list[Event]) -> None:
        self._answered = True
        self._arrived.put(events)


def _joined(events: list[Event]) -> list[Event]:
    """The same with one delta for each run of them: of a burst, whoever reads a batch has thousands."""
    batch: list[Event] = []
    for kind, run in groupby(events, type):
        if kind in _DELTAS:
            batch.append(_DELTAS[kind]("".join(map(_TEXT, run))))
        else:
            batch.extend(run)
    return batch
