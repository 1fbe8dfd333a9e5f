"""The connections of one shell, each kept for the next request to the same origin.

All sync requests to a model use it. The relay and the download of attachments have their own httpx2 clients, with
other rules. Not for a single connection: that is `connection`.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from ..core.forks import renewed_in_children
from .certificates import trusted
from .connection import Connection
from .timeouts import Timeouts

__all__ = ["Transport"]


class Transport:
    """The connections of one shell, by origin. `timeouts` apply to the following requests."""

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
        """In a forked child: drop all connections. On a shared socket, both processes would read each other's answers.

        This closes the child's copies of the sockets only; the parent's stay open.
        """
        self._lock = threading.Lock()
        self.close()

    def close(self) -> None:
        """Close all connections; those in use are closed when their request ends."""
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
