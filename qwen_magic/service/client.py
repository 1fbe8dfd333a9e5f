"""The sync HTTP client for every endpoint: `stream(request)` returns events, `call(…)` returns JSON.

Not for decoding (`qwen_magic.protocols`) and conversations (`qwen_magic.conversations`). `async_client` has the async
one; both share `exchange`, `network_errors`, `retries`, `certificates` and `qwen_magic.protocols.answer_reader`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..core.errors import NoAnswer, QwenError
from ..core.messages import ChatRequest
from ..core.translatable import _
from ..protocols import HttpRequest, protocol
from ..protocols.lenient_json import JSONObject
from .answer_stream import AnswerStream
from .connection import Connection
from .endpoints import Endpoint
from .exchange import exchange, json_object
from .retries import may_repeat, wait_before_next
from .timeouts import Timeouts
from .transport import Transport

__all__ = ["Client"]


class Client:
    """The HTTP client of one shell. Each endpoint carries its key."""

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        self._transport = Transport(timeouts or Timeouts())

    @property
    def timeouts(self) -> Timeouts:
        """The time limits of the following requests."""
        return self._transport.timeouts

    @timeouts.setter
    def timeouts(self, timeouts: Timeouts) -> None:
        self._transport.timeouts = timeouts

    def stream(self, endpoint: Endpoint, request: ChatRequest) -> AnswerStream:
        """Start to send `request`, and return the stream of its answer. Raises `NoKey` before anything is sent."""
        endpoint.authorization()
        form = protocol(endpoint.protocol)
        encoded = form.encode(request, endpoint.dialect)
        return AnswerStream(self._transport, endpoint, encoded, lambda: form.decoder(request, endpoint.dialect))

    def call(
        self,
        endpoint: Endpoint,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        within: float | None = None,
        **options: Any,
    ) -> JSONObject:
        """Send one request whose response is a JSON object, such as `GET models`.

        Args:
            endpoint: the endpoint, with its key.
            method: the HTTP method.
            path: relative to the endpoint's base URL.
            headers: beside those of the endpoint.
            within: the limit for the whole call in seconds, without repetition; `None` for the usual time limits.
            options: those of `HttpRequest`: `params`, `content`, `files`, `data`.

        Returns:
            the JSON object of the response. A request that may be sent twice is repeated while the service is busy.

        Raises:
            ServiceError: the service refused the request.
            NotTheService: the response is no JSON object.
            ConnectionFailed: there was no response.
        """
        request = HttpRequest(path, None, headers or {}, method, options)
        if within is not None:
            return self._reply_within(within, endpoint, request)
        attempt = 1
        while True:
            try:
                return self._reply(endpoint, request)
            except QwenError as error:
                delay = wait_before_next(attempt, error) if may_repeat(method, error) else None
                if delay is None:
                    raise
            time.sleep(delay)
            attempt += 1

    def lines(self, endpoint: Endpoint, path: str) -> Iterator[bytes]:
        """Yield the lines of a file on the endpoint, as they arrive. Raises `ServiceError` and `ConnectionFailed`."""
        request = HttpRequest(path, None, {}, "GET")
        with (
            self._transport.connection(endpoint.base_url) as connection,
            exchange(connection, endpoint, request) as response,
        ):
            rest = b""
            for chunk in response.chunks():
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            if rest:
                yield rest

    def _reply(self, endpoint: Endpoint, request: HttpRequest) -> JSONObject:
        with self._transport.connection(endpoint.base_url) as connection:
            return _read_reply(connection, endpoint, request)

    def _reply_within(self, seconds: float, endpoint: Endpoint, request: HttpRequest) -> JSONObject:
        timeouts = Timeouts(min(seconds, self.timeouts.connect), min(seconds, self.timeouts.idle))
        with self._transport.connection(endpoint.base_url, timeouts) as connection:
            try:
                with connection.deadline(seconds):
                    return _read_reply(connection, endpoint, request)
            except QwenError:
                if connection.aborted:
                    raise NoAnswer(
                        _("{host} has not answered within {seconds:g} s.", host=endpoint.host, seconds=seconds)
                    ) from None
                raise

    def close(self) -> None:
        """Close the connections that are idle. The client can still be used."""
        self._transport.close()


def _read_reply(connection: Connection, endpoint: Endpoint, request: HttpRequest) -> JSONObject:
    with exchange(connection, endpoint, request) as response:
        return json_object(response.read(), response.status, response.headers, endpoint.url(request.path))
