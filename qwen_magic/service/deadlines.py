"""Shuts a request's socket down: when the user stops it, or at a deadline.

httpx2's time-outs limit one read of the socket. A server that sends single bytes without progress (headers, 1xx
responses, chunk extensions, a comment in gzip) never exceeds them.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx2

__all__ = ["SocketLine", "Watch"]


class SocketLine:
    """The socket of a request, which any thread can shut down."""

    def __init__(self) -> None:
        self.aborted = False
        self.expired = False
        self._network: Any = None

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """httpcore2's hook: remembers the newest network stream, which the request uses."""
        if name.endswith((".connect_tcp.complete", ".start_tls.complete", ".connect_unix_socket.complete")):
            self._network = info["return_value"]
        if self.aborted and name.endswith(".started"):
            raise httpx2.ReadError("broken off")

    def abort(self) -> None:
        """Shut the socket down: a read or write that waits for it ends, with an error or as at the end."""
        self.aborted = True
        network = self._network
        raw = network.get_extra_info("socket") if network is not None else None
        if raw is not None:
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[Watch]:
        """Shut the socket down if the block takes longer than `seconds`."""
        watch = Watch(seconds, self._expire)
        watch.renew()
        try:
            yield watch
        finally:
            watch.stop()

    def _expire(self) -> None:
        self.expired = True
        self.abort()


class Watch:
    """A deadline: calls `expire`, from a separate thread, `seconds` after the last `renew`."""

    def __init__(self, seconds: float, expire: Callable[[], None]) -> None:
        self._seconds = min(seconds, threading.TIMEOUT_MAX)
        self._expire = expire
        self._due = 0.0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def renew(self) -> None:
        """Start the time, or start it again."""
        self._due = time.monotonic() + self._seconds
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="qwen-watch", daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Stop the time until the next `renew`: nothing is expected from the server."""
        self._due = math.inf

    def stop(self) -> None:
        """End the deadline; no effect after it has expired."""
        self._stopped.set()

    def _run(self) -> None:
        while (left := self._due - time.monotonic()) > 0:
            if self._stopped.wait(min(left, self._seconds)):  # what is renewed meanwhile is not due before that
                return
        self._expire()
