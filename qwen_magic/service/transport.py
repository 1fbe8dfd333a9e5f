"""HTTP: connections, server-sent events, and httpx2's errors in our words.

Whatever asks a model goes through here. The relay and the fetching of attachments have httpx2 clients of their own,
because they talk to others under other rules.

A connection serves one request at a time, in an `httpx2.Client` of its own that keeps it alive for the next one. So
its socket is known before anything has been answered, and `Connection.abort` can shut it down from another thread:
closing a response or a client does not wake a read that blocks, and without it the service would go on generating.
Not for what is sent or what it means: that is `qwen_magic.service.client`.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import httpx2

from .._version import __version__
from ..core.errors import (
    CertificateError,
    ConfigurationError,
    ConnectionFailed,
    NoAnswer,
    NotTheService,
    QwenError,
    StreamCut,
    StreamGarbled,
)
from ..core.forks import renewed_in_children
from ..protocols.error_mapping import PROXY, refusal
from .credentials import Secret
from .deadlines import SocketLine, Watch

__all__ = ["Connection", "Response", "Timeouts", "Transport", "packed_once", "trusted"]

# Seconds; the figure is ours, as the service names none. Long enough for the next cell, and below the minute or so
# after which servers and proxies usually close an idle connection: one that we drop first is rarely found dead.
KEEP_ALIVE = 30.0
# One event of an answer is a few hundred bytes, and a whole answer of the largest model about half a megabyte; a page
# of 2,000 files is about as large.
LARGEST_EVENT = LARGEST_BODY = 32 * 1024 * 1024
# A page of HTML in the service's place is worth reading up to here, and blanks before an answer, in bytes.
LARGEST_PAGE = 256 * 1024
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


class Connection(SocketLine):
    """One connection, for one request at a time."""

    def __init__(self, verify: ssl.SSLContext) -> None:
        super().__init__()
        self.reused = False
        self.timeouts = Timeouts()
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
        self, method: str, url: str, key: Secret | None = None, headers: Mapping[str, str] | None = None, **body: Any
    ) -> Iterator[Response]:
        """Send a request and yield its response as soon as its headers are there.

        `body` is httpx2's: `content`, `json`, `files` with `data`. Raises our errors, never httpx2's.
        """
        timeout = httpx2.Timeout(self.timeouts.idle, connect=self.timeouts.connect)
        request = self._http.build_request(method, url, headers=dict(headers or {}), timeout=timeout, **body)
        words = Words(request.url, self.timeouts, self)
        watch = Watch(self.timeouts.idle, self._expire)
        request.extensions["trace"] = partial(self._traced, watch)
        try:
            with words.for_errors():
                response = self._http.send(request, stream=True, auth=Bearer(key) if key else None)
            try:
                with words.for_errors():
                    packed_once(response)
                watch.pause()
                yield Response(response, words, watch)
            finally:
                response.close()
        finally:
            watch.stop()

    def close(self) -> None:
        self._http.close()

    def _traced(self, watch: Watch, name: str, info: Mapping[str, Any]) -> None:
        self.trace(name, info)
        if name.endswith(".receive_response_headers.started"):  # the request has been sent, however long that took
            watch.renew()


class Bearer(httpx2.Auth):
    """The key as an `Authorization` header that is put on at the last moment, and shown by nobody."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def auth_flow(self, request: httpx2.Request) -> Iterator[httpx2.Request]:  # type: ignore[override]  # no reply wanted
        request.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        yield request


