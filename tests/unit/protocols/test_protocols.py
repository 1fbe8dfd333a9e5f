"""Both protocols, on bytes: what is sent, and what every known server's answer means."""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.paths import CAPTURES
from support.wire import chunk, decode, frames, native, question, reasoning, result, sse, text

from qwen_magic.core.errors import (
    AccessDenied,
    AccountOverdue,
    ContentFiltered,
    ContextTooLong,
    FileGone,
    FileNotReady,
    InvalidRequest,
    KeyRejected,
    ModelNotFound,
    NotTheService,
    QwenError,
    RateLimited,
    ServiceError,
    ServiceUnavailable,
    StreamCut,
    StreamGarbled,
)
from qwen_magic.core.events import Finish, Source, Sources, Started, ToolCallDelta, Usage
from qwen_magic.core.messages import ChatRequest, Document, Image, Message, Text
from qwen_magic.core.models import lookup
from qwen_magic.protocols import LOCAL, OLLAMA, SERVICE, Dialect, protocol
from qwen_magic.protocols.error_mapping import refusal
from qwen_magic.protocols.event_reader import EventReader
from qwen_magic.protocols.wire_protocol import HttpRequest, ProtocolName

LOCAL_STREAMS = sorted(CAPTURES.glob("local/*.sse"))
NATIVE_STREAMS = sorted(CAPTURES.glob("dashscope/*-sse.response.body.txt"))
STREAMS = [path for path in [*LOCAL_STREAMS, *NATIVE_STREAMS] if b"data:" in path.read_bytes()]
needs_captures = pytest.mark.skipif(not STREAMS, reason="the captured streams are not beside this checkout")

ANSWER = sse(
    chunk(role="assistant", content=""),
    chunk(content="**注意：**"),
    chunk(content="line\u2028separator \u0085 and\u2029more"),
    chunk("stop", content=""),
    {"choices": [], "usage": {"prompt_tokens": 22, "completion_tokens": 17}},
)


# --- what is sent


def sent(request: ChatRequest, name: ProtocolName = "compatible", dialect: Dialect = SERVICE) -> HttpRequest:
    return protocol(name).encode(request, dialect)


def body_of(request: ChatRequest, name: ProtocolName = "compatible", dialect: Dialect = SERVICE) -> dict[str, Any]:
    return dict(sent(request, name, dialect).body or {})


def test_a_question_is_a_streamed_completion_with_usage() -> None:
    body = body_of(question())
    assert body["messages"] == [{"role": "user", "content": "Hello?"}]
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}


def test_stream_options_are_not_sent_without_streaming() -> None:
    assert "stream_options" not in body_of(question(stream=False, fields={"stream": False}))


@pytest.mark.parametrize(
    ("dialect", "think", "expected"),
    [
        (SERVICE, True, {"enable_thinking": True}),
        (SERVICE, False, {"enable_thinking": False}),
        (LOCAL, False, {"chat_template_kwargs": {"enable_thinking": False}}),
        (OLLAMA, False, {"reasoning_effort": "none"}),
        (OLLAMA, True, {}),
        (SERVICE, None, {}),
    ],
)
def test_the_switch_for_thinking_is_where_the_server_wants_it(
    dialect: Dialect, think: bool | None, expected: dict[str, Any]
) -> None:
    body = body_of(question(think=think), dialect=dialect)
    switches = {"enable_thinking", "chat_template_kwargs", "reasoning_effort"}
    assert {name: value for name, value in body.items() if name in switches} == expected


def test_fields_of_the_person_win() -> None:
    body = body_of(question(think=True, fields={"enable_thinking": False, "top_k": 5}))
    assert body["enable_thinking"] is False
    assert body["top_k"] == 5
    assert body_of(question(fields={"top_k": 5}), "dashscope")["parameters"]["top_k"] == 5


def test_images_are_parts_in_both_forms() -> None:
    request = ChatRequest("qwen3-vl-plus", (Message.user("What?", Image("data:image/png;base64,AA==")),))
    compatible = body_of(request)["messages"][0]["content"]
    assert compatible == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        {"type": "text", "text": "What?"},
    ]
    encoded = sent(request, "dashscope")
    assert encoded.path == "services/aigc/multimodal-generation/generation"
    assert encoded.body
    assert encoded.body["input"]["messages"][0]["content"] == [
        {"image": "data:image/png;base64,AA=="},
        {"text": "What?"},
    ]


