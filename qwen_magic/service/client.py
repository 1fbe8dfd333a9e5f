"""One HTTP client for every endpoint: `stream(request)` gives events, `call(…)` gives JSON.

A thread of its own reads each answer, so that whoever waits for it can be interrupted at any time. A request is sent
again only while nothing has been answered. Not for what the bytes mean (`qwen_magic.protocols`), nor for what is
kept (`qwen_magic.conversations`).
"""

from __future__ import annotations

import json
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ..core.errors import (
    BROKE_OFF,
    ConfigurationError,
    ConnectionFailed,
    FileNotReady,
    NoAnswer,
    NotTheService,
    QwenError,
    RateLimited,
    ServiceError,
    StreamCut,
    StreamError,
    StreamGarbled,
)
from ..core.events import Event, Retrying, Started
from ..core.messages import ChatRequest
from ..protocols import Decoder, protocol
from ..protocols.error_mapping import AGAIN, PROXY, looks_like_html, not_the_service, refusal
from ..protocols.lenient_json import JSONObject, parsed
from .credentials import Credentials, Secret
from .endpoints import Endpoint
from .transport import Connection, Response, Timeouts, Transport

__all__ = ["AnswerStream", "Client", "headers_of"]

# Sent at most so often in all; waiting about 1 s, then 2 s, half of it by chance.
ATTEMPTS = 3
FIRST_WAIT = 1.0
# A document that was just uploaded is still being read: ask again every 2 s (the service's docs, "Qwen-Long"). The docs
# do so 10 times; 16 are ours, which makes the 30 s that a cell waits for anything: a long document may need over 20.
PARSING_WAIT, PARSING_ATTEMPTS = 2.0, 16
# Longer than this is not worth waiting for in a cell: the error says how long it would be.
LONGEST_WAIT = 30.0
# Python on Windows does not notice an interrupt while it waits for a lock, so nothing waits longer than this.
SLICE = 0.05
# While events are held back, for a batch of them, the end of the answer is noticed within so many seconds.
NAP = 0.01
# An error's body is worth reading up to here, in bytes.
LARGEST_REFUSAL = 256 * 1024
# So much of a reply that cannot be read is shown, in characters.
SHOWN = 80
# A server has said all, and keeps the stream open for so many seconds at most.
LINGER = 1.0
# How long a view is left alone when nothing arrives, in seconds.
QUIET = 1.0


class Client:
    """The connections of one shell, and the keys that open them."""

    def __init__(self, credentials: Credentials, timeouts: Timeouts | None = None) -> None:
        self._credentials = credentials
        self._transport = Transport(timeouts or Timeouts())

    @property
    def timeouts(self) -> Timeouts:
        """Those of the requests from now on."""
        return self._transport.timeouts

    @timeouts.setter
    def timeouts(self, timeouts: Timeouts) -> None:
        self._transport.timeouts = timeouts

    def stream(self, endpoint: Endpoint, request: ChatRequest) -> AnswerStream:
        """Send `request` and give the stream of its answer, at once. Raises `NoKey` before anything is sent."""
        form = protocol(endpoint.protocol)
        encoded = form.encode(request, endpoint.dialect)
        sending = Sending(
            "POST",
            endpoint.url(encoded.path),
            self._key(endpoint),
            {**encoded.headers, **headers_of(request)},
            {"content": as_json(encoded.body)},
        )
        return AnswerStream(self._transport, sending, lambda: form.decoder(request, endpoint.dialect))

    def call(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        within: float | None = None,
        **body: Any,
    ) -> JSONObject:
        """One request that is answered at once with a JSON object, such as `GET models`.

        `body` is httpx2's: `json`, `files` (of bytes, which can be sent again) with `data`, `params`. It is sent again
        when the service is busy, as long as sending it twice does no harm. Raises the service's refusals. What takes
        longer than `within` seconds is given up, and not sent again.
        """
        sending = Sending(method, endpoint.url(path), self._key(endpoint), headers or {}, body)
        if within is not None:
            return self._reply_within(within, sending, endpoint.host)
        attempt = 1
        while True:
            try:
                return self._reply(sending)
            except QwenError as error:
                delay = wait_before_next(attempt, error) if sending.repeatable_after(error) else None
                if delay is None:
                    raise
            time.sleep(delay)
            attempt += 1

    def _reply(self, sending: Sending) -> JSONObject:
        with self._transport.connection(sending.url) as connection:
            return read_reply(sending, connection)

    def _reply_within(self, seconds: float, sending: Sending, host: str) -> JSONObject:
        timeouts = Timeouts(min(seconds, self.timeouts.connect), min(seconds, self.timeouts.idle))
        with self._transport.connection(sending.url, timeouts) as connection:
            try:
                with connection.deadline(seconds):
                    return read_reply(sending, connection)
            except QwenError:
                if connection.aborted:
                    raise NoAnswer(f"{host} has not answered within {seconds:g} s.") from None
                raise

    def close(self) -> None:
        """Close the connections that are idle. The client can still be used."""
        self._transport.close()

    def _key(self, endpoint: Endpoint) -> Secret | None:
        if endpoint.needs_key:
            return self._credentials.require(endpoint.account)
        found = self._credentials.find(endpoint.account)
        return found.secret if found else None


