"""What a wire protocol is: it encodes a request and decodes the events of its answer. The forms are its siblings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..core.events import Event
from ..core.messages import ChatRequest

__all__ = ["LOCAL", "OLLAMA", "SERVICE", "Decoder", "Dialect", "Encoded", "ProtocolName", "WireProtocol"]

ProtocolName = Literal["compatible", "dashscope"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A request in the form of its protocol: `path` is relative to the endpoint's base URL, `body` is its JSON."""

    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


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
    """One of the two forms."""

    def encode(self, request: ChatRequest, dialect: Dialect) -> Encoded: ...

    def decoder(self, request: ChatRequest, dialect: Dialect) -> Decoder: ...
