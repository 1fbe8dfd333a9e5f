"""The DashScope protocol, from the service's side: reads `…-generation/generation`, writes its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import token_counts as tokens
from .chat_request import Chat, ChatMessage, Part
from .http_exchange import ReceivedRequest, compact
from .message_reader import read_message
from .responder import SandboxAnswer, SandboxToolCall
from .served_models import find
from .service_errors import Refusal, wrong
from .streaming import Piece

__all__ = ["NativeForm", "error_event", "read_chat", "wants_stream"]

EVENT = "id:{}\nevent:{}\n:HTTP_STATUS/{}\ndata:{}\n\n"
MEDIA = ("image", "video", "audio")


def wants_stream(request: ReceivedRequest) -> bool:
    """Either header asks for a stream (the SDK sends the first, a capture of the service has only the second)."""
    switch = request.headers.get("x-dashscope-sse", "").lower()
    return switch == "enable" if switch else "text/event-stream" in request.headers.get("accept", "")


def read_chat(request: ReceivedRequest, body: Mapping[str, Any], *, multimodal: bool) -> Chat:
    """The question in a body of the native protocol; raises the service's refusal of what it cannot read."""
    model = find(body.get("model"))
    if model.multimodal != multimodal:
        raise Refusal("InvalidParameter", "url error, please check url！")
    given, parameters = body.get("input"), body.get("parameters") or {}
    if not isinstance(given, dict) or not isinstance(parameters, dict):
        raise Refusal("InvalidParameter", "Required body invalid, please check the request body format.")
    return Chat(
        protocol="native",
        model=model,
        name=body["model"],
        messages=_read_messages(given),
        options=parameters,
        stream=wants_stream(request),
        multimodal=multimodal,
        resolves_oss=request.headers.get("x-dashscope-ossresourceresolve") == "enable",
    )


def _read_messages(given: Mapping[str, Any]) -> tuple[ChatMessage, ...]:
    messages, prompt = given.get("messages"), given.get("prompt")
    if messages is None and isinstance(prompt, str):
        return (ChatMessage("user", (Part("text", prompt),)),)
    if not isinstance(messages, list):
        raise wrong('Either "prompt" or "messages" must exist and cannot both be none')
    return tuple(read_message(message, _read_content) for message in messages)


def _read_content(content: Any) -> Iterable[Part]:
    if content is None:
        return
    items = [{"text": content}] if isinstance(content, str) else content
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise wrong("Input should be a valid string or a list of items: input.messages.content")
    for item in items:
        kind = next((kind for kind in ("text", *MEDIA) if kind in item), None)
        if kind is None:
            raise wrong("Unexpected item type in content.")
        value = item[kind]
        yield Part(kind, value if isinstance(value, str) else compact(value))


