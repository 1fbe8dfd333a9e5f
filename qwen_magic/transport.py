"""HTTP: connections, server-sent events, and httpx2's errors in our words.

Whatever asks a model goes through here. The relay and the fetching of attachments have httpx2 clients of their own,
because they talk to others under other rules.

A connection serves one request at a time, in an `httpx2.Client` of its own that keeps it alive for the next one. So
its socket is known before anything has been answered, and `Connection.abort` can shut it down from another thread:
closing a response or a client does not wake a read that blocks, and without it the service would go on generating.
Not for what is sent or what it means: that is `qwen_magic.client`.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import httpx2

from ._version import __version__
from .errors import (
    CertificateError,
    ConfigurationError,
    ConnectionFailed,
    NoAnswer,
    NotTheService,
    QwenError,
    StreamCut,
    StreamGarbled,
)
from .forks import renewed_in_children
from .protocols.failures import PROXY, refusal

__all__ = ["Connection", "Response", "Timeouts", "Transport"]

# Seconds; the figure is ours, as the service names none. Long enough for the next cell, and below the minute or so
# after which servers and proxies usually close an idle connection: one that we drop first is rarely found dead.
KEEP_ALIVE = 30.0
# One event of an answer is a few hundred bytes, and a whole answer of the largest model about half a megabyte.
LARGEST_EVENT = 32 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
# What is on this machine is not behind a proxy, whatever the environment says (and forgets to say in NO_PROXY).
DIRECT: Mapping[str, None] = {f"all://{host}": None for host in ("localhost", "127.0.0.1", "[::1]")}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `idle` is how long nothing at all may come: the service itself gives up after 300 (its docs)."""

    connect: float = 10.0
    idle: float = 310.0


class Transport:
    """The connections of one shell, by origin. `timeouts` are those of the requests from now on."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._idle: dict[str, list[Connection]] = {}
        self._closings = 0
        self._lock = threading.Lock()
        self._verify: ssl.SSLContext | None = None
        renewed_in_children(self)

    @contextmanager
    def connection(self, url: str, timeouts: Timeouts | None = None) -> Iterator[Connection]:
        """A connection to the origin of `url`; it is kept for the next request if this one ended well.

        `timeouts` are for this request only.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            waiting = self._idle.setdefault(origin, [])
            connection = waiting.pop() if waiting else None
            closings = self._closings
        if connection is None:
            connection = Connection(self._trust(parts.scheme))
        else:
            connection.reused = True
        connection.timeouts = timeouts or self.timeouts
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            keep = not connection.aborted and closings == self._closings
            if keep:
                self._idle.setdefault(origin, []).append(connection)
        if not keep:
            connection.close()

    def after_fork(self) -> None:
        """A forked child connects anew: on a shared socket, it and its parent would read each other's answers.

        That closes the child's copies of the sockets; on its own ones the parent notices nothing.
        """
        self._lock = threading.Lock()
        self.close()

    def close(self) -> None:
        """Close the connections: those that nobody uses now, the others when they are given back."""
        with self._lock:
            self._closings += 1
            connections = [connection for waiting in self._idle.values() for connection in waiting]
            self._idle.clear()
        for connection in connections:
            connection.close()

    def _trust(self, scheme: str) -> ssl.SSLContext:
        if scheme == "http":
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # unused, and much cheaper than loading certificates
        with self._lock:
            self._verify = self._verify or trusted()
        return self._verify


def trusted() -> ssl.SSLContext:
    """Certificates: those of the system, and the bundle that a company's variables name."""
    bundle = next((os.environ[name] for name in BUNDLES if os.environ.get(name)), None)
    try:
        context = httpx2.create_ssl_context(trust_env=False)
        if bundle:
            context.load_verify_locations(**({"capath": bundle} if os.path.isdir(bundle) else {"cafile": bundle}))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The certificates could not be loaded ({error}).", f"Look at {', '.join(BUNDLES)} in the environment."
        ) from error
    return context


BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR")


class Connection:
    """One connection, for one request at a time."""

    def __init__(self, verify: ssl.SSLContext) -> None:
        self.aborted = False
        self.reused = False
        self.timeouts = Timeouts()
        self._network: Any = None
        try:
            self._http = httpx2.Client(
                verify=verify,
                limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE),
                mounts=DIRECT,
                headers={"User-Agent": f"qwen_magic/{__version__}"},
            )
        except (ImportError, ValueError, httpx2.InvalidURL) as error:  # socks without socksio; a proxy that is no URL
            raise ConfigurationError(f"The proxy of the environment cannot be used: {error}.") from error

    @contextmanager
    def send(
        self, method: str, url: str, key: str | None = None, headers: Mapping[str, str] | None = None, **body: Any
    ) -> Iterator[Response]:
        """Send a request and yield its response as soon as its headers are there.

        `body` is httpx2's: `content`, `json`, `files` with `data`. Raises our errors, never httpx2's.
        """
        timeout = httpx2.Timeout(self.timeouts.idle, connect=self.timeouts.connect)
        request = self._http.build_request(method, url, headers=dict(headers or {}), timeout=timeout, **body)
        request.extensions["trace"] = self._trace
        with in_our_words(request.url, self.timeouts):
            response = self._http.send(request, stream=True, auth=bearer(key))
        try:
            yield Response(response, self.timeouts)
        finally:
            response.close()

    def abort(self) -> None:
        """Break off, from any thread: whatever waits on this connection wakes up with an error."""
        self.aborted = True
        network = self._network
        raw = network.get_extra_info("socket") if network is not None else None
        if raw is not None:
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Break off if the block takes longer than this."""
        timer = threading.Timer(seconds, self.abort)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self) -> None:
        self._http.close()

    def _trace(self, name: str, info: Mapping[str, Any]) -> None:
        """httpcore's hook: the newest network stream is the one that this connection speaks through."""
        if name.endswith((".connect_tcp.complete", ".start_tls.complete", ".connect_unix_socket.complete")):
            self._network = info["return_value"]
        if self.aborted and name.endswith(".started"):
            raise httpx2.ReadError("broken off")


def bearer(key: str | None) -> httpx2.Auth | None:
    """The key as an `Authorization` header that is put on at the last moment, and shown by nobody."""
    return Bearer(key) if key else None


class Bearer(httpx2.Auth):
    def __init__(self, key: str) -> None:
        self._header = f"Bearer {key}"

    def auth_flow(self, request: httpx2.Request) -> Iterator[httpx2.Request]:  # type: ignore[override]  # no reply wanted
        request.headers["Authorization"] = self._header
        yield request


