"""Messages, their parts, and the request that contains them.

Values only. `qwen_magic.protocols` encodes them; `qwen_magic.attachments` makes parts from files and variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = [
    "ChatRequest",
    "Document",
    "Image",
    "Message",
    "OutputFormat",
    "Part",
    "Role",
    "Text",
    "ToolCall",
    "ToolFunction",
]

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture, by the URL that the service reads it from: `data:image/…;base64,…`, `https://…` or `oss://…`.

    `name` and `sha256` (of the bytes that are sent, in hex) are for display and files; they are not sent.
    """

    url: str = field(repr=False)
    name: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """An uploaded file, by its id in the Files API (`file-fe-…`).

    `name` and `sha256` (of the uploaded bytes, in hex) are for display and files; they are not sent.
    """

    file_id: str
    name: str = ""
    sha256: str = ""


Part = Text | Image | Document


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a function that the model requests; `arguments` is the JSON text that it wrote."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolFunction:
    """The description of a function that the model may call; `parameters` is the JSON schema of its arguments."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    `reasoning` is the thinking that led to an assistant's message. `partial` marks an assistant's message that
    the model is to go on with (the service's "partial mode"). `tool_call_id` is the id of the call that a tool's
    message answers.
    """

    role: Role
    parts: tuple[Part, ...]
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    partial: bool = False
    tool_call_id: str = ""

    @classmethod
    def system(cls, text: str) -> Message:
        """A system prompt."""
        return cls("system", (Text(text),))

    @classmethod
    def user(cls, text: str, *attachments: Part) -> Message:
        """A question, its attachments before its words."""
        return cls("user", (*attachments, Text(text)))

    @classmethod
    def assistant(cls, text: str, reasoning: str = "") -> Message:
        """An answer, with the thinking that led to it."""
        return cls("assistant", (Text(text),), reasoning)

    @property
    def text(self) -> str:
        """The message's words, without its images and documents."""
        return "\n\n".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def images(self) -> tuple[Image, ...]:
        """The message's pictures, in order."""
        return tuple(part for part in self.parts if isinstance(part, Image))


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """The form that the answer is to have: `json_object` for any object, `json_schema` for one of this `schema`.

    `strict` asks the service to hold the model to the schema, which takes only some schemas.
    """

    kind: Literal["json_object", "json_schema"]
    name: str = "data"
    schema: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything that one question sends, before a protocol gives it a form.

    Made by `qwen_magic.assistant.request_builder` (and by whoever asks without a conversation), taken by the client,
    which lets a protocol encode it.

    `think` and `search` switch the model's thinking and the service's web search on or off; `None` leaves the
    model's own default. `output` is the form of the answer, where the server is to hold the model to one. `tools` are
    the functions that the model may call, several at once with `parallel_calls`, and none any more with
    `tool_choice="none"`. `fields` go into the request's body as they are, and win over everything else.
    """

    model: str
    messages: tuple[Message, ...]
    think: bool | None = None
    search: bool | None = None
    output: OutputFormat | None = None
    tools: tuple[ToolFunction, ...] = ()
    parallel_calls: bool = False
    tool_choice: Literal["auto", "none"] = "auto"
    fields: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = True

    @property
    def images(self) -> tuple[Image, ...]:
        """The pictures of all messages, in order."""
        return tuple(image for message in self.messages for image in message.images)
