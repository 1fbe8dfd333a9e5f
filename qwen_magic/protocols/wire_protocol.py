"""What a wire protocol is: it encodes a request and decodes the events of its answer. The forms are its siblings."""

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
    """A request as HTTP has it, but for the host and the key.

    Made by a protocol's `encode` from a `ChatRequest`, and by whoever calls another path of an endpoint, such as its
    list of models. Taken by the client, which adds the endpoint's base URL and key when it sends it; shown by a dry
    run. `path` is relative to the base URL. `body` is JSON, if there is one; `options` are further keywords of httpx2's
    `build_request`: `params`, `content`, `files` (of bytes, which can be sent again) with `data`.
    """

    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server departs from the service: where it wants the switch for thinking, and what it does not have.

    `service` is true for DashScope itself and for proxies that pass on to it.
    """

    service: bool
    thinking: Literal["enable_thinking", "chat_template_kwargs", "reasoning_effort"]


SERVICE = Dialect(service=True, thinking="enable_thinking")
# vLLM, SGLang, llama-server and transformers serve pass `chat_template_kwargs` on to the chat template, whose
# switch it is (their docs; transformers serve answers 422 to a top-level `enable_thinking`).
LOCAL = Dialect(service=False, thinking="chat_template_kwargs")
# Ollama's OpenAI compatibility knows `reasoning_effort`, where "none" is off (docs, "OpenAI compatibility").
OLLAMA = Dialect(service=False, thinking="reasoning_effort")


class Decoder(Protocol):
    """Turns the server-sent events of one answer into ours; it is fed in order and used once."""

    @property
    def done(self) -> bool:
        """Whether nothing more is to come, although the connection may stay open."""

    def feed(self, event: str, data: str) -> list[Event]:
        """The meaning of one server-sent event. Raises what the service says went wrong, or `StreamGarbled`."""

    @property
    def finished(self) -> bool:
        """Whether the answer has come to its end, whatever happens to the connection after it."""

    def rest(self) -> list[Event]:
        """What was held back until it is clear what it is; asked for once, at the end."""

    def close(self) -> list[Event]:
        """The answer's `Finish`. Raises `StreamCut` when it has not come."""


class WireProtocol(Protocol):
    """One of the two forms. What a question may carry beside its messages is a field of `ChatRequest`."""

    def encode(self, request: ChatRequest, dialect: Dialect) -> HttpRequest:
        """The request in this protocol, with all of its headers but the key's."""

    def decoder(self, request: ChatRequest, dialect: Dialect) -> Decoder:
        """What decodes the one answer to this request."""