def test_text_models_and_multimodal_models_have_their_own_native_path() -> None:
    assert sent(question("qwen-plus"), "dashscope").path == "services/aigc/text-generation/generation"
    assert sent(question("qwen3.5-plus"), "dashscope").path == "services/aigc/multimodal-generation/generation"
    assert body_of(question("qwen3.5-plus"), "dashscope")["input"]["messages"][0]["content"] == [{"text": "Hello?"}]


def test_an_uploaded_image_is_resolved_by_the_service() -> None:
    request = ChatRequest("qwen3-vl-plus", (Message.user("What?", Image("oss://bucket/key")),))
    assert sent(request, "dashscope").headers["X-DashScope-OssResourceResolve"] == "enable"


def test_documents_stand_in_system_messages_of_their_own_behind_the_role() -> None:
    request = ChatRequest(
        "qwen-long",
        (
            Message.user("Same?", Document("file-fe-1"), Document("file-fe-2")),
            Message.assistant("No."),
            Message.user("And this?", Document("file-fe-2"), Document("file-fe-3")),
        ),
    )
    assert [(m["role"], m["content"]) for m in body_of(request)["messages"]] == [
        ("system", "You are a helpful assistant."),
        ("system", "fileid://file-fe-1,fileid://file-fe-2"),
        ("user", "Same?"),
        ("assistant", "No."),
        ("system", "fileid://file-fe-3"),
        ("user", "And this?"),
    ]


def test_the_persons_own_role_comes_before_the_documents() -> None:
    request = ChatRequest("qwen-long", (Message.system("Be brief."), Message.user("What?", Document("file-fe-1"))))
    contents = [message["content"] for message in body_of(request)["messages"]]
    assert contents == ["Be brief.", "fileid://file-fe-1", "What?"]


def test_thinking_of_earlier_turns_goes_back_only_to_models_that_keep_it() -> None:
    history = (Message.assistant("4", reasoning="2+2"), Message.user("Sure?"))
    assert "reasoning_content" not in body_of(ChatRequest("qwen-plus", history))["messages"][0]
    assert body_of(ChatRequest("qwen3.8-max", history))["messages"][0]["reasoning_content"] == "2+2"
    switched_off = ChatRequest("qwen3.8-max", history, fields={"preserve_thinking": False})
    assert "reasoning_content" not in body_of(switched_off)["messages"][0]


def test_an_answer_to_go_on_with_is_marked_partial() -> None:
    beginning = Message("assistant", (Text("One, two"),), partial=True)
    message = body_of(ChatRequest("qwen-plus", (Message.user("Count."), beginning)))["messages"][-1]
    assert message == {"role": "assistant", "content": "One, two", "partial": True}


# --- what comes back


def test_the_events_of_an_answer() -> None:
    events = decode(ANSWER)
    assert events[0] == Started("qwen-plus", "chatcmpl-1")
    assert text(events) == "**注意：**line\u2028separator \u0085 and\u2029more"
    assert events[-2:] == [Usage(22, 17), Finish("stop")]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thinking_has_a_field_of_its_own_under_either_name(name: str) -> None:
    events = decode(sse(chunk(content=None, **{name: "Hm"}), chunk(content="Yes", **{name: None}), chunk("stop")))
    assert (reasoning(events), text(events)) == ("Hm", "Yes")


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_thinking_inside_the_text_is_taken_out_wherever_the_tags_are_cut(data: st.DataObject) -> None:
    whole = "\n<think>\nFirst < second\n</think>\n\nYes </think> and <think>"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    events = decode(sse(*(chunk(content=piece) for piece in pieces), chunk("stop")))
    assert reasoning(events) == "\nFirst < second\n"
    assert text(events) == "Yes </think> and <think>"


@pytest.mark.parametrize("body", ["<thi", "  ", "<think", "no tag", "<thinking> aloud"])
def test_text_that_is_only_nearly_a_tag_is_text(body: str) -> None:
    assert text(decode(sse(chunk(content=body), chunk("stop")))) == body


def test_thinking_that_never_closes_is_thinking() -> None:
    events = decode(sse(chunk(content="<think>on and on </th"), chunk("length")))
    assert (reasoning(events), text(events)) == ("on and on </th", "")


def test_usage_is_read_wherever_it_is() -> None:
    in_finish_chunk = {**chunk("stop"), "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    in_choice = chunk("stop")
    in_choice["choices"][0]["usage"] = {"prompt_tokens": 1, "completion_tokens": 2}
    timings = {**chunk("stop"), "timings": {"cache_n": 1, "prompt_n": 0, "predicted_n": 2}}
    for frame in (in_finish_chunk, in_choice):
        assert Usage(1, 2) in decode(sse(chunk(content="x"), frame))
    assert Usage(1, 2, cached=1) in decode(sse(chunk(content="x"), timings))


def test_details_of_the_usage() -> None:
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "completion_tokens_details": {"reasoning_tokens": 7},
        "prompt_tokens_details": {"cached_tokens": 6, "image_tokens": 5},
    }
    events = decode(sse(chunk("stop", content="x"), {"choices": [], "usage": usage}))
    assert Usage(9, 8, 7, 6, 5) in events


