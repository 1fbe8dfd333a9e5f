"""The relay's way out: one request to the service, with the server's key and none of the caller's credentials."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import httpx2

from .._version import __version__
from ..service.certificates import trusted
from ..service.connection import DIRECT, KEEP_ALIVE, no_cookies
from ..service.content_coding import packed_once
from ..service.credentials import Secret
from .streaming_response import without_key

__all__ = ["TOLD", "Kind", "Upstream", "for_the_caller", "kind_of"]

# A stream of server-sent events, one JSON value, or anything else.
Kind = Literal["stream", "json", "file"]
_KINDS: tuple[tuple[str, Kind], ...] = (("text/event-stream", "stream"), ("application/json", "json"))

# What a caller may say to the service; everything else is between the caller and Jupyter.
TOLD = (
    "accept",
    "content-type",
    "content-length",
    "x-dashscope-sse",
    "x-dashscope-async",
    "x-dashscope-datainspection",
    "x-dashscope-ossresourceresolve",
)
# What a caller may hear. Nothing of the connection (RFC 9110, 7.6.1), no cookies, no place to go instead.
HEARD = (
    "content-type",
    "content-disposition",
    "content-length",
    "retry-after",
    "x-request-id",
    "req-arrive-time",
    "req-cost-time",
    "resp-start-time",
)
HEARD_PREFIX = "x-dashscope-"
# What no header may hold (RFC 9110, 5.5); httpx2 lets some of it in, and tornado none of it out.
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class Upstream:
    """The connections to the service. `connect` and `idle` are in seconds, or `None` for no limit."""

    def __init__(self, root: str, connect: float | None, idle: float | None) -> None:
        self._root = root
        self._closing: set[asyncio.Future[None]] = set()
        self._http = httpx2.AsyncClient(
            verify=trusted() if root.startswith("https") else True,
            timeout=httpx2.Timeout(idle, connect=connect),
            limits=httpx2.Limits(max_connections=None, keepalive_expiry=KEEP_ALIVE),
            mounts=DIRECT,
            cookies=no_cookies(),  # one user's would go out with the requests of the others
        )

    @asynccontextmanager
    async def send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        key: Secret,
        body: AsyncIterator[bytes] | None,
    ) -> AsyncIterator[httpx2.Response]:
        """Send a request on, and yield the response as soon as its headers are there. Raises httpx2's errors."""
        told = {name: headers[name] for name in TOLD if name in headers}
        own = {
            "authorization": f"Bearer {key.reveal()}",
            "accept-encoding": "identity",  # a compressor on the way would collect what should stream
            "user-agent": f"qwen_magic/{__version__} (relay)",
        }
        request = self._http.build_request(
            method, f"{self._root}/{path}", params=list(query) or None, headers=told | own, content=body
        )
        response = await self._http.send(request, stream=True)
        try:
            packed_once(response)
            yield response
        finally:
            # In a task of its own: a caller that goes away just now cancels this one, and half a close is none.
            closing = asyncio.ensure_future(response.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)

    async def close(self) -> None:
        await self._http.aclose()


def for_the_caller(headers: httpx2.Headers, key: Secret) -> dict[str, str]:
    """The headers of an answer that are passed on. Its length counts for what is passed on as it came, to its end."""
    heard = {name: without_key(value, key) for name, value in headers.items() if _is_heard(name, key)}
    heard = {name: CONTROL.sub(b"?", value.encode(headers.encoding)).decode("latin-1") for name, value in heard.items()}
    if "content-encoding" in headers or kind_of(headers) != "file":
        heard.pop("content-length", None)
    return heard


def _is_heard(name: str, key: Secret) -> bool:
    return name in HEARD or (name.startswith(HEARD_PREFIX) and without_key(name, key) == name)


def kind_of(headers: httpx2.Headers) -> Kind:
    """What the body of an answer is, by its type."""
    content_type = headers.get("content-type", "").lower()
    return next((kind for prefix, kind in _KINDS if content_type.startswith(prefix)), "file")
