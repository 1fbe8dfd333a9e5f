"""Bytes of answers in the forms that servers really send, and the way from bytes to events. For tests only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from qwen_magic.core.events import Event, ReasoningDelta, TextDelta
from qwen_magic.core.messages import ChatRequest, Message
from qwen_magic.protocols import LOCAL, SERVICE, Dialect, protocol
from qwen_magic.protocols.answer_reader import AnswerReader
from qwen_magic.protocols.event_reader import EventReader
from qwen_magic.protocols.wire_protocol import ProtocolName
from qwen_magic.service.credentials import Credentials
from qwen_magic.service.endpoints import Endpoint


def question(model: str = "qwen-plus", **changes: Any) -> ChatRequest:
    return ChatRequest(model, (Message.user("Hello?"),), **changes)


def sse(*frames: object, done: bool = True) -> bytes:
    """Frames of the compatible form, as the service writes them."""
    lines = [f"data: {json.dumps(frame, ensure_ascii=False)}\n\n" for frame in frames]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def chunk(finish: str | None = None, **delta: object) -> dict[str, Any]:
    """One frame of the compatible form."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "qwen-plus", "object": "chat.completion.chunk", "choices": [choice]}


def native(*frames: object, events: Iterable[str] = ()) -> bytes:
    """Frames of the native form, as the service writes them: no space behind the colons, no `[DONE]`."""
    names = [*events, *["result"] * len(frames)]
    return "".join(
        f"id:{number}\nevent:{name}\n:HTTP_STATUS/200\ndata:{json.dumps(frame, ensure_ascii=False)}\n\n"
        for number, (name, frame) in enumerate(zip(names, frames, strict=False), 1)
    ).encode()


def result(content: object, finish: str = "null", **message: object) -> dict[str, Any]:
    """One frame of the native form."""
    choice = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    return {"output": {"choices": [choice]}, "usage": usage, "request_id": "r-1"}


def frames(chunks: Iterable[bytes]) -> list[tuple[str, str]]:
    """The server-sent events in a body that arrives in these chunks."""
    reader = EventReader()
    found = [event for chunk in chunks for event in reader.feed(chunk)]
    return [*found, *reader.end()]


def decode(
    body: bytes,
    name: ProtocolName = "compatible",
    request: ChatRequest | None = None,
    dialect: Dialect | None = None,
) -> list[Event]:
    """The events of a whole answer. Raises what a person would be told."""
    form = protocol(name)
    decoder = form.decoder(request or question(), dialect or (SERVICE if name == "dashscope" else LOCAL))
    answer = AnswerReader(decoder, EventReader())
    return [event for batch in (*answer.feed(body), *answer.end()) for event in batch]


def keyed(endpoint: Endpoint, credentials: Credentials) -> Endpoint:
    """The endpoint with its key, as `Provider.resolve` gives it."""
    return replace(endpoint, key=credentials.look_up(endpoint.account))


def text(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def reasoning(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, ReasoningDelta))