def test_tool_calls_come_in_pieces() -> None:
    def call(**function: str) -> dict[str, Any]:
        return chunk(tool_calls=[{"index": 0, "function": function}])

    first = chunk(
        tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}}]
    )
    events = decode(sse(first, call(arguments='"a":'), call(arguments="1}"), chunk("tool_calls")))
    calls = [event for event in events if isinstance(event, ToolCallDelta)]
    assert calls[0] == ToolCallDelta(0, "c1", "f", "{")
    assert "".join(call.arguments for call in calls) == '{"a":1}'


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": []},
        {"choices": None},
        {"choices": [{"index": 0, "delta": {}}]},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        chunk(content=None, role="assistant"),
        chunk(content="", surprise={"new": [1]}),
        {"object": "something.new", "x": 1},
        {"choices": [{"index": 1, "delta": {"content": "of another answer"}}]},
    ],
)
def test_odd_frames_mean_nothing(odd: dict[str, Any]) -> None:
    assert text(decode(sse(odd, chunk(content="x"), odd, chunk("stop"), odd))) == "x"


def test_the_end_mark_may_be_missing() -> None:
    assert decode(sse(chunk("stop", content="x"), done=False))[-1] == Finish("stop")


@pytest.mark.parametrize("name", ["compatible", "dashscope"])
def test_an_answer_without_its_finish_is_an_error(name: ProtocolName) -> None:
    body = sse(chunk(content="x"), done=False) if name == "compatible" else native(result("x"))
    with pytest.raises(StreamCut):
        decode(body, name)


def test_an_answer_that_is_not_streamed_is_read_as_well() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    whole = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})
    assert text(decode(whole.encode())) == "x"


def test_native_text_thinking_and_finish() -> None:
    body = native(
        result("", reasoning_content="嗯"),
        result("我是", reasoning_content=""),
        result([{"text": "Qwen"}]),
        result([], "stop"),
    )
    events = decode(body, "dashscope")
    assert events[0] == Started(request_id="r-1")
    assert (reasoning(events), text(events)) == ("嗯", "我是Qwen")
    assert events[-2:] == [Usage(5, 2), Finish("stop")]


def test_native_search_results_come_once() -> None:
    frame = result("x", "stop")
    frame["output"]["search_info"] = {
        "search_results": [{"index": 1, "title": "T", "url": "https://e.org", "icon": ""}]
    }
    events = decode(native(frame, frame), "dashscope")
    assert [event for event in events if isinstance(event, Sources)] == [Sources((Source(1, "T", "https://e.org"),))]


def test_native_text_format() -> None:
    body = native({"output": {"text": "x", "finish_reason": "stop"}, "request_id": "r"})
    assert text(decode(body, "dashscope")) == "x"


@pytest.mark.parametrize(
    "request_",
    [
        question(fields={"incremental_output": False}),
        question("qwen-mt-plus"),
        question("a-model-that-nobody-knows"),
    ],
    ids=["asked for", "known for it", "unknown model"],
)
def test_cumulative_text_becomes_deltas(request_: ChatRequest) -> None:
    whole = "One two three four five."
    bodies = [result(whole[:size]) for size in range(3, len(whole) + 1, 3)]
    assert text(decode(native(*bodies, result(whole, "stop")), "dashscope", request_)) == whole


@given(st.lists(st.text("ab*", min_size=1), max_size=8))
@settings(max_examples=80, deadline=None)
def test_increments_of_a_known_model_are_never_taken_for_repetition(pieces: list[str]) -> None:
    body = native(*map(result, pieces), result("", "stop"))
    assert text(decode(body, "dashscope")) == "".join(pieces)


# --- bytes


def some_ways_of_cutting(body: bytes) -> list[list[bytes]]:
    return [[body], [bytes([byte]) for byte in body]]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: b"\xef\xbb\xbf" + body,
        lambda body: body.replace(b"\n", b"\r\n"),
        lambda body: body.replace(b"\n", b"\r"),
        lambda body: b": ping\n\n" + body.replace(b"\n\n", b"\n\n: ping\n\n"),
        lambda body: b"\n\n\n" + body,
        lambda body: body.rstrip(b"\n"),
        lambda body: body.replace(b"data: ", b"event: message\nid: 7\nretry: 10\ndata:"),
    ],
    ids=["BOM", "CRLF", "CR", "pings", "empty lines", "no last line end", "fields"],
)
def test_the_frame_of_the_stream_does_not_matter(change: Callable[[bytes], bytes]) -> None:
    expected = text(decode(ANSWER))
    for chunks in some_ways_of_cutting(change(ANSWER)):
        assert text(decode(b"".join(chunks))) == expected
        assert [data for _, data in frames(chunks) if data] == [data for _, data in frames([ANSWER])]


