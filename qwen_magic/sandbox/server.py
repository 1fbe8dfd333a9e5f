"""The sandbox's threading HTTP server on loopback: sockets and bytes. Not for the responses: see `service`."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from .http_exchange import Drop, HttpResponse, Pause, ReceivedRequest, Step
from .request_log import Log, Recorded
from .service import AIGC, API, V1, Service, refused
from .service_errors import Refusal

__all__ = ["Sandbox"]

MB = 1024 * 1024
# "Body up to 16 MiB" on the shared hosts (the service's docs); a file for a batch has up to 500 MB.
MAX_BODY, MAX_UPLOAD = 16 * MB, 512 * MB
REMEMBERED = 10_000
BLOCK = 64 * 1024
# The part of a body above the limit that is read and dropped, so that the client reads the refusal.
PATIENCE = 2
# Of a line between the chunks of a body; more trailing lines than this are no trailer.
LONGEST_LINE, MOST_TRAILERS = 8 * 1024, 100
# In seconds: a socket's timeout has an upper limit, which differs between systems.
LOOK, NAP = 3600.0, 0.01


class Sandbox:
    """The offline service: `start` it, send it requests, `stop` it. Also a context manager.

    `port` 0 takes any free port. Requests need `key`, which is random for each sandbox; with `any_key`, any key that
    begins as the service's. `parsing_polls` is the number of requests for which a new document is still being read;
    `remember` is the number of requests that `requests` keeps.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        any_key: bool = False,
        parsing_polls: int = 0,
        remember: int = REMEMBERED,
    ):
        self.host, self.port = host, port
        self.key = "sk-sandbox" if any_key else f"sk-sandbox-{secrets.token_urlsafe(24)}"
        self.service = Service(parsing_polls, key="" if any_key else self.key)
        self.log = Log(remember)
        self.server: _Server | None = None
        self.thread: threading.Thread | None = None

    def start(self) -> Sandbox:
        """Listens, and answers in a separate thread. Raises `OSError` if the port is in use."""
        if self.server is None:
            self.server = _Server((self.host, self.port), self.service, self.log)
            self.port = self.server.server_port
            self.thread = threading.Thread(target=self.server.serve, name="qwen-sandbox", daemon=True)
            self.thread.start()
        return self

    def stop(self) -> None:
        """Closes every connection; may be called twice."""
        server, thread, self.server, self.thread = self.server, self.thread, None, None
        if server and thread:
            server.end()
            thread.join()
            server.server_close()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def root(self) -> str:
        """`http://127.0.0.1:PORT`."""
        host = "127.0.0.1" if self.host in ("", "0.0.0.0") else self.host
        return f"http://{host}:{self.port}"

    @property
    def compatible_url(self) -> str:
        """The base URL of the OpenAI-compatible protocol."""
        return self.root + V1

    @property
    def native_url(self) -> str:
        """The base URL of the DashScope protocol."""
        return self.root + API

    @property
    def requests(self) -> list[Recorded]:
        """The requests so far, in order; one that is still being answered is not `done`."""
        return self.log.all()

    def clear(self) -> None:
        """Forgets the requests; files and batches stay."""
        self.log.clear()

    def wait(self, until: Callable[[list[Recorded]], bool], timeout: float = 10.0) -> list[Recorded]:
        """The requests, as soon as `until` accepts them. Raises `TimeoutError` after `timeout` seconds."""
        return self.log.wait(until, timeout)