def packed_once(response: httpx2.Response) -> None:
    """Raises `DecodingError` for a body that was packed more than once: 275 bytes of that unpack to 4 GB.

    One coding makes 1,000 bytes of one at the most, and httpx2 unpacks it in pieces of 1 MB.
    """
    codings = [coding.strip() for coding in response.headers.get("content-encoding", "").lower().split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if len(codings) > 1:
        raise httpx2.DecodingError(f"packed {len(codings)} times: {', '.join(codings[:5])}", request=response.request)


class Response:
    """An answer whose body has not been read yet."""

    def __init__(self, response: httpx2.Response, words: Words, watch: Watch) -> None:
        self._response = response
        self._words = words
        self._watch = watch
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
        with self._words.for_errors(midway=True):
            head, chunks = peeked(without_bom(self._progress()))
            start = head.lstrip()[:1]
            if start == b"<":
                raise refusal(self.status, {"content-type": "text/html"}, beginning(chunks, LARGEST_PAGE))
            if start == b"{":
                whole = self._bounded(chunks)
                self.ended = True
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
        with self._words.for_errors(midway=True):
            yield from self._progress()

    def read(self, limit: int | None = None) -> bytes:
        """The body, or its first `limit` bytes or a little more; it all has to come within the time for silence.

        Without a limit raises `StreamGarbled` for a body that is larger than any reply.
        """
        with self._words.for_errors():
            self._watch.renew()
            chunks = self._response.iter_bytes()
            body = self._bounded(chunks) if limit is None else beginning(chunks, limit)
        self._watch.pause()
        return body

    def _progress(self) -> Iterator[bytes]:
        """The body as it arrives, where every piece is a sign of life, and the time for it only runs here."""
        self._watch.renew()
        for chunk in self._response.iter_bytes():
            self._watch.pause()
            yield chunk
            self._watch.renew()
        self._watch.pause()

    def _bounded(self, chunks: Iterator[bytes]) -> bytes:
        whole = beginning(chunks, LARGEST_BODY + 1)
        if len(whole) > LARGEST_BODY:
            raise StreamGarbled(f"{self._words.where} sent more than {LARGEST_BODY >> 20} MB at once.", PROXY)
        return whole


def peeked(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes that are no white space, if any come soon, and all chunks from the beginning."""
    head: list[bytes] = []
    size = 0
    for chunk in chunks:
        head.append(chunk)
        size += len(chunk)
        if chunk.strip() or size > LARGEST_PAGE:
            break
    return b"".join(head), chain(head, chunks)


def beginning(chunks: Iterator[bytes], limit: int) -> bytes:
    """What comes, up to `limit` bytes or a little more."""
    parts, size = [], 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= limit:
            break
    return b"".join(parts)


def without_bom(chunks: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for chunk in chunks:
        head += chunk
        if not BOM.startswith(head):
            break
    yield head.removeprefix(BOM)
    yield from chunks


@dataclass(frozen=True, slots=True)
class Words:
    """httpx2's errors as ours, for one request."""

    url: httpx2.URL
    timeouts: Timeouts
    line: SocketLine

    @property
    def where(self) -> str:
        return f"{self.url.host}:{self.url.port}" if self.url.port else self.url.host

    @contextmanager
    def for_errors(self, *, midway: bool = False) -> Iterator[None]:
        """Raises our errors. `midway`: an answer had begun.

        The frames of the original errors are not kept: their local variables hold the request as it was sent, and what
        shows tracebacks with local variables (rich, Sentry) would show the key.
        """
        try:
            yield
        except httpx2.HTTPError as error:
            forget_frames(error)
            raise (self.silence() if self.line.expired else self.translated(error, midway)) from None
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise ConfigurationError(f"The endpoint's URL cannot be used: {error}.") from None
        except KeyboardInterrupt as error:
            forget_frames(error)
            raise
        if self.line.expired:  # what was shut down may look like an end
            raise self.silence()

    def silence(self) -> QwenError:
        return NoAnswer(f"{self.where} has sent nothing for {self.timeouts.idle:g} s.", "Run the cell again.")

    def translated(self, error: httpx2.HTTPError, midway: bool) -> QwenError:
        reason = " ".join(str(error).split()) or type(error).__name__
        match error:
            case httpx2.ConnectTimeout():
                return ConnectionFailed(f"No connection to {self.where} within {self.timeouts.connect:g} s.", ROUTE)
            case httpx2.ReadTimeout() | httpx2.WriteTimeout() | httpx2.PoolTimeout():
                return self.silence()
            case httpx2.ConnectError() if "CERTIFICATE" in reason.upper():
                return CertificateError(
                    f"The certificate of {self.where} could not be verified ({reason}).", CERTIFICATE
                )
            case httpx2.ProxyError():
                return ConnectionFailed(f"The proxy did not let us through to {self.where} ({reason}).", ROUTE)
            case httpx2.ConnectError():
                return ConnectionFailed(f"No connection to {self.where} ({reason}).", unreachable(self.url))
            case httpx2.SSEError():
                return StreamGarbled(f"One event of the answer was larger than {LARGEST_EVENT >> 20} MB.", PROXY)
            case httpx2.DecodingError():
                return StreamGarbled(f"What {self.where} sent could not be unpacked ({reason}).", PROXY)
            case httpx2.UnsupportedProtocol():
                return NotTheService(f"{self.where} cannot be asked ({reason}).", PROXY)
        if midway:
            return StreamCut(f"The connection to {self.where} broke in mid-answer ({reason}).")
        return ConnectionFailed(f"The connection to {self.where} broke before anything was answered ({reason}).", ROUTE)


def forget_frames(error: BaseException) -> None:
    error.__traceback__ = error.__cause__ = error.__context__ = None


ROUTE = "Check the network, the proxy settings and the endpoint (%qwen use)."
CERTIFICATE = "Behind a company's proxy, set SSL_CERT_FILE to its CA bundle."


def unreachable(url: httpx2.URL) -> str:
    """What to do when nobody is there: for a local server, start it."""
    if url.host in ("localhost", "127.0.0.1", "::1"):
        return "Is the server running, and on this port?"
    return ROUTE