@pytest.mark.parametrize("body", [ANSWER, native(result("我"), result([{"text": "\u2028"}]), result("", "stop"))])
def test_every_cut_of_an_answer_gives_the_same_frames(body: bytes) -> None:
    whole = frames([body])
    assert frames([bytes([byte]) for byte in body]) == whole
    for cut in range(len(body)):
        assert frames([body[:cut], body[cut:]]) == whole


def parts_of(body: bytes, events: int = 5) -> Iterator[bytes]:
    """A stream in parts of so many events: to cut each everywhere takes as long as the stream is, not its square."""
    each = re.split(rb"(?<=\n\n)", body)
    for start in range(0, len(each), events):
        yield b"".join(each[start : start + events])


@needs_captures
@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_every_cut_of_every_capture_gives_the_same_frames(path: Path) -> None:
    """What frames mean does not depend on bytes any more, so equal frames are equal events."""
    body = path.read_bytes()
    assert frames([bytes([byte]) for byte in body]) == frames([body])
    for part in parts_of(body):
        whole = frames([part])
        for cut in range(len(part)):
            assert frames([part[:cut], part[cut:]]) == whole


@needs_captures
@pytest.mark.parametrize(
    "path", [path for path in LOCAL_STREAMS if b"chat.completion.chunk" in path.read_bytes()], ids=lambda p: p.stem
)
def test_captures_of_a_local_server_are_understood(path: Path) -> None:
    events = decode(path.read_bytes(), dialect=LOCAL)
    assert isinstance(events[-1], Finish)
    assert text(events) or reasoning(events) or any(isinstance(event, ToolCallDelta) for event in events)
    assert any(isinstance(event, Usage) and event.output for event in events)


@needs_captures
@pytest.mark.parametrize(
    "path", [path for path in NATIVE_STREAMS if "error" not in path.name], ids=lambda path: path.stem
)
def test_captures_of_the_service_are_understood(path: Path) -> None:
    events = decode(path.read_bytes(), "dashscope")
    assert events[-1] == Finish("stop")
    assert text(events)
    assert any(isinstance(event, Usage) and event.input for event in events)


@needs_captures
def test_a_captured_error_inside_a_stream_is_raised() -> None:
    body = (CAPTURES / "dashscope" / "parameter-error-sse.response.body.txt").read_bytes()
    with pytest.raises(InvalidRequest, match="Role must be user or assistant"):
        decode(body, "dashscope")


def test_bytes_that_are_no_utf8_do_not_stop_an_answer() -> None:
    body = sse(chunk(content="abc"), chunk("stop")).replace(b"abc", b"a\xff\xc3c")
    assert text(decode(body)) == "a\ufffd\ufffdc"


def test_a_web_page_in_place_of_an_answer() -> None:
    with pytest.raises(NotTheService, match="Log in"):
        decode(b"<!DOCTYPE html><html><title>Log in</title></html>")


def test_garbage_in_place_of_an_answer() -> None:
    with pytest.raises(StreamGarbled, match="not JSON"):
        decode(b"data: lorem ipsum\n\n" + ANSWER)


def test_one_event_may_not_be_endless() -> None:
    reader = EventReader(largest=1000)
    with pytest.raises(StreamGarbled, match="larger than"):
        deque(map(reader.feed, [b"data: " + b"x" * 100] * 100), maxlen=0)


def test_many_small_events_at_once_are_not_too_large() -> None:
    assert len(EventReader(largest=1000).feed(b"data: x\n\n" * 1000)) == 1000


# --- refusals


