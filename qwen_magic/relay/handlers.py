"""One request through the relay: who asks, what for, how much; then bytes in and bytes out, as they come.

Jupyter's own base class says who asks (token, cookie with XSRF, hub). Every refusal waits until the body has been
read and thrown away: an answer that closes the connection under a sending client is never read by it.
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
from .refusals import Refused, said
from .routes import Form, Route, allowed, form_of
from .tally import EDGE, Tally, model_in
from .upstream import for_the_caller

if TYPE_CHECKING:
    from .settings import QwenRelay

__all__ = ["RELAY_HEADER", "RelayHandler"]

# Says who answered, for `jupyter qwen doctor`.
RELAY_HEADER = "X-Qwen-Relay"
# Requests up to this size are kept in memory, larger ones on disk, in bytes.
IN_MEMORY = 1024 * 1024
PIECE = 64 * 1024
# Jupyter's own arguments, which are not the service's business.
OURS = ("token", "_xsrf", "no_track_activity")


@stream_request_body
class RelayHandler(APIHandler):
    """One request."""

    auth_resource = "qwen"

    def initialize(self, relay: QwenRelay) -> None:
        self.relay = relay
        self.began = time.monotonic()
        self.request_id = str(uuid.uuid4())
        self.route: Route | None = None
        self.refused: HTTPError | None = None
        self.body = SpooledTemporaryFile[bytes](max_size=IN_MEMORY)
        self.size = 0
        self.limit: float = 0
        self.tally = Tally()
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
        self.limit = (self.relay.largest_upload if self.route.upload else self.relay.largest_request) or math.inf
        wait = self.relay.rates.take(self.user)
        if wait:
            raise Refused(429, f"Too many requests of {self.user}. Wait {wait:.0f} s.", retry_after=wait)

    @property
    def user(self) -> str:
        """Who asks, as the limits and the log know them.

        Jupyter gives whoever comes with its one token a new random name each time: they count as one. (A hub's users
        have tokens and names of their own.)
        """
        name = str(self.current_user.username) if self.current_user else ""
        return "token" if self.token and self.token_authenticated and is_random(name) else name

    def data_received(self, chunk: bytes) -> None:
        """The next piece of the body; more than the limit is thrown away, and refused afterwards."""
        self.size += len(chunk)
        if self.refused is None and self.size <= self.limit:
            self.body.write(chunk)

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
        if self.size > self.limit:
            raise Refused(413, f"Payload Too Large: {self.size:,} bytes, and the relay passes on {self.limit:,}.")
        if self.relay.places.full:
            raise Refused(429, "The relay is busy. Try again in a moment.", retry_after=1)
        with self.relay.places.taking():
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
            await self.start(response)
            async for chunk in response.aiter_raw():
                self.tally.add(chunk)
                self.write(chunk)
                await self.flush()

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

    # --- going out

    async def start(self, response: httpx2.Response) -> None:
        """Send the answer's head on. From here on nothing waits for more bytes to come."""
        self.set_status(response.status_code)
        self.request_id = response.headers.get("x-request-id", self.request_id)
        for name, value in for_the_caller(response.headers.items()).items():
            self.set_header(name, value)
        connection: Any = self.request.connection
        connection.stream.set_nodelay(True)
        await self.flush()

    def upstream_failed(self, error: Exception) -> None:
        """The service did not answer, or stopped in the middle: then the caller's connection breaks as well."""
        if self._headers_written:
            self.break_off("client gone" if isinstance(error, StreamClosedError) else "upstream broke")
            return
        status = 504 if isinstance(error, httpx2.TimeoutException) else 502
        raise Refused(status, f"The relay cannot reach the service ({type(error).__name__}).")

    def break_off(self, ended: str) -> None:
        """Close the caller's connection without an end, so that nobody takes what came for the whole."""
        self.ended = ended
        if not self._headers_written and ended == "server stopped":
            raise Refused(503, "The Jupyter server is stopping.")
        if not self._finished:
            self.detach().close()
            self.on_finish()

    def on_connection_close(self) -> None:
        """The caller has gone: so does the request to the service, at once."""
        super().on_connection_close()
        if self.work is not None and not self.work.done():
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
        self.body.close()
        facts = {
            "user": self.user,
            "method": self.request.method,
            "path": self.path_below,
            "model": self.model,
            "status": self.get_status(),
            "ended": self.ended,
            "tokens": self.tally.tokens(),
            "bytes": {"in": self.size, "out": self.tally.bytes},
            "seconds": round(time.monotonic() - self.began, 3),
            "request_id": self.request_id,
        }
        self.relay.log.info("relayed %s", json.dumps(facts, ensure_ascii=True))


def is_random(name: str) -> bool:
    """Whether this is a name as jupyter_server's `generate_anonymous_user` makes them: 32 hexadecimal digits."""
    return len(name) == 32 and set(name) <= set("0123456789abcdef")
