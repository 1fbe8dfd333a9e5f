"""Breaking a request off at its socket: when a person says so, or when it takes too long.

httpx2's time-outs are for one read of the socket. Bytes that come one by one and bring nothing on (headers, 1xx
answers, extensions of chunks, a comment of gzip's) never reach them.
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
    """The socket that a request speaks through, which any thread can shut down."""

    def __init__(self) -> None:
        self.aborted = False
        self.expired = False
        self._network: Any = None

    def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """httpcore2's hook: the newest network stream is the one that is spoken through."""
        if name.endswith((".connect_tcp.complete", ".start_tls.complete", ".connect_unix_socket.complete")):
            self._network = info["return_value"]
        if self.aborted and name.endswith(".started"):
            raise httpx2.ReadError("broken off")

    def abort(self) -> None:
        """Break off: whatever waits on this line wakes up with an error, or as at an end."""
        self.aborted = True
        network = self._network
        raw = network.get_extra_info("socket") if network is not None else None
        if raw is not None:
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[Watch]:
        """Break off if the block takes longer than this."""
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
    """Calls `expire`, from a thread of its own, when `renew` was called and then nothing for so many seconds."""

    def __init__(self, seconds: float, expire: Callable[[], None]) -> None:
        self._seconds = min(seconds, threading.TIMEOUT_MAX)
        self._expire = expire
        self._due = 0.0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def renew(self) -> None:
        """The time begins, or begins anew."""
        self._due = time.monotonic() + self._seconds
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="qwen-watch", daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """The time stands still until it is renewed: nobody waits for the other side."""
        self._due = math.inf

    def stop(self) -> None:
        """The time is over; does nothing after it has expired."""
        self._stopped.set()

    def _run(self) -> None:
        while (left := self._due - time.monotonic()) > 0:
            if self._stopped.wait(min(left, self._seconds)):  # what is renewed meanwhile is not due before that
                return
        self._expire()