def compatible_error(code: str, message: str = "It is so.") -> bytes:
    return json.dumps(
        {"error": {"message": message, "type": "x", "param": None, "code": code}, "request_id": "r-9"}
    ).encode()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, compatible_error("invalid_api_key"), KeyRejected),
        (401, b'{"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"r-9"}', KeyRejected),
        (401, b'{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}', KeyRejected),
        (400, compatible_error("Arrearage"), AccountOverdue),
        (429, compatible_error("PrepaidBillOverdue"), AccountOverdue),
        (429, compatible_error("CommodityNotPurchased"), AccountOverdue),
        (400, compatible_error("data_inspection_failed"), ContentFiltered),
        (404, compatible_error("model_not_found"), ModelNotFound),
        (429, compatible_error("limit_requests"), RateLimited),
        (
            429,
            b'{"code":"Throttling.RateQuota","message":"Requests rate limit exceeded","request_id":"r"}',
            RateLimited,
        ),
        (429, compatible_error("insufficient_quota"), RateLimited),
        (
            400,
            compatible_error("invalid_parameter_error", "Range of input length should be [1, 129024]"),
            ContextTooLong,
        ),
        (400, b'{"error":{"code":400,"message":"too many","type":"exceed_context_size_error"}}', ContextTooLong),
        (400, compatible_error("invalid_parameter_error", "temperature must be a number"), InvalidRequest),
        (422, b'{"detail":"Unexpected fields in the request"}', InvalidRequest),
        (500, compatible_error("internal_error"), ServiceUnavailable),
        (503, b"upstream connect error", ServiceUnavailable),
        (500, b"", ServiceUnavailable),
        (502, b"<html><head><title>502 Bad Gateway</title></head></html>", NotTheService),
        (400, b'data: {"error":{"code":"Arrearage","message":"x"},"id":"chatcmpl-1"}\n\n', AccountOverdue),
    ],
)
def test_refusals_in_the_terms_of_the_person(status: int, body: bytes, expected: type[QwenError]) -> None:
    error = refusal(status, {}, body)
    assert type(error) is expected
    assert error.happened
    assert "\n" not in str(error)


def test_a_refusal_keeps_what_support_asks_for() -> None:
    error = refusal(401, {"retry-after": "7"}, compatible_error("invalid_api_key"))
    assert isinstance(error, ServiceError)
    assert (error.status, error.code, error.request_id, error.retry_after) == (401, "invalid_api_key", "r-9", 7.0)


def test_a_refusal_never_shows_a_key() -> None:
    error = refusal(401, {}, compatible_error("invalid_api_key", "Incorrect API key provided: sk-abcdef0123456789."))
    assert "abcdef" not in f"{error} {error!r} {error.args}"
    assert "6789" in str(error)


def test_an_error_frame_inside_an_answer_is_raised() -> None:
    frame = {"error": {"code": "data_inspection_failed", "message": "Output data may contain inappropriate content."}}
    with pytest.raises(ContentFiltered):
        decode(sse(chunk(content="x"), frame))
    with pytest.raises(RateLimited):
        decode(native(result("x"), {"code": "Throttling", "message": "slow down", "request_id": "r"}), "dashscope")


BUSY, BROKEN = (RateLimited, True), (ServiceUnavailable, True)
UNPAID, DENIED, BLOCKED = (AccountOverdue, False), (AccessDenied, False), (ContentFiltered, False)
WRONG, REJECTED, UNKNOWN = (InvalidRequest, False), (KeyRejected, False), (ModelNotFound, False)

# The service's docs, "Error codes": HTTP status, code in either spelling, what it is and whether it passes.
ERROR_CODES = [
    (400, "InvalidParameter", WRONG),
    (400, "invalid_parameter_error", WRONG),
    (400, "InternalError.Algo.InvalidParameter", WRONG),
    (400, "DataInspectionFailed", BLOCKED),
    (400, "data_inspection_failed", BLOCKED),
    (400, "InternalError.Algo.DataInspectionFailed", BLOCKED),
    (400, "CustomRoleBlocked", BLOCKED),
    (400, "FaqRuleBlocked", BLOCKED),
    (400, "IPInfringementSuspect", BLOCKED),
    (400, "Arrearage", UNPAID),
    (400, "BadRequest.TooLarge", WRONG),
    (400, "ClientDisconnect", (ServiceError, False)),
    (401, "InvalidApiKey", REJECTED),
    (401, "invalid_api_key", REJECTED),
    (403, "AccessDenied", DENIED),
    (403, "access_denied", DENIED),
    (403, "AccessDenied.Unpurchased", DENIED),
    (403, "Model.AccessDenied", DENIED),
    (403, "Workspace.AccessDenied", DENIED),
    (403, "Endpoint.AccessDenied", DENIED),
    (403, "AllocationQuota.FreeTierOnly", DENIED),
    (404, "ModelNotFound", UNKNOWN),
    (404, "model_not_found", UNKNOWN),
    (404, "model_not_supported", UNKNOWN),
    (429, "Throttling", BUSY),
    (429, "Throttling.RateQuota", BUSY),
    (429, "limit_requests", BUSY),
    (429, "Throttling.BurstRate", BUSY),
    (429, "limit_burst_rate", BUSY),
    (429, "Throttling.AllocationQuota", BUSY),
    (429, "insufficient_quota", BUSY),
    (429, "PrepaidBillOverdue", UNPAID),
    (429, "PostpaidBillOverdue", UNPAID),
    (429, "CommodityNotPurchased", UNPAID),
    (500, "InternalError", BROKEN),
    (500, "internal_error", BROKEN),
    (500, "InternalError.Algo", BROKEN),
    (500, "SystemError", BROKEN),
    (500, "ModelServiceFailed", BROKEN),
    (500, "RequestTimeOut", BROKEN),
    (500, "ModelServingError", BROKEN),
    (503, "ModelServingError", BROKEN),
    (500, "ModelUnavailable", BROKEN),
    (503, "ModelUnavailable", BROKEN),
]


