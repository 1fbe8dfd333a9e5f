"""DashScope's native protocol: `text-generation` and `multimodal-generation`, streamed with `X-DashScope-SSE`.

Its frames have the event's name (`result`, `error`), the HTTP status in a comment, the usage in every frame, the
string "null" for "not finished" and no `[DONE]` (seen in captures of the service).
"""

from __future__ import annotations

from typing import Any

from ..core.events import Event, Source, Sources, Started, Usage
from ..core.messages import ChatRequest, Image, Message, Part, Text
from ..core.models import lookup
from .decoder import FrameDecoder
from .encoding import headers_of, message_forms, response_format, tool_fields
from .lenient_json import JSONObject, count, first_choice, mapping, rows, text_of, word
from .wire_protocol import Dialect, HttpRequest

__all__ = ["PROTOCOL"]

TEXT = "services/aigc/text-generation/generation"
MULTIMODAL = "services/aigc/multimodal-generation/generation"


class _DashScope:
    """Encodes requests and makes decoders; has no state."""

    def encode(self, request: ChatRequest, dialect: Dialect) -> HttpRequest:
        multimodal = lookup(request.model).multimodal or bool(request.images)
        body = {
            "model": request.model,
            "input": {"messages": message_forms(request, _multimodal_content if multimodal else _content)},
            "parameters": _parameters(request),
        }
        headers = {"X-DashScope-SSE": "enable"} if request.stream else {}
        if any(image.url.startswith("oss://") for image in request.images):
            headers["X-DashScope-OssResourceResolve"] = "enable"
        return HttpRequest(MULTIMODAL if multimodal else TEXT, body, headers | headers_of(request))

    def decoder(self, request: ChatRequest, dialect: Dialect) -> _DashScopeDecoder:
        return _DashScopeDecoder(request, dialect)


PROTOCOL = _DashScope()


def _parameters(request: ChatRequest) -> dict[str, Any]:
    fields: dict[str, Any] = {"result_format": "message"}
    if request.stream:
        fields["incremental_output"] = True
    if request.think is not None:
        fields["enable_thinking"] = request.think
    if request.search is not None:
        # Only the native protocol can return the sources of a search (docs, "Web search": enable_source).
        fields |= {"enable_search": request.search}
        if request.search:
            fields["search_options"] = {"enable_source": True}
    return fields | response_format(request) | tool_fields(request) | dict(request.fields)


def _content(message: Message) -> str:
    return message.text


def _multimodal_content(message: Message) -> list[dict[str, Any]]:
    return [_part_form(part) for part in message.parts]


def _part_form(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"text": text}
        case Image(url):
            return {"image": url}
    raise TypeError(f"{type(part).__name__} has no place inside a message")


class _DashScopeDecoder(FrameDecoder):
    """Reads the frames of one native answer, or one whole native reply."""

    _sources: tuple[Source, ...] = ()

    def _started(self, frame: JSONObject) -> Started:
        return Started(request_id=word(frame.get("request_id")))

    def _meaning(self, frame: JSONObject) -> list[Event]:
        output = mapping(frame.get("output"))
        choice = first_choice(output.get("choices"), output)
        reason = word(choice.get("finish_reason"))
        if reason != "null":
            self._finish = reason or self._finish
        events = self._new_sources(output)
        # result_format "text" has the text in the output itself.
        events += self._deltas.read(mapping(choice.get("message")) or {"content": output.get("text")})
        usage = mapping(frame.get("usage"))
        return [*events, _read_usage(usage)] if usage else events

    def _new_sources(self, output: JSONObject) -> list[Event]:
        results = mapping(output.get("search_info")).get("search_results")
        pages = tuple(map(_read_source, rows(results)))
        if not pages or pages == self._sources:
            return []
        self._sources = pages
        return [Sources(pages)]


def _read_source(result: JSONObject) -> Source:
    return Source(count(result.get("index")), word(result.get("title")), text_of(result.get("url")))


def _read_usage(usage: JSONObject) -> Usage:
    read = mapping(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"))
    return Usage(
        input=count(usage.get("input_tokens")),
        output=count(usage.get("output_tokens")),
        reasoning=count(mapping(usage.get("output_tokens_details")).get("reasoning_tokens")),
        cached=count(read.get("cached_tokens")),
        image=count(usage.get("image_tokens")) or count(read.get("image_tokens")),
    )
