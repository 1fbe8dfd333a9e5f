"""The pieces of tool calls, each put to the call that it belongs to, whatever a server leaves out of them.

By its form a piece has the `index` of its call, and the first one its `id` and `name`. On the wire, later pieces have
an empty id and name (Wei-Shaw/sub2api#6080), the index is missing (SamSaffron/term-llm#314), every call has the index 0
(ollama/ollama#15457), or later pieces have another id than the first (poolsideai/pool#9).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.events import Event, ToolCallDelta
from .cumulative import Cumulative, Incremental, Undecided
from .lenient_json import JSONObject, is_json_object, mapping, rows, text_of, word

__all__ = ["ToolCallDeltas"]

_Increments = Incremental | Cumulative | Undecided


@dataclass
class _Call:
    """A call that grows; `number` is its place among the calls of the answer."""

    number: int
    increments: _Increments
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece as it came: its place among the `siblings` of the same frame; empty for what it does not have."""

    place: int
    siblings: int
    index: int | None
    id: str
    name: str
    arguments: str


class ToolCallDeltas:
    """Reads the `tool_calls` of one answer's frames. `increments` makes what turns repeated texts into deltas."""

    def __init__(self, increments: Callable[[], _Increments]) -> None:
        self._increments = increments
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}

    def read(self, calls: Any) -> list[Event]:
        """The pieces in one frame."""
        found = rows(calls)
        pieces = (_piece(place, len(found), call) for place, call in enumerate(found))
        return [self._delta(piece) for piece in pieces if piece.id or piece.name or piece.arguments]

    def rest(self) -> list[Event]:
        """What was held back until the end."""
        held = ((call.number, call.increments.rest()) for call in self._calls)
        return [ToolCallDelta(number, arguments=text) for number, text in held if text]

    def _delta(self, piece: _Piece) -> Event:
        call = self._of_index(piece) if piece.index is not None else self._of_no_index(piece)
        if call is None:
            call = _Call(len(self._calls), self._increments())
            self._calls.append(call)
        call.id, call.name = call.id or piece.id, call.name or piece.name
        if piece.index is not None:
            self._by_index[piece.index] = call
        if piece.id:
            self._by_id[piece.id] = call
        arguments = call.increments.delta(piece.arguments)
        call.arguments += arguments
        return ToolCallDelta(call.number, piece.id, piece.name, arguments)

    def _of_index(self, piece: _Piece) -> _Call | None:
        """The call with the piece's index, unless the piece begins another one with the same index."""
        assert piece.index is not None
        call = self._by_index.get(piece.index)
        begins = bool(call and piece.name and piece.id and call.id and piece.id != call.id)
        return self._by_id.get(piece.id) if begins else call

    def _of_no_index(self, piece: _Piece) -> _Call | None:
        last = self._calls[-1] if self._calls else None
        if piece.id and (piece.name or piece.id in self._by_id):
            return self._by_id.get(piece.id)
        if piece.name and last is not None and last.name:
            another = piece.place or (piece.arguments and is_json_object(last.arguments)) or piece.name != last.name
            return None if another else last
        if piece.siblings > 1 and piece.place < len(self._calls):
            return self._calls[piece.place]
        return last


def _piece(place: int, siblings: int, call: JSONObject) -> _Piece:
    function = mapping(call.get("function"))
    index, arguments = call.get("index"), function.get("arguments")
    return _Piece(
        place,
        siblings,
        index if isinstance(index, int) and not isinstance(index, bool) else None,
        word(call.get("id")),
        word(function.get("name")),
        # Some proxies pass on the object of Ollama's own form.
        json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else text_of(arguments),
    )
