"""The OpenAI-compatible protocol: encodes `chat/completions`, decodes `chat.completion.chunk` frames.

DashScope implements it under `/compatible-mode/v1`; so do local servers and most proxies. Where they differ (name of
the reasoning field, place of the usage, null or empty choices, a missing `[DONE]`) the decoder accepts every variant.
"""

from __future__ import annotations

from typing import Any

from ..core.events import Event, Note, Started, Usage
from ..core.messages import ChatRequest, Image, Message, Part, Text
from ..core.translatable import _
from .decoder import FrameDecoder
from .encoding import headers_of, message_forms, response_format, tool_fields
from .lenient_json import JSONObject, count, first_choice, mapping, word
from .wire_protocol import Dialect, HttpRequest

__all__ = ["PROTOCOL"]


class _Compatible:
    """Encodes requests and makes decoders; has no state."""

    def encode(self, request: ChatRequest, dialect: Dialect) -> HttpRequest:
        body: dict[str, Any] = {"model": request.model, "messages": message_forms(request, _content)}
        if request.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        body |= _switches(request, dialect) | response_format(request) | tool_fields(request) | dict(request.fields)
        return HttpRequest("chat/completions", body, headers_of(request))

    def decoder(self, request: ChatRequest, dialect: Dialect) -> _CompatibleDecoder:
        return _CompatibleDecoder(request, dialect)


PROTOCOL = _Compatible()


def _content(message: Message) -> str | list[dict[str, Any]]:
    """Plain text as a string, which every server takes; parts only where there is an image."""
    return [_part_form(part) for part in message.parts] if message.images else message.text


def _part_form(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image(url):
            return {"type": "image_url", "image_url": {"url": url}}
    raise TypeError(f"{type(part).__name__} has no place inside a message")


def _switches(request: ChatRequest, dialect: Dialect) -> dict[str, Any]:
    """The fields for thinking and search, as `dialect` names them."""
    fields: dict[str, Any] = {}
    if request.think is not None:
        if dialect.thinking == "enable_thinking":
            fields["enable_thinking"] = request.think
        elif dialect.thinking == "chat_template_kwargs":
            fields["chat_template_kwargs"] = {"enable_thinking": request.think}
        elif not request.think:
            fields["reasoning_effort"] = "none"
    if request.search is not None:
        fields["enable_search"] = request.search
    return fields


NO_REASON = _("the server ended the answer and gave no reason: it may be incomplete")


class _CompatibleDecoder(FrameDecoder):
    """Reads `chat.completion.chunk` frames, or one whole `chat.completion`."""

    def feed(self, event: str, data: str) -> list[Event]:
        if data.strip() != "[DONE]":
            return super().feed(event, data)
        self.done = True
        if self._finish or not self._deltas.has_text:
            return []
        self._finish = "stop"
        return [Note(NO_REASON)]

    def _started(self, frame: JSONObject) -> Started:
        return Started(word(frame.get("model")), word(frame.get("id")))

    def _meaning(self, frame: JSONObject) -> list[Event]:
        choice = first_choice(frame.get("choices"), {})
        self._finish = word(choice.get("finish_reason")) or self._finish
        events = self._deltas.read(mapping(choice.get("delta") or choice.get("message")))
        usage = mapping(frame.get("usage") or choice.get("usage"))
        if usage:
            events.append(_read_usage(usage))
        elif frame.get("timings"):
            events.append(_read_timings(mapping(frame["timings"])))
        return events


def _read_usage(usage: JSONObject) -> Usage:
    read, written = mapping(usage.get("prompt_tokens_details")), mapping(usage.get("completion_tokens_details"))
    return Usage(
        input=count(usage.get("prompt_tokens")),
        output=count(usage.get("completion_tokens")),
        reasoning=count(written.get("reasoning_tokens")),
        cached=count(read.get("cached_tokens")),
        image=count(read.get("image_tokens")),
    )


def _read_timings(timings: JSONObject) -> Usage:
    """The usage in llama-server's `timings`, which it sends also without `include_usage` (seen on its wire)."""
    cached = count(timings.get("cache_n"))
    return Usage(cached + count(timings.get("prompt_n")), count(timings.get("predicted_n")), cached=cached)
