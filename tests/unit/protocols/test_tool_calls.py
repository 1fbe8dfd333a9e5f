"""Tool calls on the wire: what is sent of them, and what every known defect of their deltas means, at every cut."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from support.wire import chunk, native, question, result, sse

from qwen_magic.core.events import Event, ToolCallDelta
from qwen_magic.core.messages import ChatRequest, Message, Text, ToolCall, ToolFunction
from qwen_magic.protocols import LOCAL, SERVICE, protocol
from qwen_magic.protocols.answer_reader import AnswerReader
from qwen_magic.protocols.event_reader import EventReader
from qwen_magic.protocols.wire_protocol import ProtocolName

PARIS, ROME = ("c1", "weather", '{"city": "Paris"}'), ("c2", "weather", '{"city": "Rome"}')
NAMES: tuple[ProtocolName, ...] = ("compatible", "dashscope")


def call(index: object = None, id: str | None = None, name: str | None = None, arguments: Any = None) -> dict[str, Any]:
    """A piece as a server sends it; what is `None` is not there."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    given = {key: value for key, value in (("index", index), ("id", id)) if value is not None}
    return {**given, "type": "function", "function": function}


# Each is what one frame after the other has as its `tool_calls`; all of them are the same two calls.
DEFECTS: dict[str, list[list[dict[str, Any]]]] = {
    "as it should be": [
        [call(0, "c1", "weather", "")],
        [call(0, arguments='{"city":')],
        [call(0, arguments=' "Paris"}')],
        [call(1, "c2", "weather", '{"city": ')],
        [call(1, arguments='"Rome"}')],
    ],
    "an empty id and name after the first piece": [
        [call(0, "c1", "weather", "")],
        [call(0, "", "", '{"city": "Paris"}')],
        [call(1, "c2", "weather", "")],
        [call(1, "", "", '{"city": "Rome"}')],
        [call(1, "", "", "")],
    ],
    "no index": [
        [call(None, "c1", "weather", "")],
        [call(None, "", "", '{"city": "Par')],
        [call(None, arguments='is"}')],
        [call(None, "c2", "weather", "")],
        [call(None, arguments='{"city": "Rome"}')],
    ],
    "no index, both in one frame": [[call(None, *PARIS), call(None, *ROME)]],
    "no index, and the id in every piece": [
        [call(None, "c1", "weather", "")],
        [call(None, "c2", "weather", "")],
        [call(None, "c1", arguments='{"city": "Paris"}')],
        [call(None, "c2", arguments='{"city": "Rome"}')],
    ],
    "no index and no id, interleaved": [
        [call(None, None, "weather", ""), call(None, None, "weather", "")],
        [call(None, arguments='{"city": '), call(None, arguments='{"city": ')],
        [call(None, arguments='"Paris"}'), call(None, arguments='"Rome"}')],
    ],
    "no index and no id, one after the other": [
        [call(None, None, "weather", '{"city": "Paris"}')],
        [call(None, None, "weather", '{"city": "Rome"}')],
    ],
    "interleaved": [
        [call(0, "c1", "weather", "")],
        [call(1, "c2", "weather", "")],
        [call(1, arguments='{"city": "R'), call(0, arguments='{"city": "P')],
        [call(0, arguments='aris"}')],
        [call(1, arguments='ome"}')],
    ],
    "the index 0 for every call": [
        [call(0, "c1", "weather", '{"city": "Paris"}')],
        [call(0, "c2", "weather", '{"city":')],
        [call(0, arguments=' "Rome"}')],
    ],
    "another id in every piece": [
        [call(0, "c1", "weather", "")],
        [call(0, "x8", arguments='{"city": "Paris"}')],
        [call(1, "c2", "weather", "")],
        [call(1, "x9", arguments='{"city": "Rome"}')],
    ],
    "the name in every piece": [
        [call(0, "c1", "weather", '{"city":')],
        [call(0, "c1", "weather", ' "Paris"}')],
        [call(1, "c2", "weather", '{"city":')],
        [call(1, "c2", "weather", ' "Rome"}')],
    ],
    "arguments as an object": [
        [call(0, "c1", "weather", {"city": "Paris"})],
        [call(1, "c2", "weather", {"city": "Rome"})],
    ],
    "pieces with nothing in them": [
        [call(5), call(0, "c1", "weather", "")],
        [call(0, arguments='{"city": "Paris"}'), call(7, "", "", "")],
        [call(1, *ROME)],
    ],
}


def body_of(pieces: Iterable[list[dict[str, Any]]], name: ProtocolName) -> bytes:
    if name == "compatible":
        return sse(*(chunk(tool_calls=each) for each in pieces), chunk("tool_calls"))
    return native(*(result("", tool_calls=each) for each in pieces), result("", "tool_calls"))


def events_in(chunks: Iterable[bytes], name: ProtocolName, request: ChatRequest | None = None) -> list[Event]:
    dialect = SERVICE if name == "dashscope" else LOCAL
    answer = AnswerReader(protocol(name).decoder(request or question(), dialect), EventReader())
    return [event for each in chunks for batch in answer.feed(each) for event in batch] + [
        event for batch in answer.end() for event in batch
    ]


