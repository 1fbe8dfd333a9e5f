"""How an answer goes out: cut into small pieces, at a pace, and broken off in whatever way the prompt asked for.

The same for both protocols: a `Form` knows the frames of one of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from .directives import MIDDLE, Play
from .http_exchange import Drop, HttpResponse, Pause, Step, compact
from .responder import SandboxAnswer, SandboxToolCall
from .service_errors import Refusal

__all__ = ["Form", "Piece", "deliver"]

# Characters in one piece, in turn: real models send a few at a time.
LENGTHS = (6, 5, 8, 7, 5, 8, 6)
FOREVER = 10.0**9
NOISE = (
    b"\x00\x1f\x8b this is no stream of events \xff\xfe\n",
    b'data: {"choices": [{"delta": {"content": "half\n\n',
    b"event: nonsense\ndata: <<<>>>\n\n",
)
FAILURES = {
    "error-mid": ("InternalError", "An internal error has occured, please try again later or contact support."),
    "filter-mid": ("DataInspectionFailed", "Output data may contain inappropriate content."),
}
LOGIN = """<!DOCTYPE html>
<html><head><title>Welcome to the hotel network</title></head>
<body><h1>Please log in</h1><form action="/login"><input name="room"></form></body></html>
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A small piece of an answer. `id` and `name` come with the first piece of a tool call only.

    `number` is the place of the tool call, `index` what the piece says of it; a defect lets them differ.
    """

    kind: Literal["reasoning", "text", "tool"]
    text: str
    number: int = 0
    id: str = ""
    name: str = ""
    index: int | None = 0


class Form(Protocol):
    """The frames of one protocol, for one answer."""

    def opening(self) -> Iterable[bytes]: ...
    def frame(self, piece: Piece) -> bytes: ...
    def closing(self, *, done: bool) -> Iterable[bytes]: ...
    def failure(self, refusal: Refusal) -> bytes: ...
    def whole(self) -> dict[str, Any]: ...


def deliver(reply: SandboxAnswer, form: Form, script: Play, *, stream: bool) -> HttpResponse:
    """The response that carries a reply, whole or as a stream."""
    silence = FOREVER if "silent" in script else 0.0
    if "login-page" in script:
        return HttpResponse(LOGIN.encode(), content_type="text/html; charset=utf-8")
    if "garbage" in script:
        return HttpResponse.stream(iter(NOISE)) if stream else HttpResponse(b"".join(NOISE))
    if stream:
        steps = _commented(_flow(reply, form, script)) if "ping" in script else _flow(reply, form, script)
        return replace(HttpResponse.stream(steps), silence=silence)
    return _once(reply, form, script, silence)


def _once(reply: SandboxAnswer, form: Form, script: Play, silence: float) -> HttpResponse:
    """An answer in one piece; what breaks a stream off breaks this off as well."""
    failure = script.first(*FAILURES)
    if failure:
        raise Refusal(*FAILURES[failure])
    body = compact(form.whole()).encode()
    silence += script.number("stall") + script.number("stall-mid")
    if "cut" in script:
        return HttpResponse(iter((body[: len(body) // 2], Drop())), silence=silence)
    return HttpResponse(body[: len(body) // 2] if "stop-early" in script else body, silence=silence)


def _flow(reply: SandboxAnswer, form: Form, script: Play) -> Iterator[Step]:
    """The steps of a stream."""
    if "stall" in script:
        yield Pause(script.number("stall"))
    yield from form.opening()
    pace = Pause(1 / script.number("rate")) if script.number("rate") else None
    breaks = script.first("cut", "stop-early", "error-mid", "filter-mid", "stall-mid")
    limit = len(reply.text) if breaks is None else _place(script, breaks, reply)
    for piece in _pieces(reply, limit, script):
        if pace:
            yield pace
        yield form.frame(piece)
        if piece.kind == "text":
            limit -= len(piece.text)
        if breaks and limit <= 0 and piece.kind == "text":
            yield from _breaking(form, script, breaks)
            if breaks != "stall-mid":
                return
            breaks = None
    yield from form.closing(done="no-done" not in script)


def _place(script: Play, word: str, reply: SandboxAnswer) -> int:
    """Where an answer breaks off, in characters; `stall-mid` has the seconds for its number."""
    wanted = MIDDLE if word == "stall-mid" else int(script.number(word))
    return max(1, min(wanted, len(reply.text)))


def _breaking(form: Form, script: Play, word: str) -> Iterator[Step]:
    if word == "cut":
        yield Drop()
    elif word == "stall-mid":
        yield Pause(script.number(word))
    elif word in FAILURES:
        yield form.failure(Refusal(*FAILURES[word]))


def _pieces(reply: SandboxAnswer, mark: int, script: Play) -> Iterator[Piece]:
    """The reply in small pieces; one of them ends exactly at `mark` characters of the text."""
    yield from (Piece("reasoning", text) for text in _cut(reply.reasoning))
    yield from (Piece("text", text) for text in _cut(reply.text[:mark]))
    yield from (Piece("text", text) for text in _cut(reply.text[mark:]))
    calls = [list(_pieces_of(number, call, script)) for number, call in enumerate(reply.calls)]
    if "call-mixed" in script:
        calls = [[piece for turn in itertools.zip_longest(*calls) for piece in turn if piece is not None]]
    yield from itertools.chain.from_iterable(calls)


def _pieces_of(number: int, call: SandboxToolCall, script: Play) -> Iterator[Piece]:
    """A tool call in small pieces, with the index that it has or is to have."""
    index = None if "call-no-index" in script else 0 if "call-zero-index" in script else number
    yield Piece("tool", "", number, call.id, call.name, index)
    yield from (Piece("tool", text, number, index=index) for text in _cut(call.arguments))


def _cut(text: str) -> Iterator[str]:
    at = 0
    for length in itertools.cycle(LENGTHS):
        if at >= len(text):
            return
        yield text[at : at + length]
        at += length


def _commented(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield b": ping\n\n"
        yield step
