"""One HTTP connection: sends a request and returns the response while it arrives.

A connection serves one request at a time, through its own `httpx2.Client`, which keeps it alive for the next request.
So its socket is available before a response arrives, and `Connection.abort` can shut it down from another thread:
closing a response or a client does not wake a blocking read, and the service would go on generating. Not for encoding
requests: that is `qwen_magic.service.client`.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from .._version import __version__
from ..core.errors import ConfigurationError
from ..core.translatable import _
from ..protocols.event_reader import LARGEST_BODY, too_large
from .content_coding import packed_once
from .credentials import Secret
from .deadlines import SocketLine, Watch
from .network_errors import NetworkErrors
from .timeouts import Timeouts

__all__ = [
    "DIRECT",
    "KEEP_ALIVE",
    "LINGER",
    "Bearer",
    "Connection",
    "Response",
    "client_options",
    "no_cookies",
    "proxy_errors",
]

# Seconds; the figure is ours, as the service names none. Long enough for the next cell, and below the minute or so
# after which servers and proxies usually close an idle connection: one that we drop first is rarely found dead.
KEEP_ALIVE = 30.0
# Seconds that a server may keep a stream open after the end of an answer. Ours.
LINGER = 1.0
# Addresses of this machine are never reached through a proxy, also where NO_PROXY does not list them.
DIRECT: Mapping[str, None] = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}


def no_cookies() -> CookieJar:
    """A jar that takes no cookies and sends none."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def client_options(verify: ssl.SSLContext, connections: int) -> dict[str, Any]:
    """The keywords of an httpx2 client, sync or async, with so many connections at most."""
    return {
        "verify": verify,
        "limits": httpx2.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE
        ),
        "mounts": DIRECT,
        "cookies": no_cookies(),  # only the key identifies the sender
        "headers": {"User-Agent": f"qwen_magic/{__version__}"},
    }


@contextmanager
def proxy_errors() -> Iterator[None]:
    """Raises `ConfigurationError` where a client cannot be made because of the environment's proxy."""
    try:
        yield
    except (ImportError, ValueError, httpx2.InvalidURL) as error:  # socks without socksio; a proxy that is no URL
        raise ConfigurationError(_("The proxy of the environment cannot be used: {error}.", error=error)) from error


class Connection(SocketLine):
    """One connection, for one request at a time."""

    def __init__(self, verify: ssl.SSLContext) -> None:
        super().__init__()
        self.reused = False
        self.timeouts = Timeouts()
        with proxy_errors():
            self._http = httpx2.Client(**client_options(verify, connections=1))

    @contextmanager
    def send(
        self, method: str, url: str, key: Secret | None = None, headers: Mapping[str, str] | None = None, **body: Any
    ) -> Iterator[Response]:
        """Send a request and yield its response as soon as its headers are there.

        `body` is httpx2's: `content`, `json`, `files` with `data`. Raises our errors, never httpx2's.
        """
        timeout = httpx2.Timeout(self.timeouts.idle, connect=self.timeouts.connect)
        request = self._http.build_request(method, url, headers=dict(headers or {}), timeout=timeout, **body)
        errors = NetworkErrors(request.url, self.timeouts, lambda: self.expired)
        watch = Watch(self.timeouts.idle, self._expire)
        request.extensions["trace"] = partial(self._traced, watch)
        try:
            with errors.translated():
                response = self._http.send(request, stream=True, auth=Bearer(key) if key else None)
            try:
                with errors.translated():
                    packed_once(response)
                watch.pause()
                yield Response(response, errors, watch)
            finally:
                response.close()
        finally:
            watch.stop()

    def close(self) -> None:
        """Close the socket; does nothing to a connection that was never opened."""
        self._http.close()

    def _traced(self, watch: Watch, name: str, info: Mapping[str, Any]) -> None:
        self.trace(name, info)
        if name.endswith(".receive_response_headers.started"):  # the request has been sent, however long that took
            watch.renew()


class Bearer(httpx2.Auth):
    """Adds the key as `Authorization` header when the request is sent, so that no repr of a request contains it."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx2.Request) -> Iterator[httpx2.Request]:  # type: ignore[override]  # takes no reply
        """httpx2's hook: the request with its header."""
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


class Response:
    """An HTTP response whose body has not been read yet."""

    def __init__(self, response: httpx2.Response, errors: NetworkErrors, watch: Watch) -> None:
        self._response = response
        self._errors = errors
        self._watch = watch
        self.status = response.status_code
        self.where = errors.where
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    @property
    def redirect(self) -> str:
        """The URL that the response redirects to; "" if it does not redirect."""
        return self.headers.get("location", "") if self._response.has_redirect_location else ""

    def chunks(self) -> Iterator[bytes]:
        """Yield the body as it arrives. Raises `StreamCut` for an incomplete body."""
        with self._errors.translated(midway=True):
            yield from self._progress()

    def read(self, limit: int | None = None) -> bytes:
        """The body, or at least its first `limit` bytes; it has to arrive within `Timeouts.idle` seconds altogether.

        Without a limit, raises `StreamGarbled` for a body above `LARGEST_BODY`.
        """
        with self._errors.translated():
            self._watch.renew()
            chunks = self._response.iter_bytes()
            body = self._bounded(chunks) if limit is None else _beginning(chunks, limit)
        self._watch.pause()
        return body

    def _progress(self) -> Iterator[bytes]:
        """Yield the body as it arrives. The deadline is renewed with each chunk, and stopped while the caller works."""
        self._watch.renew()
        for chunk in self._response.iter_bytes():
            self._watch.pause()
            yield chunk
            self._watch.renew()
        self._watch.pause()

    def _bounded(self, chunks: Iterator[bytes]) -> bytes:
        whole = _beginning(chunks, LARGEST_BODY + 1)
        if len(whole) > LARGEST_BODY:
            raise too_large(self.where)
        return whole


def _beginning(chunks: Iterator[bytes], limit: int) -> bytes:
    """The first chunks, until they have `limit` bytes or more."""
    parts, size = [], 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= limit:
            break
    return b"".join(parts)