def calls_in(events: Iterable[Event]) -> list[tuple[str, str, str]]:
    """The ids, names and arguments of the calls, by their numbers."""
    found: dict[int, list[ToolCallDelta]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta):
            found.setdefault(event.index, []).append(event)
    return [
        (
            next((piece.id for piece in found[number] if piece.id), ""),
            next((piece.name for piece in found[number] if piece.name), ""),
            "".join(piece.arguments for piece in found[number]),
        )
        for number in sorted(found)
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("defect", DEFECTS)
def test_two_calls_are_two_calls_whatever_their_pieces_lack(defect: str, name: ProtocolName) -> None:
    found = calls_in(events_in([body_of(DEFECTS[defect], name)], name))
    assert [(called, arguments) for _, called, arguments in found] == [PARIS[1:], ROME[1:]]
    if "no id" not in defect:
        assert [id for id, _, _ in found] == ["c1", "c2"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("defect", ["an empty id and name after the first piece", "no index", "interleaved"])
def test_it_does_not_matter_where_the_bytes_are_cut(defect: str, name: ProtocolName) -> None:
    body = body_of(DEFECTS[defect], name)
    for place in range(len(body)):
        assert calls_in(events_in([body[:place], body[place:]], name)) == [PARIS, ROME], place


def test_calls_of_a_stream_that_repeats_everything_are_taken_once() -> None:
    parts = ['{"ci', '{"city": "Pa', '{"city": "Paris"}', '{"city": "Paris"}']
    frames = [result("", tool_calls=[call(0, "c1", "weather", part)]) for part in parts]
    request = question(fields={"incremental_output": False})
    body = native(*frames, result("", "tool_calls", tool_calls=[call(0, *PARIS)]))
    assert calls_in(events_in([body], "dashscope", request)) == [PARIS]


def test_calls_of_an_unknown_model_are_whole_at_the_end() -> None:
    """Whether it repeats itself is not clear yet after one piece."""
    body = sse(chunk(tool_calls=[call(0, *PARIS)]), chunk("tool_calls"))
    answer = AnswerReader(protocol("compatible").decoder(question("qwen9-new"), SERVICE), EventReader())
    events = [event for batch in (*answer.feed(body), *answer.end()) for event in batch]
    assert calls_in(events) == [PARIS]


# --- what is sent


TOOL = ToolFunction("weather", "Tell the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
ASKED = Message("assistant", (Text(""),), "I should look.", (ToolCall("c1", "weather", '{"city": "Paris"}'),))
TOLD = Message("tool", (Text("18 °C"),), tool_call_id="c1")


def sent(request: ChatRequest, name: ProtocolName = "compatible") -> dict[str, Any]:
    body = dict(protocol(name).encode(request, SERVICE).body or {})
    return body if name == "compatible" else {**body["parameters"], **body["input"]}


@pytest.mark.parametrize("name", NAMES)
def test_tools_and_their_results_have_the_form_of_the_service(name: ProtocolName) -> None:
    request = ChatRequest("qwen-plus", (Message.user("Hello?"), ASKED, TOLD), tools=(TOOL,))
    body = sent(request, name)
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "weather", "description": "Tell the weather.", "parameters": TOOL.parameters},
        }
    ]
    assert "parallel_tool_calls" not in body
    assert "tool_choice" not in body
    function = {"name": "weather", "arguments": '{"city": "Paris"}'}
    assert body["messages"][1] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }
    assert body["messages"][2] == {"role": "tool", "content": "18 °C", "tool_call_id": "c1"}


@pytest.mark.parametrize("name", NAMES)
def test_calls_side_by_side_and_the_end_of_calls_are_asked_for(name: ProtocolName) -> None:
    body = sent(question(tools=(TOOL,), parallel_calls=True, tool_choice="none"), name)
    assert (body["parallel_tool_calls"], body["tool_choice"]) == (True, "none")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_of_tools_where_there_are_none(name: ProtocolName) -> None:
    assert {"tools", "parallel_tool_calls", "tool_choice"}.isdisjoint(sent(question(tool_choice="none"), name))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("model", "fields", "goes"), [
    ("qwen3.8-max", {}, True),
    ("qwen-plus", {}, False),
    ("qwen3.7-plus", {"preserve_thinking": True}, True),
])  # fmt: skip
def test_the_thinking_before_a_call_goes_back_where_the_model_wants_it(
    name: ProtocolName, model: str, fields: dict[str, Any], goes: bool
) -> None:
    request = ChatRequest(model, (Message.user("Hello?"), ASKED, TOLD), tools=(TOOL,), fields=fields)
    message = sent(request, name)["messages"][1]
    assert message.get("reasoning_content") == ("I should look." if goes else None)


@pytest.mark.parametrize("broken", ['{"city": "Par', "", "[1]", '"Paris"', '{"a": NaN}', "{'a': 1}", "{" * 100_000])
def test_broken_arguments_are_never_sent_back(broken: str) -> None:
    """The service answers them with HTTP 500."""
    asked = Message("assistant", (Text(""),), tool_calls=(ToolCall("c1", "weather", broken),))
    body = sent(ChatRequest("qwen-plus", (Message.user("Hello?"), asked, TOLD)))
    assert json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {}