def reports(code: str, message: str = "It is so.") -> Iterator[dict[str, Any]]:
    """The same error in the compatible form and in the native one."""
    yield {"error": {"message": message, "type": code, "param": None, "code": code}, "request_id": "r-9"}
    yield {"code": code, "message": message, "request_id": "r-9"}


def told(report: dict[str, Any], status: int | None = None) -> ServiceError:
    """What a report means: under an HTTP status, else inside a stream of its own protocol."""
    if status:
        error = refusal(status, {}, json.dumps(report).encode())
        assert isinstance(error, ServiceError)
        return error
    compatible = "error" in report
    body = sse(report) if compatible else native(report, events=["error"])
    with pytest.raises(ServiceError) as raised:
        decode(body, "compatible" if compatible else "dashscope")
    return raised.value


@pytest.mark.parametrize(("status", "code", "expected"), ERROR_CODES)
def test_every_code_of_the_service_means_the_same_refused_and_inside_a_stream(
    status: int, code: str, expected: tuple[Any, ...]
) -> None:
    for report in reports(code):
        for error in (told(report, status), told(report)):
            assert (type(error), error.transient) == expected
            assert error.code == code
            assert error.remedy


def test_an_error_of_an_unknown_code_inside_a_stream_is_not_worth_another_try() -> None:
    for report in reports("SomethingNew"):
        error = told(report)
        assert (type(error), error.transient) == (ServiceError, False)
        assert "%qwen doctor" in error.remedy


@pytest.mark.parametrize(
    ("number", "kind", "expected"),
    [
        (429, None, RateLimited),
        ("500", None, ServiceUnavailable),
        (400, "BadRequestError", InvalidRequest),
        (401, "invalid_request_error", KeyRejected),
        (400, "exceed_context_size_error", ContextTooLong),
    ],
)
def test_a_number_for_a_code_inside_a_stream_is_an_http_status(
    number: int | str, kind: str | None, expected: type[QwenError]
) -> None:
    error = told({"error": {"message": "It is so.", "type": kind, "param": None, "code": number}})
    assert (type(error), error.status) == (expected, int(number))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ('{"message": "Out of luck", "request_id": "r-9"}', "Out of luck"),
        ('{"output": {"choices": []}, "message": "Out of luck"}', "Out of luck"),
        ("Out of luck", "Out of luck"),
        ('"nothing"', "nothing"),
        ("{}", "{}"),
    ],
)
@pytest.mark.parametrize("name", ["compatible", "dashscope"])
def test_an_event_called_error_is_one_whatever_stands_in_it(name: ProtocolName, data: str, says: str) -> None:
    body = f"id:1\nevent:error\n:HTTP_STATUS/400\ndata:{data}\n\n".encode()
    with pytest.raises(ServiceError, match=says):
        decode(body, name)


@pytest.mark.parametrize("name", ["compatible", "dashscope"])
def test_an_event_called_error_without_data_is_no_event(name: ProtocolName) -> None:
    answer = sse(chunk(content="x"), chunk("stop")) if name == "compatible" else native(result("x"), result("", "stop"))
    assert text(decode(b"event: error\n\n" + answer, name)) == "x"


@pytest.mark.parametrize("name", ["compatible", "dashscope"])
@pytest.mark.parametrize("number", ["1" + "0" * 400, "-5", "1e999", "NaN", "true", '"12"', "[3]", "{}", "1.5"])
def test_a_count_that_is_none_counts_nothing(name: ProtocolName, number: str) -> None:
    usage = b'{"prompt_tokens":N,"input_tokens":N,"completion_tokens":2,"output_tokens":2}'.replace(
        b"N", number.encode()
    )
    if name == "compatible":
        body = sse(chunk(content="x"), chunk("stop")) + b'data: {"choices":[],"usage":' + usage + b"}\n\n"
    else:
        body = native(result("x", "stop")) + b'data: {"output":{},"usage":' + usage + b"}\n\n"
    last = [event for event in decode(body.replace(b"data: [DONE]\n\n", b""), name) if isinstance(event, Usage)][-1]
    assert last.input in (0, 1)
    assert last.output == 2


