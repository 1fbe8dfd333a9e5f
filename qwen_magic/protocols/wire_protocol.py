"""The interface of a wire protocol: encode a request, decode its answer. `compatible` and `dashscope` implement it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..core.events import Event
from ..core.messages import ChatRequest

__all__ = ["LOCAL", "OLLAMA", "SERVICE", "Decoder", "Dialect", "HttpRequest", "ProtocolName", "WireProtocol"]

ProtocolName = Literal["compatible", "dashscope"]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request without its host and key.

    Made by a protocol's `encode` from a `ChatRequest`, and by the client for other paths of an endpoint, such as its
    list of models. The client adds the endpoint's base URL and key when it sends it; a dry run displays it. `path` is
    relative to the base URL. `body` is the JSON body or `None`. `options` are further keywords of httpx2's
    `build_request`: `params`, `content`, `files` (as bytes, which can be sent again) with `data`.
    """

    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dialect:
    """The differences between servers: where a request has the switch for thinking, and what a server lacks.

    `service` is true for DashScope itself and for proxies that pass on to it.
    """

    service: bool
    thinking: Literal["enable_thinking", "chat_template_kwargs", "reasoning_effort"]


SERVICE = Dialect(service=True, thinking="enable_thinking")
# vLLM, SGLang, llama-server and transformers serve pass `chat_template_kwargs` on to the chat template, whose
# switch it is (their docs; transformers serve answers 422 to a top-level `enable_thinking`).
LOCAL = Dialect(service=False, thinking="chat_template_kwargs")
# Ollama's OpenAI compatibility has `reasoning_effort`, where "none" is off (docs, "OpenAI compatibility").
OLLAMA = Dialect(service=False, thinking="reasoning_effort")


class Decoder(Protocol):
    """Turns the server-sent events of one answer into `core.events`. Fed in order; used for one answer only."""

    @property
    def done(self) -> bool:
        """Whether no more events follow, although the connection may stay open."""

    def feed(self, event: str, data: str) -> list[Event]:
        """Decode one server-sent event. Raises the `ServiceError` that it reports, and `StreamGarbled`."""

    @property
    def finished(self) -> bool:
        """Whether the finish reason has arrived: the answer is complete, even if the connection breaks."""

    def rest(self) -> list[Event]:
        """The events that were held back because their meaning was open. Call it once, at the end."""

    def close(self) -> list[Event]:
        """The answer's `Finish`. Raises `StreamCut` without a finish reason."""


class WireProtocol(Protocol):
    """A protocol: `compatible` or `dashscope`. It has no state."""

    def encode(self, request: ChatRequest, dialect: Dialect) -> HttpRequest:
        """`request` as HTTP, for a server with this dialect; without the header of the key."""

    def decoder(self, request: ChatRequest, dialect: Dialect) -> Decoder:
        """A decoder for the answer to `request`, from a server with this dialect."""
