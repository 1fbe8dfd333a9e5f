"""The parts of a request that are the same in both protocols: messages, tools, response format, document ids.

Not for a message's content, which each protocol encodes itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..core.messages import ChatRequest, Document, Message, Text
from ..core.models import lookup
from .lenient_json import is_json_object

__all__ = ["headers_of", "message_forms", "response_format", "tool_fields"]

# With documents the first system message is the role and later ones are ids (the service's docs, "Qwen-Long"):
# where the request has no system prompt, this one is sent in its place.
ROLE = "You are a helpful assistant."


def headers_of(request: ChatRequest) -> dict[str, str]:
    """The headers of a request that are the same in both protocols, without the key."""
    accept = "text/event-stream" if request.stream else "application/json"
    return {"Accept": accept, "Content-Type": "application/json"}


def message_forms(request: ChatRequest, content: Callable[[Message], Any]) -> list[dict[str, Any]]:
    """The request's messages as JSON values. `content` encodes the parts of one message in the protocol's form."""
    # Whether the reasoning of earlier turns is sent with them.
    with_thinking = request.fields.get("preserve_thinking", lookup(request.model).keeps_thinking)
    return [_form(message, content(message), with_thinking) for message in _spread(request.messages)]


def response_format(request: ChatRequest) -> dict[str, Any]:
    """The field for the form of the answer, the same in both protocols, if there is one.

    The service, vLLM, SGLang, llama-server, LM Studio and Ollama take it (their docs, "Structured output").
    """
    output = request.output
    if output is None:
        return {}
    if output.kind == "json_object":
        return {"response_format": {"type": "json_object"}}
    described = {"name": output.name, "strict": output.strict, "schema": output.schema}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def tool_fields(request: ChatRequest) -> dict[str, Any]:
    """The fields for the functions that the model may call, the same in both protocols, if there are any."""
    if not request.tools:
        return {}
    fields: dict[str, Any] = {
        "tools": [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
    }
    if request.parallel_calls:  # it is false by default (the service's docs, "Function calling")
        fields["parallel_tool_calls"] = True
    if request.tool_choice != "auto":
        fields["tool_choice"] = request.tool_choice
    return fields


def _form(message: Message, content: Any, with_thinking: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": content}
    if message.reasoning and with_thinking:
        fields["reasoning_content"] = message.reasoning
    if message.tool_calls:
        fields["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _sendable(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        fields["tool_call_id"] = message.tool_call_id
    if message.partial:
        fields["partial"] = True
    return fields


def _sendable(arguments: str) -> str:
    """The arguments of an earlier call. Broken JSON in them is answered with HTTP 500 ("Expecting ',' delimiter")."""
    return arguments if is_json_object(arguments) else "{}"


def _spread(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages with their documents in system messages of their own, each document once.

    "Do not mix ids with prose in one message" is the rule for `fileid://` references; several ids may share one,
    and new ones may come later in the conversation.
    """
    if not any(isinstance(part, Document) for message in messages for part in message.parts):
        return tuple(messages)
    spoken = messages if messages[0].role == "system" else (Message.system(ROLE), *messages)
    return tuple(_with_documents_apart(spoken))


def _with_documents_apart(messages: Sequence[Message]) -> Iterator[Message]:
    seen: set[str] = set()
    for message in messages:
        ids = [part.file_id for part in message.parts if isinstance(part, Document) and part.file_id not in seen]
        seen.update(ids)
        if ids:
            yield Message.system(",".join(f"fileid://{file_id}" for file_id in dict.fromkeys(ids)))
        parts = tuple(part for part in message.parts if not isinstance(part, Document))
        yield replace(message, parts=parts or (Text(""),))
