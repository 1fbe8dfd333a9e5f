"""A log of the sandbox's requests, for tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .http_exchange import ReceivedRequest

__all__ = ["Log", "Recorded"]

VISIBLE = 4


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request: `headers` by lower-case name, the key in them cut to its last characters.

    `body` is the parsed JSON, or `None`. `status` is 0 until the response begins; `done` is whether it has ended, `cut`
    whether the client disconnected before. `time` is in seconds since 1970.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    raw: bytes
    time: float
    status: int = 0
    cut: bool = False
    done: bool = False


class Log:
    """The last requests, in order of arrival. Safe to use from several threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.entries: dict[int, Recorded] = {}
        self.changed = threading.Condition()
        self.count = 0

    def add(self, request: ReceivedRequest, time: float) -> int:
        """Adds a request and returns its number."""
        entry = Recorded(request.method, request.path, _redacted(request.headers), _parsed(request), request.raw, time)
        with self.changed:
            self.count += 1
            self.entries[self.count] = entry
            if len(self.entries) > self.size:
                del self.entries[next(iter(self.entries))]
            self.changed.notify_all()
            return self.count

    def update(self, number: int, **facts: Any) -> None:
        with self.changed:
            if number in self.entries:
                self.entries[number] = replace(self.entries[number], **facts)
            self.changed.notify_all()

    def all(self) -> list[Recorded]:
        with self.changed:
            return list(self.entries.values())

    def clear(self) -> None:
        with self.changed:
            self.entries.clear()

    def wait(self, until: Callable[[list[Recorded]], bool], timeout: float) -> list[Recorded]:
        with self.changed:
            if not self.changed.wait_for(lambda: until(list(self.entries.values())), timeout):
                raise TimeoutError(f"the sandbox saw no such requests within {timeout:g} seconds")
            return list(self.entries.values())


def _redacted(headers: Mapping[str, str]) -> Mapping[str, str]:
    key = headers.get("authorization")
    return headers if key is None else {**headers, "authorization": "…" + key[-VISIBLE:]}


def _parsed(request: ReceivedRequest) -> Any:
    if "json" not in request.headers.get("content-type", "json"):
        return None
    try:
        return json.loads(request.raw) if request.raw else None
    except ValueError:
        return None
