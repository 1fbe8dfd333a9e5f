"""The OpenAI-compatible protocol, from the service's side: reads `chat/completions`, writes its frames."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from .chat_request import Chat, Part
from .http_exchange import ReceivedRequest, compact
from .message_reader import read_message
from .responder import SandboxAnswer
from .served_models import find
from .service_errors import Refusal, wrong
from .streaming import Piece
from .token_counts import Counts

__all__ = ["CompatibleForm", "error_event", "read_chat"]

EVENT = "data: {}\n\n"
DONE = b"data: [DONE]\n\n"


def read_chat(request: ReceivedRequest, body: Mapping[str, Any]) -> Chat:
    """The question in a body of `chat/completions`; raises the service's refusal of what it cannot read."""
    model = find(body.get("model"))
    messages = body.get("messages")
    if not isinstance(messages, list):
        raise wrong("Missing required parameter: messages")
    options = {name: value for name, value in body.items() if name not in ("model", "messages")}
    return Chat(
        protocol="compatible",
        model=model,
        name=body["model"],
        messages=tuple(read_message(message, _read_content) for message in messages),
        options=options,
        stream=body.get("stream") is True,
        resolves_oss=request.headers.get("x-dashscope-ossresourceresolve") == "enable",
    )


def _read_content(content: Any) -> Iterable[Part]:
    if content is None:
        return ()
    if isinstance(content, str):
        return (Part("text", content),)
    if not isinstance(content, list):
        raise wrong("Invalid type for 'messages.content': expected a string or a list")
    return tuple(map(_read_part, content))


def _read_part(part: Any) -> Part:
    """One item of a content; an item of an unknown type is refused, a known one has to have its value."""
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in PARTS:
        raise wrong("Unexpected item type in content.")
    found = PARTS[kind](part)
    if not isinstance(found.value, str):
        raise wrong(f"Invalid value of an item of type '{kind}' in content.")
    return found


def _inner(part: Mapping[str, Any], *names: str) -> Any:
    value = part.get(names[0])
    return value if len(names) == 1 or not isinstance(value, dict) else _inner(value, *names[1:])


def _read_file(part: Mapping[str, Any]) -> Part:
    file = part.get("file")
    file = file if isinstance(file, dict) else {}
    return Part("file", file.get("file_url") or file.get("file_data") or "", str(file.get("filename") or ""))


PARTS = {
    "text": lambda part: Part("text", part.get("text")),
    "image_url": lambda part: Part("image", _inner(part, "image_url", "url")),
    "video_url": lambda part: Part("video", _inner(part, "video_url", "url")),
    "video": lambda part: Part("video", compact(part.get("video"))),
    "input_audio": lambda part: Part("audio", _inner(part, "input_audio", "data")),
    "file": _read_file,
}


class CompatibleForm:
    """The frames of one answer. It remembers what was said for the few models that repeat it in every frame."""

    def __init__(self, chat: Chat, reply: SandboxAnswer, request_id: str, *, counted: bool) -> None:
        self.chat, self.reply, self.counted = chat, reply, counted
        self.facts = {
            "created": int(time.time()),
            "system_fingerprint": None,
            "model": chat.name,
            "id": f"chatcmpl-{request_id}",
        }
        self.request_id = request_id
        self.said = ""

    def opening(self) -> Iterable[bytes]:
        thinking = {"content": None, "role": "assistant", "reasoning_content": ""}
        yield self.chunks(thinking if self.reply.reasoning else {"content": "", "role": "assistant"})

    def frame(self, piece: Piece) -> bytes:
        if piece.kind == "reasoning":
            return self.chunks({"content": None, "reasoning_content": piece.text})
        if piece.kind == "tool":
            # Later pieces have an empty id and name (Wei-Shaw/sub2api#6080).
            function = {"name": piece.name, "arguments": piece.text}
            index = {} if piece.index is None else {"index": piece.index}
            call = {**index, "id": piece.id, "type": "function", "function": function}
            return self.chunks({"content": None, "tool_calls": [call]})
        self.said = piece.text if self.chat.model.incremental else self.said + piece.text
        return self.chunks({"content": self.said} | self.no_reasoning())

    def closing(self, *, done: bool) -> Iterable[bytes]:
        last = "" if self.chat.model.incremental else self.said
        yield self.chunks({"content": last} | self.no_reasoning(), self.reply.finish)
        if self.counted and self.chat.option("stream_options", {}).get("include_usage") is True:
            yield self.event({"choices": [], "usage": _usage(self.reply.counts)})
        if done:
            yield DONE

    def failure(self, refusal: Refusal) -> bytes:
        return error_event(refusal, self.request_id)

    def whole(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.reply.text}
        if self.reply.reasoning:
            message["reasoning_content"] = self.reply.reasoning
        if self.reply.calls:
            message["tool_calls"] = [
                {
                    "index": n,
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for n, call in enumerate(self.reply.calls)
            ]
        choices = [
            {"finish_reason": self.reply.finish, "index": index, "message": message, "logprobs": None}
            for index in range(self.chat.choices)
        ]
        counts = {"usage": _usage(self.reply.counts)} if self.counted else {}
        return {"choices": choices, "object": "chat.completion", **counts, **self.facts}

    def no_reasoning(self) -> dict[str, None]:
        return {"reasoning_content": None} if self.reply.reasoning else {}

    def chunks(self, delta: Mapping[str, Any], finish: str | None = None) -> bytes:
        """A chunk for each choice (`n`); their texts grow side by side."""
        choices = (
            {"delta": delta, "index": index, "logprobs": None, "finish_reason": finish}
            for index in range(self.chat.choices)
        )
        return b"".join(self.event({"choices": [choice], "usage": None}) for choice in choices)

    def event(self, own: Mapping[str, Any]) -> bytes:
        frame = {"choices": own["choices"], "object": "chat.completion.chunk", "usage": own["usage"], **self.facts}
        return EVENT.format(compact(frame)).encode()


def error_event(refusal: Refusal, request_id: str) -> bytes:
    """How a stream says no."""
    return EVENT.format(compact(refusal.compatible(request_id))).encode()


def _usage(counts: Counts) -> dict[str, Any]:
    details: dict[str, Any] = {"cached_tokens": 0}
    if counts.image:
        details |= {"image_tokens": counts.image, "text_tokens": counts.input - counts.image}
    reasoning = {"completion_tokens_details": {"reasoning_tokens": counts.reasoning}} if counts.reasoning else {}
    return {
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.total,
        "prompt_tokens_details": details,
        **reasoning,
    }