class Response:
    """An answer whose body has not been read yet."""

    def __init__(self, response: httpx2.Response, timeouts: Timeouts) -> None:
        self._response = response
        self._timeouts = timeouts
        self.ended = False
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    @property
    def redirect(self) -> str:
        """Where the other side wants us to go instead; empty for an answer."""
        return self.headers.get("location", "") if self._response.has_redirect_location else ""

    def events(self) -> Iterator[tuple[str, str]]:
        """The (event, data) of each server-sent event, as each arrives, whatever the content type says.

        A body that is one JSON object comes as one event. A last event that was cut in its middle comes as well;
        `ended` is true by then. Raises `NotTheService` for a web page.
        """
        with in_our_words(self._response.url, self._timeouts, midway=True):
            head, chunks = peeked(without_bom(self._response.iter_bytes()))
            start = head.lstrip()[:1]
            if start in (b"{", b"<"):
                whole = b"".join(chunks)
                self.ended = True
                if start == b"<":
                    raise refusal(self.status, {"content-type": "text/html"}, whole)
                yield "", whole.decode("utf-8", "replace")
                return
            stream = httpx2.Response(
                200,
                headers={"content-type": "text/event-stream; charset=utf-8"},
                content=self._ended_by_an_empty_line(chunks),
                request=self._response.request,
            )
            for event in httpx2.EventSource(stream, LARGEST_EVENT):
                yield event.event, event.data

    def _ended_by_an_empty_line(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Servers forget the empty line behind the last event."""
        yield from chunks
        self.ended = True
        yield b"\n\n"

    def chunks(self) -> Iterator[bytes]:
        """The body as it arrives. Raises `StreamCut` when it ends before its end."""
        with in_our_words(self._response.url, self._timeouts, midway=True):
            yield from self._response.iter_bytes()

    def read(self, limit: int | None = None) -> bytes:
        """The body, or its first `limit` bytes or a little more."""
        parts, size = [], 0
        with in_our_words(self._response.url, self._timeouts):
            for chunk in self._response.iter_bytes():
                parts.append(chunk)
                size += len(chunk)
                if limit is not None and size >= limit:
                    break
        return b"".join(parts)


def peeked(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes that are no white space, if any come, and all chunks from the beginning."""
    head: list[bytes] = []
    for chunk in chunks:
        head.append(chunk)
        if chunk.strip():
            break
    return b"".join(head), chain(head, chunks)


def without_bom(chunks: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for chunk in chunks:
        head += chunk
        if not BOM.startswith(head):
            break
    yield head.removeprefix(BOM)
    yield from chunks


@contextmanager
def in_our_words(url: httpx2.URL, timeouts: Timeouts, *, midway: bool = False) -> Iterator[None]:
    """httpx2's errors as ours. `midway`: an answer had begun."""
    try:
        yield
    except httpx2.HTTPError as error:
        raise translated(error, url, timeouts, midway) from error
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise ConfigurationError(f"The endpoint's URL cannot be used: {error}.") from error


def translated(error: httpx2.HTTPError, url: httpx2.URL, timeouts: Timeouts, midway: bool) -> QwenError:
    where = f"{url.host}:{url.port}" if url.port else url.host
    reason = " ".join(str(error).split()) or type(error).__name__
    match error:
        case httpx2.ConnectTimeout():
            return ConnectionFailed(f"No connection to {where} within {timeouts.connect:g} s.", ROUTE)
        case httpx2.ReadTimeout() | httpx2.WriteTimeout() | httpx2.PoolTimeout():
            return NoAnswer(f"{where} has sent nothing for {timeouts.idle:g} s.", "Run the cell again.")
        case httpx2.ConnectError() if "CERTIFICATE" in reason.upper():
            return CertificateError(f"The certificate of {where} could not be verified ({reason}).", CERTIFICATE)
        case httpx2.ProxyError():
            return ConnectionFailed(f"The proxy did not let us through to {where} ({reason}).", ROUTE)
        case httpx2.ConnectError():
            return ConnectionFailed(f"No connection to {where} ({reason}).", unreachable(url))
        case httpx2.SSEError():
            return StreamGarbled(f"One event of the answer was larger than {LARGEST_EVENT >> 20} MB.", PROXY)
        case httpx2.DecodingError():
            return StreamGarbled(f"What {where} sent could not be unpacked ({reason}).", PROXY)
        case httpx2.UnsupportedProtocol():
            return NotTheService(f"{where} cannot be asked ({reason}).", PROXY)
    if midway:
        return StreamCut(f"The connection to {where} broke in mid-answer ({reason}).")
    return ConnectionFailed(f"The connection to {where} broke before anything was answered ({reason}).", ROUTE)


ROUTE = "Check the network, the proxy settings and the endpoint (%qwen use)."
CERTIFICATE = "Behind a company's proxy, set SSL_CERT_FILE to its CA bundle."


def unreachable(url: httpx2.URL) -> str:
    """What to do when nobody is there: for a local server, start it."""
    if url.host in ("localhost", "127.0.0.1", "::1"):
        return "Is the server running, and on this port?"
    return ROUTE
