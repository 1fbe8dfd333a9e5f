"""A server that misbehaves, on real sockets: each connection plays a script of bytes and silences. For tests only."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self

from support.wire import chunk, sse

Step = bytes | float | str | threading.Event
"""Bytes are sent, a number is waited (seconds), an event is waited for, "hang" waits until the client goes away,
"reset" resets."""

HEADERS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def framed(body: bytes) -> bytes:
    """A piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(body), body)


LAST = b"0\r\n\r\n"
ANSWER = sse(chunk(content="one "), chunk(content="two"), chunk("stop"), {"choices": [], "usage": {"prompt_tokens": 3}})
GOOD: tuple[Step, ...] = (HEADERS, framed(ANSWER), LAST)


def plain(status: str, body: bytes = b"", content_type: str = "application/json", *headers: str) -> bytes:
    """A whole response that is not streamed."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Listener:
    """Listens on a port of its own, and serves each connection in a thread of its own."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(OSError):  # closing alone does not wake the thread that accepts, and the port stays open
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def serve(self, connection: socket.socket) -> None:
        """One connection; it is closed afterwards."""
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self.serve(connection)


class FaultServer(Listener):
    """Answers the n-th request with the n-th script; the last script is for all that come later."""

    def __init__(self, *scripts: Iterable[Step], wrap: Callable[[socket.socket], socket.socket] | None = None) -> None:
        self.scripts = [tuple(script) for script in scripts]
        self.listing = b""
        """When there is one, every GET is answered with it, and neither counted nor kept."""
        self.requests: list[bytes] = []
        self.gone = threading.Event()
        """Set when a client has left while a script hung."""
        self._wrap = wrap or (lambda connection: connection)
        self._lock = threading.Lock()
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def play(self, *scripts: Iterable[Step]) -> None:
        """Begin anew with other scripts."""
        with self._lock:
            self.scripts = [tuple(script) for script in scripts]
            self.requests.clear()
            self.gone.clear()

    def serve(self, connection: socket.socket) -> None:
        try:
            with self._wrap(connection) as wrapped:
                while request := read_request(wrapped):
                    if self.listing and request.startswith(b"GET "):
                        wrapped.sendall(self.listing)
                        continue
                    with self._lock:
                        self.requests.append(request)
                        script = self.scripts[min(len(self.requests), len(self.scripts)) - 1]
                    if not self._play(wrapped, script):
                        break
        except OSError:
            self.gone.set()

    def _play(self, connection: socket.socket, script: tuple[Step, ...]) -> bool:
        """Plays one script; whether the connection may be used again."""
        for step in script:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif isinstance(step, (int, float)):
                time.sleep(step)
            elif isinstance(step, threading.Event):
                step.wait()
            elif step == "hang":
                wait_until_gone(connection)
                self.gone.set()
                return False
            elif step == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            elif step == "close":
                return False
        return True


class LosingProxy(Listener):
    """Passes requests on to a server on this machine, and loses the first `times` that begin with `lost`.

    With `arrives`, the server gets such a request, and its reply is lost; else the request is.
    """

    def __init__(self, port: int, lost: bytes, *, arrives: bool, times: int = 1) -> None:
        self._server = port
        self._lost = lost
        self._arrives = arrives
        self.left = times
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        request = read_request(connection)
        losing = request.startswith(self._lost) and self.left > 0
        self.left -= losing
        if losing and not self._arrives:
            return
        with socket.create_connection(("127.0.0.1", self._server)) as server:
            server.sendall(request.replace(b"Connection: keep-alive", b"Connection: close", 1))
            reply = b"".join(iter(lambda: server.recv(65536), b""))
        if not losing:
            connection.sendall(reply)


def read_request(connection: socket.socket) -> bytes:
    """One request with its body; empty when the client has left."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return b""
        body += piece
    return head + b"\r\n\r\n" + body


def wait_until_gone(connection: socket.socket) -> None:
    connection.settimeout(30)
    while connection.recv(65536):
        pass
