"""The async HTTP client: many requests at once, over connections that are kept for later requests.

It shares encoding, errors and decoding with the sync client. Not for limiting or repeating requests: that is
`qwen_magic.mapping`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import httpx2

from ..core.errors import ConnectionFailed, NoAnswer, StreamError
from ..core.events import Event
from ..core.translatable import _
from ..protocols import Decoder, HttpRequest
from ..protocols.answer_reader import AnswerReader
from ..protocols.error_mapping import refusal
from ..protocols.event_reader import EventReader
from .certificates import trusted
from .connection import LINGER, Bearer, client_options, proxy_errors
from .content_coding import packed_once
from .endpoints import Endpoint
from .exchange import LARGEST_REFUSAL, keywords_of, moved
from .network_errors import NetworkErrors
from .timeouts import Timeouts

__all__ = ["AsyncClient"]


# httpx2's pool polls each idle connection for each request, which takes a quarter of a map's CPU with 64 connections
# (measured, 2.16). So there are several pools of this size.
LANE = 8


@dataclass
class _Lane:
    """One pool of connections; `busy` is how many requests use it."""

    http: httpx2.AsyncClient
    busy: int = 0


class AsyncClient:
    """An async context manager. Leaving it closes all connections, also those of unfinished answers.

    `connections` is the most connections at once; it should equal the most requests at once.
    """

    def __init__(self, timeouts: Timeouts, connections: int) -> None:
        self._timeouts = timeouts
        self._timeout = httpx2.Timeout(timeouts.idle, connect=timeouts.connect, pool=None)
        self._lanes: list[_Lane] = []
        self._connections = connections

    async def __aenter__(self) -> AsyncClient:
        verify = trusted()
        with proxy_errors():
            while len(self._lanes) * LANE < self._connections:
                self._lanes.append(_Lane(httpx2.AsyncClient(**client_options(verify, LANE), timeout=self._timeout)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for lane in self._lanes:
            await lane.http.aclose()

    async def ask(self, endpoint: Endpoint, request: HttpRequest, decoder: Decoder) -> list[Event]:
        """Send a request, once, and return the events of its answer, decoded by `decoder`.

        Raises `ServiceError`, `ConnectionFailed` and `StreamError`.
        """
        lane = min(self._lanes, key=lambda lane: lane.busy)
        lane.busy += 1
        try:
            return await self._ask(lane.http, endpoint, request, decoder)
        finally:
            lane.busy -= 1

    async def _ask(
        self, http: httpx2.AsyncClient, endpoint: Endpoint, request: HttpRequest, decoder: Decoder
    ) -> list[Event]:
        key = endpoint.authorization()
        built = http.build_request(
            request.method, endpoint.url(request.path), headers=dict(request.headers), **keywords_of(request)
        )
        errors = NetworkErrors(built.url, self._timeouts)
        try:
            async with asyncio.timeout(self._timeouts.idle) as silence:
                with errors.translated():
                    response = await http.send(built, stream=True, auth=Bearer(key) if key else None)
                try:
                    return await self._read(response, errors, decoder, silence)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise errors.silence() from None

    async def _read(
        self, response: httpx2.Response, errors: NetworkErrors, decoder: Decoder, silence: asyncio.Timeout
    ) -> list[Event]:
        with errors.translated():
            packed_once(response)
            if response.has_redirect_location:
                raise moved(str(response.url), response.headers["location"])
            headers = {name.lower(): value for name, value in response.headers.items()}
            if response.status_code >= 400:
                raise refusal(response.status_code, headers, await _beginning(response, LARGEST_REFUSAL))
        answer = AnswerReader(decoder, EventReader(response.status_code, errors.where))
        found: list[Event] = []
        error: StreamError | ConnectionFailed | None = None
        loop = asyncio.get_running_loop()
        chunks = response.aiter_bytes()
        try:
            with errors.translated(midway=True):
                async for chunk in chunks:
                    silence.reschedule(loop.time() + self._timeouts.idle)
                    for events in answer.feed(chunk):
                        found += events
                    if answer.done:
                        break
        except (StreamError, ConnectionFailed) as caught:
            error = caught
        for events in answer.end(error):
            found += events
        with suppress(TimeoutError, httpx2.HTTPError):
            async with asyncio.timeout(LINGER):
                async for _rest in chunks:
                    pass  # bytes behind the end must be read before the next request
        if headers.get(PARTIAL) == "true":
            raise NoAnswer(_("The service cut the answer off at its time limit."), _("Ask for a shorter answer."))
        return found


# An answer that is not streamed is cut off after 300 s, and this header says so (the service's docs, "OpenAI Chat
# Completions", Oct 2026).
PARTIAL = "x-dashscope-partialresponse"


async def _beginning(response: httpx2.Response, limit: int) -> bytes:
    """The body, up to `limit` bytes or a little more."""
    parts, size = [], 0
    async for chunk in response.aiter_bytes():
        parts.append(chunk)
        size += len(chunk)
        if size >= limit:
            break
    return b"".join(parts)