def not_json(response: Response, content: bytes, url: str) -> QwenError:
    """The error behind a reply that is no JSON object."""
    if looks_like_html(response.headers, text := content.decode("utf-8", "replace").strip()):
        return not_the_service(response.status, text)
    said = f"{text[:SHOWN]!r}" if text else "nothing"
    return NotTheService(f"{url} answers with {said} where a JSON object should be.", PROXY)


def headers_of(request: ChatRequest) -> dict[str, str]:
    """The headers that a request has in either protocol, but for the key."""
    accept = "text/event-stream" if request.stream else "application/json"
    return {"Accept": accept, "Content-Type": "application/json"}


def as_json(body: Mapping[str, Any]) -> bytes:
    """The bytes of a request's body: the same for the same request."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Sending:
    """A request as HTTP knows it. The key is put on when it is sent."""

    method: str
    url: str
    key: Secret | None
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    def repeatable_after(self, error: QwenError) -> bool:
        """Whether it may be sent again: a POST makes something new, so only when it was turned away."""
        return isinstance(error, RateLimited) or (isinstance(error, ServiceError) and self.method != "POST")

    @contextmanager
    def through(self, connection: Connection) -> Iterator[Response]:
        """Send it, and yield the response. Raises what the other side refuses."""
        with connection.send(self.method, self.url, self.key, self.headers, **self.body) as response:
            if response.redirect:
                raise ConfigurationError(
                    f"{self.url} has moved to {response.redirect}.", "Nothing was sent there: %qwen use the new URL."
                )
            if response.status >= 400:
                raise refusal(response.status, response.headers, response.read(LARGEST_REFUSAL))
            yield response


class AnswerStream:
    """The events of one answer, read in a thread of its own. A context manager: leaving it breaks the answer off."""

    def __init__(self, transport: Transport, sending: Sending, decoder: Callable[[], Decoder]) -> None:
        self._transport = transport
        self._sending = sending
        self._decoder = decoder
        self._arrived: queue.SimpleQueue[list[Event] | BaseException | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._connection: Connection | None = None
        self._answered = False
        self._reused = False
        self._waiting: list[Event] = []
        threading.Thread(target=self._run, name="qwen-answer", daemon=True).start()

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.cancel()

    def cancel(self) -> None:
        """Break the answer off, from any thread, so that the service stops generating. Does nothing after its end."""
        self._cancelled.set()
        connection = self._connection
        if connection is not None:
            connection.abort()

    def batches(self, interval: float) -> Iterator[list[Event]]:
        """The events as they arrive: the first at once, then at most every `interval` seconds all that have come.

        An empty batch comes when nothing has arrived for a while. Can be interrupted at any time. Raises what went
        wrong, after everything that had arrived before.
        """
        not_before = 0.0
        while True:
            end = self._wait(not_before)
            batch = self._taken()
            if any(not isinstance(event, Started) for event in batch):  # nothing to look at: the first text is not held
                not_before = time.monotonic() + interval
            if batch or end is None:
                yield batch
            if isinstance(end, BaseException):
                raise end
            if end is END:
                return

    def rest(self) -> list[Event]:
        """What has arrived and was in no batch: for whoever was interrupted between two of them."""
        with suppress(queue.Empty):
            while isinstance(item := self._arrived.get_nowait(), list):
                self._waiting += item
        return self._taken()

    def _taken(self) -> list[Event]:
        batch, self._waiting = self._waiting, []
        return batch

    def _wait(self, not_before: float) -> object:
        """Take what arrives; returns what ended the stream: an error, `END`, or `None` when it goes on.

        Waits for something to come, but not for ever, and then until `not_before`, but not beyond the end.
        """
        quiet = time.monotonic() + QUIET
        while (now := time.monotonic()) < (not_before if self._waiting else quiet):
            with suppress(queue.Empty):
                if self._waiting:  # woken for each event, this thread would cost more than the events
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
                    continue  # a kept connection that had died is no news, and a new one is no reason to wait
                self._arrived.put([Retrying(error.happened, delay)])
                if self._cancelled.wait(delay):
                    raise
        self._attempt()

    def _attempt(self) -> None:
        with self._transport.connection(self._sending.url) as connection:
            self._connection, self._reused = connection, connection.reused
            if self._cancelled.is_set():
                connection.abort()
            with self._sending.through(connection) as response:
                events = response.events()
                self._read(events, response, self._decoder())
                self._connection = None
                self._arrived.put(None)
                with connection.deadline(LINGER), suppress(QwenError):
                    deque(events, maxlen=0)  # what stands behind the end has to be read before the next request

    def _read(self, events: Iterator[tuple[str, str]], response: Response, decoder: Decoder) -> None:
        try:
            for event, data in events:
                self._put(decoder.feed(event, data))
                if decoder.done:
                    break
        except (StreamError, ConnectionFailed) as error:
            self._put(decoder.rest())
            if not decoder.finished:  # after its finish an answer is whole, however its connection ends
                raise self._told(error, response) from None
        else:
            self._put(decoder.rest())
        try:
            self._put(decoder.close())
        except StreamCut as error:
            raise self._told(error, response) from None

    def _told(self, error: QwenError, response: Response) -> QwenError:
        """What to say of a stream that ended without its finish."""
        if isinstance(error, StreamGarbled) and response.ended:  # half an event at the end is no garble
            error = StreamCut()
        if isinstance(error, StreamCut) and not self._answered:  # nothing to keep, and nothing to go on from
            return NoAnswer(error.happened if error.happened != BROKE_OFF else NOTHING, AGAIN)
        return error

    def _put(self, events: list[Event]) -> None:
        if events:
            self._answered = True
            self._arrived.put(events)


END = object()


def read_reply(sending: Sending, connection: Connection) -> JSONObject:
    """The JSON object that a request is answered with. Raises what the other side refuses."""
    with sending.through(connection) as response:
        content = response.read()
        with suppress(ValueError):
            reply = parsed(content.decode("utf-8-sig", "replace"))
            if isinstance(reply, Mapping):
                return reply
        raise not_json(response, content, sending.url)


NOTHING = "The stream of the answer ended before anything had come."


def wait_before_next(attempt: int, error: QwenError) -> float | None:
    """Seconds to wait before a request is sent again, or `None` when it is not."""
    if isinstance(error, FileNotReady):
        return PARSING_WAIT if attempt < PARSING_ATTEMPTS else None
    if not error.transient or attempt >= ATTEMPTS:
        return None
    asked = error.retry_after if isinstance(error, ServiceError) else None
    if asked is not None:
        return asked if asked <= LONGEST_WAIT else None
    return FIRST_WAIT * attempt * random.uniform(0.5, 1.0)
