"""The sandbox's HTTP requests and responses, and the steps of a response that is sent slowly.

Values only. `server` does the I/O, `service` decides the responses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .service_errors import Refusal

__all__ = ["Drop", "HttpResponse", "Pause", "ReceivedRequest", "Step", "compact"]

EVENT_STREAM = "text/event-stream;charset=UTF-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection in the middle of the response, as a broken network does."""


Step = bytes | Pause | Drop


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A received request: `headers` by lower-case name, `root` the sandbox's address as the client wrote it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    root: str = ""

    @property
    def key(self) -> str:
        """The API key of the request; "" without one."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def number(self, name: str, usual: int, highest: int = 10**6) -> int:
        """A number of the query, from 1 to `highest`; `usual` without one. Raises `Refusal` for anything else."""
        value = self.query.get(name) or str(usual)
        if not value.isdecimal() or not 1 <= int(value) <= highest:
            raise Refusal("InvalidParameter", f"'{name}' must be between 1 and {highest}")
        return int(value)

    def body(self) -> dict[str, Any]:
        """The JSON object in the body. Raises `Refusal` for anything else."""
        try:
            value = json.loads(self.raw)
        except ValueError:
            raise Refusal("InvalidParameter", "Required body invalid, please check the request body format.") from None
        if not isinstance(value, dict):
            raise Refusal("InvalidParameter", "Required body invalid, please check the request body format.")
        return value


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response: bytes that are sent at once, or steps.

    `silence` is in seconds and comes before the headers; without a `status` there are no headers.
    """

    body: bytes | Iterable[Step]
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    silence: float = 0.0

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
        return cls(compact(value).encode(), status, JSON, headers or {})

    @classmethod
    def stream(cls, steps: Iterable[Step], status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
        return cls(steps, status, EVENT_STREAM, headers or {})


def compact(value: Any) -> str:
    """JSON the way the service writes it: no spaces, no escapes for what is not ASCII."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
