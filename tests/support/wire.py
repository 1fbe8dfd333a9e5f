"""Bytes of answers in the forms that servers really send, and the way from bytes to events. For tests only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import httpx2

from qwen_magic.core.events import Event, ReasoningDelta, TextDelta
from qwen_magic.core.messages import ChatRequest, Message
from qwen_magic.protocols import LOCAL, SERVICE, Dialect, protocol
from qwen_magic.service.deadlines import SocketLine, Watch
from qwen_magic.service.transport import Response, Timeouts, Words


def question(model: str = "qwen-plus", **changes) -> ChatRequest:
    return ChatRequest(model, (Message.user("Hello?"),), **changes)


def sse(*frames: object, done: bool = True) -> bytes:
    """Frames of the compatible form, as the service writes them."""
    lines = [f"data: {json.dumps(frame, ensure_ascii=False)}\n\n" for frame in frames]
    return "".join([*lines, "data: [DONE]\n\n" if done else ""]).encode()


def chunk(finish: str | None = None, **delta: object) -> dict:
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


def result(content: object, finish: str = "null", **message: object) -> dict:
    """One frame of the native form."""
    choice = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    return {"output": {"choices": [choice]}, "usage": usage, "request_id": "r-1"}


def frames(chunks: Iterable[bytes]) -> list[tuple[str, str]]:
    """The server-sent events in a response that arrives in these chunks."""
    return list(response(chunks).events())


def response(chunks: Iterable[bytes]) -> Response:
    request = httpx2.Request("POST", "http://host/v1")
    words = Words(request.url, Timeouts(), SocketLine())
    return Response(httpx2.Response(200, stream=Chunks(chunks), request=request), words, NoWatch(1, SocketLine().abort))


class NoWatch(Watch):
    """There is no socket to watch."""

    def renew(self) -> None:
        """Begins nothing."""


class Chunks(httpx2.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)


def decode(
    body: bytes,
    name: str = "compatible",
    request: ChatRequest | None = None,
    dialect: Dialect | None = None,
) -> list[Event]:
    """The events of a whole answer. Raises what a person would be told."""
    form = protocol(name)
    decoder = form.decoder(request or question(), dialect or (SERVICE if name == "dashscope" else LOCAL))
    events = [event for kind, data in frames([body]) for event in decoder.feed(kind, data)]
    return [*events, *decoder.rest(), *decoder.close()]


def text(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def reasoning(events: Iterable[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, ReasoningDelta))