@pytest.mark.parametrize("name", ["compatible", "dashscope"])
@pytest.mark.parametrize(
    "data",
    [
        "[" * 100_000,
        '{"a":' * 900 + "1" + "}" * 900,
        '{"choices":' + "[" * 500 + "]" * 500 + "}",
        '{"usage": {"prompt_tokens": ' + "9" * 5000 + "}}",
    ],
    ids=["brackets", "objects", "closed", "digits"],
)
def test_json_that_python_does_not_take_is_garbled(name: ProtocolName, data: str) -> None:
    body = (
        sse(chunk(content="x"), done=False) if name == "compatible" else native(result("x"))
    ) + f"data: {data}\n\n".encode()
    with pytest.raises(StreamGarbled) as raised:
        decode(body, name)
    assert len(str(raised.value)) < 300


def test_half_a_surrogate_pair_is_a_replacement_character() -> None:
    body = b'data: {"id": "\\ud800", "choices": [{"delta": {"content": "a\\uDC00b \\ud83d\\ude00"}}]}\n\n'
    events = decode(body + sse(chunk("stop")))
    assert text(events) == "a\ufffdb \U0001f600"
    assert events[0] == Started("", "\ufffd")


STRANGE = [5, "x", [], [1], {"a": 1}, [[1]], None, True, 1e300, {"index": "x"}]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_fields_of_any_type_are_read_or_told(data: st.DataObject) -> None:
    """Whatever a server puts where: one of our errors, or events that can be written as UTF-8."""
    some = st.sampled_from(STRANGE)
    choice = {"index": 0, "delta": data.draw(some), "message": data.draw(some), "finish_reason": data.draw(some)}
    frame = {"choices": [choice], "usage": data.draw(some), "error": data.draw(some), "model": data.draw(some)}
    output = {"choices": data.draw(some), "search_info": {"search_results": data.draw(some)}, "text": data.draw(some)}
    frame |= {"output": data.draw(st.sampled_from([output, *STRANGE])), "request_id": data.draw(some)}
    call = {"index": data.draw(some), "id": data.draw(some), "function": data.draw(some)}
    name: ProtocolName = data.draw(st.sampled_from(["compatible", "dashscope"]))
    with suppress(QwenError):
        str(
            decode(sse(chunk(tool_calls=data.draw(st.sampled_from([[call], *STRANGE]))), frame, chunk("stop")), name)
        ).encode()


# Real servers' words, with the status that they come with.
PEERS = [
    (
        "LiteLLM: an unknown model",
        400,
        "/chat/completions: Invalid model name passed in model=foo. Call `/v1/models` to view available models.",
        "invalid_request_error",
        ModelNotFound,
        "%qwen models",
    ),
    (
        "llama-cpp-python: a field that is missing",
        500,
        "[{'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required', 'input': {}}]",
        "internal_server_error",
        InvalidRequest,
        "--dry-run",
    ),
    (
        "llama-cpp-python: a value out of range",
        500,
        "1 validation error:\n  {'type': 'less_than_equal', 'loc': ('body', 'temperature'), 'input': 9}",
        "internal_server_error",
        InvalidRequest,
        "--dry-run",
    ),
    ("a server in trouble", 500, "CUDA out of memory", "internal_server_error", ServiceUnavailable, "Wait a minute"),
]


@pytest.mark.parametrize(("status", "message", "kind", "expected", "word"), [row[1:] for row in PEERS])
def test_what_other_servers_refuse_comes_with_what_to_do(
    status: int, message: str, kind: str, expected: type[QwenError], word: str
) -> None:
    body = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": None}}).encode()
    error = refusal(status, {}, body)
    assert type(error) is expected
    assert word in error.remedy
    assert error.transient is (expected is ServiceUnavailable)


@pytest.mark.parametrize("body", [b"<title" * 40_000, b"<html>" + b"<title>" * 40_000, b"[" * 250_000])
def test_a_page_that_is_made_to_be_slow_is_read_at_once(body: bytes) -> None:
    assert len(str(refusal(502, {"content-type": "text/html"}, body))) < 1000


def test_a_message_that_is_made_to_be_slow_is_read_at_once() -> None:
    assert len(str(refusal(400, {}, json.dumps({"message": "File " * 50_000}).encode()))) < 1000


