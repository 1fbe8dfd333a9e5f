"""Finds local servers with models, on the ports of their documentation.

Connects to loopback only, sends no key, and takes at most `BLINK` seconds.
"""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..core.errors import QwenError
from ..core.threads import start_thread
from ..service.connection import Connection
from ..service.endpoints import LOCAL_SERVERS, Endpoint, endpoint
from ..service.timeouts import Timeouts
from ..service.transport import Transport

__all__ = ["FoundServer", "discover", "nearest"]

# Seconds for all servers together: short enough not to be noticed.
BLINK = 0.3
# A list of models is far smaller; a web server that happens to have the port may send anything.
LARGEST_LISTING = 1 << 20


@dataclass(frozen=True, slots=True)
class FoundServer:
    """A server that answered, and the names of its models."""

    endpoint: Endpoint
    models: tuple[str, ...]

    @property
    def has_qwen(self) -> bool:
        return any("qwen" in model.lower() for model in self.models)


def nearest(servers: Iterable[Endpoint] | None = None) -> str | None:
    """The name of a local server that answers, one with a Qwen before others; `None` when there is none."""
    found = discover(servers)
    return max(found, key=lambda server: server.has_qwen).endpoint.name if found else None


def discover(servers: Iterable[Endpoint] | None = None, timeout: float = BLINK) -> tuple[FoundServer, ...]:
    """The local servers that answer within `timeout` seconds in all and have a model, in the order of the table."""
    asked = list(map(endpoint, LOCAL_SERVERS) if servers is None else servers)
    searches = [_Search(server, timeout) for server in asked]
    deadline = time.monotonic() + timeout
    answers = [search.result(deadline) for search in searches]
    return tuple(FoundServer(server, models) for server, models in zip(asked, answers, strict=True) if models)


class _Search:
    """The request for one server's models, in a separate thread."""

    def __init__(self, server: Endpoint, timeout: float) -> None:
        self._answer: queue.SimpleQueue[tuple[str, ...]] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._transport = Transport(Timeouts(connect=timeout, idle=timeout))
        start_thread("qwen-discovery", self._run, server.url("models"))

    def result(self, deadline: float) -> tuple[str, ...]:
        """The server's models; none if it does not run, is no OpenAI-compatible server, or is too slow."""
        try:
            return self._answer.get(timeout=max(0.001, deadline - time.monotonic()))
        except queue.Empty:
            if self._connection is not None:
                self._connection.abort()
            return ()

    def _run(self, url: str) -> None:
        models: tuple[str, ...] = ()
        with suppress(QwenError), self._transport.connection(url) as connection:
            self._connection = connection
            with connection.send("GET", url) as response:
                models = _listed(response.read(LARGEST_LISTING)) if response.status == 200 else ()
        self._answer.put(models)
        self._transport.close()


def _listed(content: bytes) -> tuple[str, ...]:
    """The names in a list of models; none when it is something else."""
    with suppress(ValueError):
        listing: Any = json.loads(content)
        rows = listing.get("data") if isinstance(listing, dict) else None
        if isinstance(rows, list):
            return tuple(str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id"))
    return ()