class NativeForm:
    """The events of one answer. It counts them, and the tokens so far, because every event tells them."""

    def __init__(self, chat: Chat, reply: SandboxAnswer, request_id: str, *, counted: bool) -> None:
        self.chat, self.reply, self.request_id, self.counted = chat, reply, request_id, counted
        self.cumulative = not (chat.option("incremental_output", chat.thinks) and chat.model.incremental)
        self.as_text = chat.option("result_format", "text" if self.plain else "message") == "text" and self.plain
        self.events = 0
        self.reasoned = self.answered = 0
        self.said = {"reasoning": "", "text": ""}
        self.calls: dict[int, SandboxToolCall] = {}

    @property
    def plain(self) -> bool:
        """Whether the answer may come as bare text: not from multimodal models, not with thinking or tools."""
        return not (self.chat.multimodal or self.reply.reasoning or self.reply.calls)

    def opening(self) -> Iterable[bytes]:
        return ()

    def frame(self, piece: Piece) -> bytes:
        # Pieces round up: so far, and never more than there are in the end.
        counts, more = self.reply.counts, tokens.of_text(piece.text)
        if piece.kind == "reasoning":
            self.reasoned = min(self.reasoned + more, counts.reasoning)
        else:
            self.answered = min(self.answered + more, counts.answer)
        if piece.kind == "tool":
            return self.event(self.message(calls=[self.call(piece)]), "null")
        self.said[piece.kind] = self.said[piece.kind] + piece.text if self.cumulative else piece.text
        other = {"reasoning": "text", "text": "reasoning"}[piece.kind]
        if not self.cumulative:
            self.said[other] = ""
        return self.event(self.message(**self.spoken()), "null")

    def closing(self, *, done: bool) -> Iterable[bytes]:
        self.reasoned, self.answered = self.reply.counts.reasoning, self.reply.counts.answer
        calls = [_shape(index, call) for index, call in self.calls.items()] if self.cumulative else []
        spoken = self.spoken() if self.cumulative else {}
        yield self.event(self.message(**spoken, calls=calls), self.reply.finish)

    def failure(self, refusal: Refusal) -> bytes:
        return error_event(refusal, self.request_id, self.events + 1)

    def whole(self) -> dict[str, Any]:
        self.reasoned, self.answered = self.reply.counts.reasoning, self.reply.counts.answer
        calls = [_shape(index, call) for index, call in enumerate(self.reply.calls)]
        return self.body(self.message(self.reply.text, self.reply.reasoning, calls), self.reply.finish)

    def spoken(self) -> dict[str, Any]:
        return {"text": self.said["text"], "reasoning": self.said["reasoning"]}

    def call(self, piece: Piece) -> dict[str, Any]:
        """A tool call's next piece; all of it so far when the stream is cumulative."""
        before = self.calls.get(piece.number, SandboxToolCall(piece.id, piece.name, ""))
        self.calls[piece.number] = SandboxToolCall(before.id, before.name, before.arguments + piece.text)
        return _shape(
            piece.index,
            self.calls[piece.number] if self.cumulative else SandboxToolCall(piece.id, piece.name, piece.text),
        )

    def message(self, text: str = "", reasoning: str = "", calls: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
        if self.as_text:
            return {"text": text}
        content: Any = text
        if self.chat.multimodal:
            content = [{"text": text}] if text else []
        thought = {"reasoning_content": reasoning} if self.reply.reasoning else {}
        called = {"tool_calls": list(calls)} if calls else {}
        return {"content": content, **thought, "role": "assistant", **called}

    def event(self, message: Mapping[str, Any], finish: str) -> bytes:
        self.events += 1
        return EVENT.format(self.events, "result", 200, compact(self.body(message, finish))).encode()

    def body(self, message: Mapping[str, Any], finish: str) -> dict[str, Any]:
        choices = [{"message": message, "index": index, "finish_reason": finish} for index in range(self.chat.choices)]
        output: dict[str, Any] = {**message, "finish_reason": finish} if self.as_text else {"choices": choices}
        if self.reply.pages:
            output["search_info"] = {"search_results": list(self.reply.pages)}
        counts = {"usage": self.usage()} if self.counted else {}
        return {"output": output, **counts, "request_id": self.request_id}

    def usage(self) -> dict[str, Any]:
        counts = self.reply.counts
        output = self.reasoned + self.answered
        usage: dict[str, Any] = {"total_tokens": counts.input + output, "output_tokens": output}
        usage |= {"input_tokens": counts.input, "prompt_tokens_details": {"cached_tokens": 0}}
        if counts.image:
            details = {"image_tokens": counts.image, "text_tokens": counts.input - counts.image}
            usage |= {"image_tokens": counts.image, "input_tokens_details": details}
        if self.reply.reasoning:
            usage["output_tokens_details"] = {"reasoning_tokens": self.reasoned}
        if self.reply.pages:
            usage["plugins"] = {"search": {"count": 1, "strategy": "turbo"}}
        return usage


def _shape(index: int | None, call: SandboxToolCall) -> dict[str, Any]:
    function = {"arguments": call.arguments} | ({"name": call.name} if call.name else {})
    return {"function": function, **({} if index is None else {"index": index}), "id": call.id, "type": "function"}


def error_event(refusal: Refusal, request_id: str, number: int = 1) -> bytes:
    """How a stream says no."""
    return EVENT.format(number, "error", refusal.status, compact(refusal.native(request_id))).encode()