class _Server(ThreadingHTTPServer):
    """Listens without polling, and closes its connections when it ends."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    # On Windows this would allow two servers on the same port.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, address: tuple[str, int], service: Service, log: Log) -> None:
        super().__init__(address, _Handler)
        self.service, self.log = service, log
        self.open: set[socket.socket] = set()
        self.ending = False

    def server_bind(self) -> None:
        """Binds without the base class's look-up of the host name, which can take seconds and is not needed."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def serve(self) -> None:
        while not self.ending:
            self.handle_request()

    def end(self) -> None:
        self.ending = True
        host = "127.0.0.1" if self.server_address[0] == "0.0.0.0" else str(self.server_address[0])
        # Wakes the thread that waits for a connection.
        with contextlib.suppress(OSError):
            socket.create_connection((host, self.server_port), timeout=1).close()
        for connection in list(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores that a client disconnected; any other error is a bug, and its traceback is printed."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, sends the service's responses, and notices when the client disconnects."""

    protocol_version = "HTTP/1.1"
    server_version = "qwen-magic-sandbox"
    disable_nagle_algorithm = True
    server: _Server
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.connection)

    def finish(self) -> None:
        self.server.open.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        raw, refusal = self.read_body(headers, unquote(parts.path))
        if not self.is_for_us(headers.get("host", "")):
            refusal = Refusal("AccessDenied", "The sandbox answers to the names of this machine only.")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        root = f"http://{headers.get('host', '')}"
        request = ReceivedRequest(self.command, unquote(parts.path), query, headers, raw, root)
        number = self.server.log.add(request, time.time())
        response = refused(request, refusal, "") if refusal else self.server.service.respond(request)
        self.server.log.update(number, status=response.status)
        gone = True
        try:
            gone = not self.write(response)
        except OSError:
            self.close_connection = True
        finally:
            self.server.log.update(number, cut=gone, done=True)

    do_GET = do_HEAD = do_OPTIONS = do_POST = do_DELETE = do_PUT = do_PATCH = handle_any

    def is_for_us(self, host: str) -> bool:
        """Whether the request's host is this machine. Prevents DNS rebinding, where another name resolves to it."""
        if not ipaddress.ip_address(str(self.server.server_address[0])).is_loopback:
            return True
        name = urlsplit(f"//{host}").hostname or ""
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(name).is_loopback
        return name in ("", "localhost") or name.endswith(".localhost")

    def read_body(self, headers: dict[str, str], path: str) -> tuple[bytes, Refusal | None]:
        """The body, and a refusal when it is larger than the service takes, or is not what its headers say."""
        limit = MAX_BODY if path.startswith((f"{V1}/chat", AIGC, f"{V1}/embeddings")) else MAX_UPLOAD
        blocks, size = [], 0
        chunked = "chunked" in headers.get("transfer-encoding", "")
        try:
            for block in self.chunked() if chunked else self.sized(headers):
                size += len(block)
                if size <= limit:
                    blocks.append(block)
                elif size > PATIENCE * limit:
                    self.close_connection = True
                    break
        except ValueError:
            self.close_connection = True
            return b"", Refusal("InvalidParameter", "Required body invalid, please check the request body format.")
        if size > limit:
            return b"", Refusal("BadRequest.TooLarge", "Payload Too Large.")
        return b"".join(blocks), None

    def sized(self, headers: dict[str, str]) -> Iterator[bytes]:
        return self.blocks(int(headers.get("content-length") or 0))

    def blocks(self, left: int) -> Iterator[bytes]:
        """So many bytes of the body, a block at a time; raises `ValueError` for a number that is none."""
        if left < 0:
            raise ValueError(left)
        while left > 0:
            block = self.rfile.read(min(left, BLOCK))
            if not block:
                self.close_connection = True
                return
            left -= len(block)
            yield block

    def chunked(self) -> Iterator[bytes]:
        while size := int(self.line().split(b";")[0].strip() or b"0", 16):
            if size > MAX_UPLOAD:
                raise ValueError("no chunk is larger than the largest body")
            yield from self.blocks(size)
            self.line()
        for _ in range(MOST_TRAILERS):
            if not self.line().strip():
                return
        raise ValueError("more trailers than are believable")

    def line(self) -> bytes:
        return self.rfile.readline(LONGEST_LINE)

    def write(self, response: HttpResponse) -> bool:
        """Sends a response; returns whether the client stayed connected until its end."""
        if response.silence and not self.wait(response.silence):
            return False
        if isinstance(response.body, bytes):
            self.send_head(response, {"content-length": str(len(response.body))})
            if self.command != "HEAD":
                self.wfile.write(response.body)
            return True
        if response.status:
            self.send_head(response, {"transfer-encoding": "chunked"})
        for step in response.body:
            if not self.take(step):
                return isinstance(step, Drop)
        self.wfile.write(b"0\r\n\r\n")
        return True

    def take(self, step: Step) -> bool:
        """Sends one step of a response; returns whether to go on."""
        if isinstance(step, Drop):
            self.drop()
            return False
        if isinstance(step, Pause):
            return self.wait(step.seconds)
        self.wfile.write(b"%x\r\n%b\r\n" % (len(step), step))
        return True

    def wait(self, seconds: float) -> bool:
        """Sends nothing for so many seconds; returns `False` as soon as the client or the sandbox is gone."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                if not self.there(min(left, LOOK)):
                    self.close_connection = True
                    return False
        finally:
            self.connection.settimeout(None)
        return True

    def there(self, seconds: float) -> bool:
        """Waits so many seconds for the client to disconnect; returns whether it stayed."""
        self.connection.settimeout(seconds)
        try:
            if not self.connection.recv(1, socket.MSG_PEEK):
                return False
        except TimeoutError:
            return True
        # The client has sent its next request already, so that there is nothing to wait on.
        time.sleep(min(seconds, NAP))
        return True

    def drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def send_head(self, response: HttpResponse, framing: dict[str, str]) -> None:
        self.send_response_only(response.status, HTTPStatus(response.status).phrase)
        given = {"content-type": response.content_type, "date": self.date_time_string(), **response.headers, **framing}
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: `Sandbox.requests` has the requests."""
