"""A question in the sandbox, the same for both protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..core.models import ModelFacts

__all__ = ["Chat", "ChatMessage", "Part", "Seen"]

_Protocol = Literal["compatible", "native"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message: its kind (text, image, video, audio, file) and its words or its address."""

    kind: str
    value: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: str
    parts: tuple[Part, ...]
    partial: bool = False
    calls: tuple[str, ...] = ()
    answers: str = ""
    reasoning: str = ""

    @property
    def text(self) -> str:
        return "\n".join(part.value for part in self.parts if part.kind == "text")

    @property
    def names_files(self) -> bool:
        """Whether this is one of qwen-long's messages that name uploaded files."""
        return self.role == "system" and "fileid://" in self.text


@dataclass(frozen=True, slots=True)
class Seen:
    """An attachment as the sandbox received it: `size` in bytes, `note` a short remark."""

    kind: str
    name: str = ""
    size: int | None = None
    sha256: str = ""
    note: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Chat:
    """One question: `options` are the body's other fields (native: its `parameters`)."""

    protocol: _Protocol
    model: ModelFacts
    name: str
    messages: tuple[ChatMessage, ...]
    options: Mapping[str, Any]
    stream: bool
    multimodal: bool = False
    resolves_oss: bool = False
    seen: tuple[Seen, ...] = field(default=())

    @property
    def users(self) -> tuple[ChatMessage, ...]:
        return tuple(message for message in self.messages if message.role == "user")

    @property
    def question(self) -> str:
        return self.users[-1].text if self.users else ""

    @property
    def partial(self) -> bool:
        return bool(self.messages) and self.messages[-1].partial

    @property
    def thinks(self) -> bool:
        if self.model.thinking == "always":
            return True
        if self.model.thinking not in ("on", "off") or self.option("reasoning_effort") == "none":
            return False
        wish = self.option("enable_thinking")
        return wish if isinstance(wish, bool) else self.model.thinking == "on"

    @property
    def choices(self) -> int:
        """How many answers are wanted (`n`)."""
        return int(self.option("n", 1))

    def option(self, name: str, default: Any = None) -> Any:
        """A field of the body; `null` is as good as nothing."""
        value = self.options.get(name)
        return default if value is None else value