# What the service's docs quote of its refusals ("Error codes", "File interface", "Vision").
QUOTED = [
    ("BadRequest.TooLarge", "Payload Too Large.", InvalidRequest, "-f"),
    (None, "File parsing in progress, please try again later.", FileNotReady, "run the cell again"),
    (None, "Invalid file [id:file-fe-1].", FileGone, "Run the cell again"),
    (None, "File [id:file-fe-1] format is not supported.", InvalidRequest, "-f"),
    (None, "File [id:file-fe-1] cannot be found.", FileGone, "Run the cell again"),
    (None, "File [id:file-fe-1] exceeds size limit.", InvalidRequest, "-f"),
    (None, "File [id:file-fe-1] exceeds page limits (15000 pages).", InvalidRequest, "-f"),
    (None, "File [id:file-fe-1] content blank.", InvalidRequest, "-f"),
    (None, "Too many files provided.", InvalidRequest, "-f"),
    (None, "Total message token length exceed model limit (10000000 tokens).", ContextTooLong, "%qwen reset"),
    (None, "'purpose' must be 'file-extract'", InvalidRequest, "--dry-run"),
    (None, "Range of input length should be [1, 129024]", ContextTooLong, "%qwen reset"),
    (None, "Role must be user or assistant", InvalidRequest, "--dry-run"),
    (None, "Unexpected item type in content", InvalidRequest, "-m"),
    (None, "The image length and width do not meet the model restrictions.", InvalidRequest, "-i"),
    (None, "Exceeded limit on max bytes per data-uri item : 10485760", InvalidRequest, "-i"),
    (None, "Failed to download multimodal content", InvalidRequest, "-i"),
    (None, "url error, please check url！", InvalidRequest, "--protocol"),
    (None, "parameter.enable_thinking only support stream call", InvalidRequest, "--set"),
    (None, "This model only support stream mode", InvalidRequest, "--set"),
    (None, "Json mode response is not supported when enable_thinking is true", InvalidRequest, "--no-think"),
    (None, "The value of the enable_thinking parameter is restricted to True.", InvalidRequest, "--no-think"),
    ("InvalidApiKey", "Incorrect API key provided.", KeyRejected, "%qwen login"),
    ("", "invalid access token or token expired", KeyRejected, "%qwen login"),
]


@pytest.mark.parametrize(("code", "message", "expected", "word"), QUOTED, ids=[row[1] for row in QUOTED])
def test_what_the_service_says_comes_with_what_to_type(
    code: str | None, message: str, expected: type[QwenError], word: str
) -> None:
    codes = ["InvalidParameter", "invalid_parameter_error"] if code is None else [code]
    for report in (report for each in codes for report in reports(each, message)):
        for error in (told(report, 401 if expected is KeyRejected else 400), told(report)):
            assert type(error) is expected
            assert word in error.remedy


def test_a_field_that_nobody_knows_is_answered_with_how_to_look_at_the_request() -> None:
    remedy = refusal(422, {}, b'{"detail":"Unexpected fields in the request"}').remedy
    assert "--dry-run" in remedy
    assert "--set" in remedy


@pytest.mark.parametrize("transient", [True, False])
def test_a_proxys_page_is_worth_another_try_only_when_it_is_in_trouble(transient: bool) -> None:
    status = 502 if transient else 403
    assert refusal(status, {"content-type": "text/html"}, b"<p>no</p>").transient is transient


# --- the models


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("qwen-plus", (0, 32, False)),
        ("qwen-long", (100, 32, False)),
        ("qwen-doc-turbo", (1, 32, False)),
        ("qvq-max-latest", (0, 28, False)),
        ("qwen2.5-vl-72b-instruct", (0, 28, False)),
        ("qwen2.5vl:7b", (0, 28, False)),
        ("qwen3-vl-plus", (0, 32, False)),
        ("qwen-mt-plus", (0, 32, True)),
        ("qwen-mt-flash", (0, 32, True)),
    ],
)
def test_what_a_model_reads(name: str, facts: tuple[Any, ...]) -> None:
    model = lookup(name)
    assert (model.max_files, model.patch, model.single_turn) == facts
    assert model.reads_files is (model.max_files > 0)


def test_a_model_that_takes_one_message_cannot_go_on_with_an_answer() -> None:
    assert lookup("qwen-mt-plus").continues is False
    assert lookup("qwen-plus").continues is True


def test_the_omni_models_have_their_real_names() -> None:
    assert lookup("qwen3.5-omni-flash").known
    assert lookup("qwen3.5-omni-plus-latest").known
    assert not lookup("qwen3.5-omni").known
