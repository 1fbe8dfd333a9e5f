"""One request through the relay: who asks, what for, how much; then bytes in and bytes out, as they come.

Jupyter's own base class says who asks (token, cookie with XSRF, hub). What a request takes (a place, room for its
body) is counted before its body comes, and given back when it ends. Every refusal waits until the body has been read
and thrown away: an answer that closes the connection under a sending client is never read by it.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
import uuid
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx2
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, authenticated, stream_request_body

from .._version import __version__
from ..service.credentials import Secret
from .error_responses import Refused, broken_off, said
from .held_answer import IN_MEMORY, PIECE, HeldAnswer
from .routes import Form, Route, allowed, form_of
from .streaming_response import Passing, without_key
from .upstream import TOLD, Kind, for_the_caller, kind_of
from .usage_log import EDGE, AnswerCounter, model_in

if TYPE_CHECKING:
    from .configuration import QwenRelay

__all__ = ["RELAY_HEADER", "RelayHandler"]

# Says who answered, for `jupyter qwen doctor`.
RELAY_HEADER = "X-Qwen-Relay"
# Jupyter's own arguments, which are not the service's business.
OURS = ("token", "_xsrf", "no_track_activity")
# The slowest that a body may come in all, in bytes a second, beside `idle_timeout`: a tenth of a modem's.
SLOWEST = 500
# Why an answer ended before its end, as the log has it and as the caller is told.
REASONS = {
    "upstream broke": "The relay lost the service in mid-answer.",
    "server stopped": "The Jupyter server is stopping.",
}


@stream_request_body
class RelayHandler(APIHandler):
    """One request."""

    auth_resource = "qwen"

    def initialize(self, relay: QwenRelay) -> None:
        self.relay = relay
        self.current_user = None  # tornado refuses some methods before `prepare` looks who asks
        self.began = time.monotonic()
        self.request_id = str(uuid.uuid4())
        self.route: Route | None = None
        self.refused: HTTPError | None = None
        self.body = SpooledTemporaryFile[bytes](max_size=IN_MEMORY)
        self.size = self.kept = 0
        self.limit: float = 0
        self.placed = self.answered = False
        self.kind: Kind = "file"
        self.patience: asyncio.TimerHandle | None = None
        self.counter = AnswerCounter()
        self.model: str | None = None
        self.work: asyncio.Future[None] | None = None
        self.ended = "whole"

    # --- coming in

    @property
    def path_below(self) -> str:
        """The path below the relay, as it came in."""
        return str(self.request.path).removeprefix(self.relay.base_url)

    @property
    def form(self) -> Form:
        return form_of(self.path_below)

    async def prepare(self) -> None:  # type: ignore[override]  # as APIHandler's own, which says the same
        """Before the body comes: everything that can be refused by then is, once the body has come.

        But when nobody can say who asks (the hub is down), there is nothing to wait for.
        """
        try:
            await super().prepare()
            if self.current_user and self.request.method != "OPTIONS":
                self._enter()
        except HTTPError as error:
            if error.status_code >= 500:
                self.current_user = self._jupyter_current_user = None
                raise
            self.refused = error

    def _enter(self) -> None:
        self.route = allowed(self.path_below, self.relay.allow)
        if self.route is None:
            raise Refused(404, f"The relay does not pass on {self.request.method} {self.path_below}.")
        if self.request.method not in self.route.methods:
            raise Refused(405, f"{self.path_below} has no {self.request.method}.", allow=self.route.methods)
        for name in TOLD:
            if not self.request.headers.get(name, "").isascii():
                raise Refused(400, f"The header {name} has characters that are not ASCII.")
        self.limit = (self.relay.largest_upload if self.route.upload else self.relay.largest_request) or math.inf
        declared = self.request.headers.get("Content-Length", "")
        if declared.isdecimal() and int(declared) > self.limit:
            raise self._too_large(int(declared))
        wait = self.relay.rates.take(self.user)
        if wait:
            raise Refused(429, f"Too many requests of {self.user}. Wait {wait:.0f} s.", retry_after=wait)
        self.placed = self.relay.places.take(self.user)
        if not self.placed:
            raise Refused(429, "The relay is busy. Try again in a moment.", retry_after=1)
        self._wait_for_more()

    def _too_large(self, size: int) -> Refused:
        return Refused(413, f"Payload Too Large: {size:,} bytes, and the relay passes on {self.limit:,}.")

    @property
    def user(self) -> str:
        """Who asks, as the limits and the log know them.

        Jupyter gives whoever comes with its one token a new random name each time: they count as one. (A hub's users
        have tokens and names of their own.)
        """
        name = str(self.current_user.username) if self.current_user else ""
        return "token" if self.token and self.token_authenticated and _is_random(name) else name

    def data_received(self, chunk: bytes) -> None:
        """The next piece of the body; more than the limits is thrown away, and refused afterwards."""
        self.size += len(chunk)
        if self.refused is not None or not self.placed:
            return
        self._wait_for_more()
        if self.size > self.limit:
            self.refused = self._too_large(self.size)
        elif not self.relay.spools.take(self.user, len(chunk)):
            self.refused = Refused(429, f"Too much of {self.user} is being sent at once. Try again.", retry_after=1)
        else:
            self.kept += len(chunk)
            self.body.write(chunk)
            return
        self._leave()

    def _wait_for_more(self) -> None:
        """Whoever does not go on sending, or sends a few bytes now and then, loses the place."""
        if self.patience is not None:
            self.patience.cancel()
        silence = self.relay.idle_timeout
        if silence:
            connection: Any = self.request.connection
            left = self.began + silence + self.size / SLOWEST - time.monotonic()
            self.patience = asyncio.get_running_loop().call_later(max(0, min(silence, left)), connection.stream.close)

    def _forget_body(self) -> None:
        """What was kept of the request is not needed any more."""
        self.body.close()
        self.relay.spools.free(self.user, self.kept)
        self.kept = 0

    def _leave(self) -> None:
        """Give back what the request took; again does nothing."""
        if self.patience is not None:
            self.patience.cancel()
        if self.placed:
            self.placed = False
            self._forget_body()
            self.relay.places.leave(self.user)

    # --- the methods: each with decorators of its own, because `authorized` remembers the first method it sees

    @authenticated
    @authorized
    async def get(self, path: str) -> None:
        await self.answer()

    @authenticated
    @authorized
    async def post(self, path: str) -> None:
        await self.answer()

    @authenticated
    @authorized
    async def delete(self, path: str) -> None:
        await self.answer()

    async def answer(self) -> None:
        """Pass the request on and its answer back, until either side goes away or the server stops."""
        if self.refused is not None:
            raise self.refused
        if not self.placed:  # the caller has gone already
            return
        if self.patience is not None:
            self.patience.cancel()
        self.work = asyncio.ensure_future(self.forward())
        self.relay.running.add(self.work)
        try:
            await self.work
        except asyncio.CancelledError:
            self.break_off(self.ended if self.ended != "whole" else "server stopped")
        except (httpx2.HTTPError, StreamClosedError) as error:
            self.upstream_failed(error)
        finally:
            self.relay.running.discard(self.work)

    async def forward(self) -> None:
        key = self.relay.key()
        if key is None:
            raise Refused(403, "The relay has no key: the server's administrator sets c.QwenRelay.key_file.")
        self.model = self.model_asked()
        query = [(name, value) for name, value in parse_qsl(self.request.query, True) if name not in OURS]
        headers = {name.lower(): value for name, value in self.request.headers.items()}
        sent = self.relay.upstream.send(
            str(self.request.method), self.path_below, query, headers, key, self.pieces() if self.size else None
        )
        async with sent as response:
            if response.has_redirect_location:
                raise Refused(502, "The service has moved: the administrator should look at c.QwenRelay.upstream_url.")
            if response.status_code == 401:
                raise Refused(403, "The service does not accept the relay's key: tell the server's administrator.")
            await self.answer_with(response, key)

    def model_asked(self) -> str | None:
        """The model that the request names."""
        self.body.seek(0)
        head = self.body.read(EDGE)
        self.body.seek(max(0, self.size - EDGE))
        return model_in(head, self.body.read())

    async def pieces(self) -> AsyncIterator[bytes]:
        self.body.seek(0)
        while piece := self.body.read(PIECE):
            yield piece
        self._forget_body()

    # --- going out

    async def answer_with(self, response: httpx2.Response, key: Secret) -> None:
        """Pass the answer on: a stream as it comes, anything else once it is whole, unless that is a lot."""
        self.answered = True
        self.kind = kind_of(response.headers)
        pieces = _passed(response, Passing(key, events=self.kind == "stream"))
        with HeldAnswer(self.relay.spools, self.user, timed=self.kind == "file") as held:
            beyond = b"" if self.kind == "stream" else await held.fill(pieces)
            await self.start(response, key, length=held.size if beyond is None else None)
            for piece in held.pieces():
                await self.pass_on(piece)
        await self.pass_on(beyond or b"")
        async for piece in pieces:
            await self.pass_on(piece)

    async def start(self, response: httpx2.Response, key: Secret, length: int | None) -> None:
        """Send the answer's head on, with the body's `length` in bytes if that is known.

        From here on nothing waits for more bytes to come.
        """
        self.set_status(response.status_code)
        self.request_id = without_key(response.headers.get("x-request-id", self.request_id), key)
        for name, value in for_the_caller(response.headers, key).items():
            self.set_header(name, value)
        if length:
            self.set_header("Content-Length", length)
        connection: Any = self.request.connection
        connection.stream.set_nodelay(True)
        await self.flush()

    async def pass_on(self, piece: bytes) -> None:
        """Send a piece of the answer on, and wait until the caller has read what came before."""
        if not piece:
            return
        self.counter.add(piece)
        self.write(piece)
        try:
            async with asyncio.timeout(self.relay.idle_timeout or None):
                await self.flush()
        except TimeoutError:
            self.ended = "client slow"
            raise asyncio.CancelledError from None

    def upstream_failed(self, error: Exception) -> None:
        """The service did not answer, or stopped in the middle: then the answer to the caller breaks off as well."""
        if self._headers_written:
            self.break_off("client gone" if isinstance(error, StreamClosedError) else "upstream broke")
            return
        status = 504 if isinstance(error, httpx2.TimeoutException) else 502
        if self.answered:
            self.ended = "upstream broke"
            raise Refused(status, REASONS[self.ended])
        raise Refused(status, f"The relay cannot reach the service ({type(error).__name__}).")

    def break_off(self, ended: str) -> None:
        """End the caller's answer so that nobody takes what came for the whole.

        A stream ends with an error, and so does JSON, which is none with that behind it; of anything else the
        connection is closed without an end.
        """
        self.ended = ended
        if not self._headers_written and ended == "server stopped":
            raise Refused(503, REASONS[ended])
        if self._finished:
            return
        if self.kind != "file" and ended in REASONS:
            self.finish(broken_off(REASONS[ended], self.kind, self.form, self.request_id))
            return
        self.detach().close()
        self.on_finish()

    def on_connection_close(self) -> None:
        """The caller has gone: so does the request to the service, at once."""
        super().on_connection_close()
        if self.work is None:  # in the middle of the request: nobody will call `on_finish`
            self._leave()
        elif not self.work.done():
            self.ended = "client gone"
            self.work.cancel()

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Accel-Buffering", "no")
        self.set_header("X-Request-Id", getattr(self, "request_id", ""))
        self.set_header(RELAY_HEADER, __version__)

    @property
    def content_security_policy(self) -> str:
        """What the service sends never runs in Jupyter's name."""
        return f"{super().content_security_policy}; sandbox"

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """A refusal in the service's own form; whoever is not known gets a 401, as from the service."""
        error = kwargs.get("exc_info", (None, None))[1]
        if status_code == 403 and not self._jupyter_current_user:
            status_code = 401
            self.set_status(401)
        if isinstance(error, Refused):
            if error.retry_after:
                self.set_header("Retry-After", f"{max(1.0, error.retry_after):.0f}")
            if error.allow:
                self.set_header("Allow", ", ".join(error.allow))
        self.finish(said(status_code, error, self.form, self.request_id))

    def on_finish(self) -> None:
        """One line in the log: who asked what of which model, and what it took. Never what was said."""
        self._leave()
        facts = {
            "user": self.user,
            "method": self.request.method,
            "path": self.path_below,
            "model": self.model,
            "status": self.get_status(),
            "ended": self.ended,
            "tokens": self.counter.tokens(),
            "bytes": {"in": self.size, "out": self.counter.bytes},
            "seconds": round(time.monotonic() - self.began, 3),
            "request_id": self.request_id,
        }
        self.relay.log.info("relayed %s", json.dumps(facts, ensure_ascii=True))


async def _passed(response: httpx2.Response, passing: Passing) -> AsyncIterator[bytes]:
    """The body of an answer, as the caller gets it."""
    async for chunk in response.aiter_bytes():
        yield passing.feed(chunk)
    yield passing.rest()


def _is_random(name: str) -> bool:
    """Whether this is a name as jupyter_server's `generate_anonymous_user` makes them: 32 hexadecimal digits."""
    return len(name) == 32 and set(name) <= set("0123456789abcdef")
