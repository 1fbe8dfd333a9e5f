"""The sandbox over plain HTTP: its frames, its strictness, its misbehaviour, and what it remembers."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sandbox_pictures import png

from qwen_magic.sandbox import Sandbox
from qwen_magic.sandbox.directives import DIRECTIVES

OPTIONS = ("n", "stop", "tools", "tool_choice", "response_format", "search_options", "enable_thinking", "max_tokens")
WORDS = ("function", "name", "type", "id", "url", "text", "image_url", "role", "content", "json_schema", "arguments")
TEXT, VISION = "/services/aigc/text-generation/generation", "/services/aigc/multimodal-generation/generation"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(headers={"authorization": f"Bearer {sandbox.key}"}, trust_env=False, timeout=20) as client:
        yield client


class Talk:
    """Questions to the sandbox, the way a small script would ask them."""

    def __init__(self, sandbox: Sandbox, http: httpx.Client) -> None:
        self.sandbox, self.http = sandbox, http

    def compatible(self, prompt: Any, model: str = "qwen-plus", **fields: Any) -> httpx.Response:
        messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
        body = {"model": model, "messages": messages, **fields}
        return self.http.post(f"{self.sandbox.compatible_url}/chat/completions", json=body)

    def native(
        self, prompt: Any, model: str = "qwen-plus", path: str = TEXT, stream: bool = False, **parameters: Any
    ) -> httpx.Response:
        messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
        body = {"model": model, "input": {"messages": messages}, "parameters": parameters}
        headers = {"X-DashScope-SSE": "enable"} if stream else {}
        return self.http.post(self.sandbox.native_url + path, json=body, headers=headers)

    def text(self, prompt: Any, model: str = "qwen-plus", **fields: Any) -> str:
        text: str = self.compatible(prompt, model, **fields).json()["choices"][0]["message"]["content"]
        return text

    def upload(self, name: str, data: bytes, purpose: str = "file-extract") -> httpx.Response:
        form = {"purpose": purpose}
        return self.http.post(f"{self.sandbox.compatible_url}/files", data=form, files={"file": (name, data)})


@pytest.fixture
def talk(sandbox: Sandbox, http: httpx.Client) -> Talk:
    return Talk(sandbox, http)


def frames(response: httpx.Response) -> list[Any]:
    """The JSON of a stream's data lines; `[DONE]` stays as it is."""
    lines = [line.removeprefix("data:").strip() for line in response.text.split("\n") if line.startswith("data:")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def streamed(response: httpx.Response, field: str = "content") -> str:
    deltas = [frame["choices"][0]["delta"] for frame in frames(response) if frame != "[DONE]" and frame["choices"]]
    return "".join(delta.get(field) or "" for delta in deltas)


def error(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["error"]
    return found


def picture(data: bytes, words: str = "What is this?") -> list[dict[str, Any]]:
    uri = "data:image/png;base64," + base64.b64encode(data).decode()
    content = [{"type": "image_url", "image_url": {"url": uri}}, {"type": "text", "text": words}]
    return [{"role": "user", "content": content}]


# Answers


def test_it_says_what_it_is_and_what_it_received(talk: Talk) -> None:
    text = talk.text(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is a p-value?"},
            {"role": "assistant", "content": "A probability."},
            {"role": "user", "content": "And 0.03?"},
        ],
        temperature=0.5,
    )
    assert "a simulator, not a model" in text
    for fact in ("`qwen-plus`", "| turn | 2 |", "4 (1 system, 2 user, 1 assistant)", "`temperature`: `0.5`"):
        assert fact in text
    for words in ("“And 0.03?”", "previous question was: “What is a p-value?”", "“A probability.”", "“Be brief.”"):
        assert words in text


def test_the_same_question_gets_the_same_answer_in_every_form(talk: Talk) -> None:
    whole = talk.text("你好, how are you?")
    assert talk.text("你好, how are you?") == whole
    assert streamed(talk.compatible("你好, how are you?", stream=True)) == whole
    native = talk.native("你好, how are you?", result_format="message")
    assert native.json()["output"]["choices"][0]["message"]["content"] == whole.replace(
        "OpenAI-compatible", "DashScope native"
    )


def test_a_compatible_stream_has_the_frames_of_the_service(talk: Talk) -> None:
    response = talk.compatible("hi", stream=True, stream_options={"include_usage": True})
    assert response.headers["content-type"] == "text/event-stream;charset=UTF-8"
    first, *middle, last, usage, done = frames(response)
    assert first["choices"][0]["delta"] == {"content": "", "role": "assistant"}
    assert all(frame["usage"] is None and frame["object"] == "chat.completion.chunk" for frame in [first, *middle])
    assert last["choices"][0] == {"delta": {"content": ""}, "index": 0, "logprobs": None, "finish_reason": "stop"}
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == usage["usage"]["prompt_tokens"] + usage["usage"]["completion_tokens"]
    assert done == "[DONE]"


def test_thinking_comes_first_and_is_counted(talk: Talk) -> None:
    response = talk.compatible("hi", "qwen3.8-max", stream=True, stream_options={"include_usage": True})
    deltas = [frame["choices"][0]["delta"] for frame in frames(response)[:-2]]
    assert deltas[0] == {"content": None, "role": "assistant", "reasoning_content": ""}
    kinds = ["reasoning" if delta["reasoning_content"] is not None else "text" for delta in deltas]
    assert kinds == sorted(kinds)
    details = frames(response)[-2]["usage"]["completion_tokens_details"]
    assert details["reasoning_tokens"] > 20
    assert streamed(talk.compatible("hi", "qwen3.8-max", stream=True, enable_thinking=False), "reasoning_content") == ""
    assert streamed(talk.compatible("hi", "qwen-plus", stream=True, enable_thinking=True), "reasoning_content")


def test_a_native_stream_has_the_frames_of_the_service(talk: Talk) -> None:
    response = talk.native("hi", stream=True, result_format="message", incremental_output=True)
    lines = response.text.split("\n\n")[0].split("\n")
    assert lines[:3] == ["id:1", "event:result", ":HTTP_STATUS/200"]
    assert lines[3].startswith('data:{"output":{"choices":[{"message":')
    *middle, last = frames(response)
    assert {frame["output"]["choices"][0]["finish_reason"] for frame in middle} == {"null"}
    assert last["output"]["choices"][0]["finish_reason"] == "stop"
    assert last["output"]["choices"][0]["message"]["content"] == ""
    totals = [frame["usage"]["output_tokens"] for frame in middle]
    assert totals == sorted(totals)


def test_native_text_is_cumulative_unless_asked_otherwise(talk: Talk) -> None:
    contents = [
        frame["output"]["choices"][0]["message"]["content"]
        for frame in frames(talk.native("hi", stream=True, result_format="message", incremental_output=False))
    ]
    assert all(longer.startswith(shorter) for shorter, longer in pairwise(contents))
    assert len(contents[-1]) > 100
    assert frames(talk.native("hi", stream=True))[-1]["output"]["text"] == contents[-1]


def test_native_multimodal_contents_are_lists(talk: Talk) -> None:
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    response = talk.native(messages, "qwen3.8-max", VISION, stream=True, incremental_output=True)
    first, *_, last = frames(response)
    assert first["output"]["choices"][0]["message"]["content"] == []
    assert first["output"]["choices"][0]["message"]["reasoning_content"]
    assert last["output"]["choices"][0]["message"]["content"] == []
    message = talk.native(messages, "qwen-vl-max", VISION).json()["output"]["choices"][0]["message"]
    assert "simulator" in message["content"][0]["text"]


def test_a_tool_call_comes_in_pieces(talk: Talk) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]
    response = talk.compatible("The weather in 杭州, please", stream=True, tools=tools)
    calls = [
        frame["choices"][0]["delta"]["tool_calls"][0]
        for frame in frames(response)
        if frame != "[DONE]" and frame["choices"][0]["delta"].get("tool_calls")
    ]
    assert calls[0]["function"] == {"name": "get_weather", "arguments": ""}
    assert calls[0]["id"].startswith("call_")
    assert {call["id"] for call in calls[1:]} == {""}
    arguments = json.loads("".join(call["function"]["arguments"] for call in calls))
    assert arguments == {"city": "The weather in 杭州, please", "days": 1}
    native = talk.native("The weather?", tools=tools, result_format="message").json()["output"]["choices"][0]
    assert native["finish_reason"] == "tool_calls"
    assert native["message"]["tool_calls"][0]["function"]["name"] == "get_weather"
    assert "weather" in talk.text("The weather?", tools=tools, tool_choice="none")


def test_the_result_of_a_tool_is_shown(talk: Talk) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees"},
    ]
    assert "The tool says: “18 degrees”" in talk.text(messages)
    assert talk.compatible(messages[:2]).status_code == 400
    assert talk.compatible([messages[0], messages[2]]).status_code == 400


@pytest.mark.parametrize(
    ("tools", "options", "refusal"),
    [
        (["search"], {}, "not allowed to be [search]"),
        (["a b"], {}, "letters, digits, underscores and hyphens"),
        (["n" * 65], {}, "letters, digits, underscores and hyphens"),
        (["f"], {"enable_search": True}, "enable_search and tools"),
    ],
)
def test_tools_that_the_service_does_not_take_are_refused(
    talk: Talk, tools: list[str], options: dict[str, Any], refusal: str
) -> None:
    given = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in tools]
    response = talk.compatible("hi", tools=given, **options)
    assert response.status_code == 400
    assert refusal in response.text


@pytest.mark.parametrize("words", ["call-no-index", "call-zero-index", "call-mixed"])
def test_calls_come_with_the_defects_that_are_asked_for(talk: Talk, words: str) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]
    response = talk.compatible(f"sandbox: calls 2\nsandbox: {words}\nRome", stream=True, tools=tools)
    pieces = [
        frame["choices"][0]["delta"]["tool_calls"][0]
        for frame in frames(response)
        if frame != "[DONE]" and frame["choices"][0]["delta"].get("tool_calls")
    ]
    indices = [piece.get("index") for piece in pieces]
    expected = {"call-no-index": {None}, "call-zero-index": {0}, "call-mixed": {0, 1}}
    assert set(indices) == expected[words]
    assert words != "call-mixed" or indices[:4] == [0, 1, 0, 1]


def test_partial_mode_goes_on_where_the_text_ends(talk: Talk) -> None:
    for prompt in ("hello", "sandbox: tour", "sandbox: long 300"):
        question = {"role": "user", "content": prompt}
        whole = talk.text([question])
        begun = {"role": "assistant", "content": whole[:70], "partial": True}
        assert whole[:70] + talk.text([question, begun]) == whole


def test_what_broke_an_answer_off_does_not_break_its_continuation(talk: Talk) -> None:
    question = {"role": "user", "content": "hello\nsandbox: stop-early 50"}
    begun = streamed(talk.compatible([question], stream=True))
    rest = talk.compatible([question, {"role": "assistant", "content": begun, "partial": True}], stream=True)
    assert len(begun) == 50
    assert frames(rest)[-1] == "[DONE]"
    assert "“hello”" in begun + streamed(rest)


def test_an_answer_that_was_begun_while_thinking_can_be_continued(talk: Talk) -> None:
    question = {"role": "user", "content": "hello"}
    whole = talk.text([question], "qwen3.8-max")
    begun = {"role": "assistant", "content": whole[:250], "partial": True}
    assert whole[:250] + talk.text([question, begun], "qwen3.8-max", enable_thinking=False) == whole


def test_json_is_answered_when_it_is_asked_for(talk: Talk) -> None:
    value = json.loads(talk.text("Facts in JSON", response_format={"type": "json_object"}))
    assert value["simulator"] is True
    assert value["question"] == "Facts in JSON"
    schema = {"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}, "n": {"type": "integer"}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert json.loads(talk.text("hi", "qwen3.7-plus", response_format=form)) == {"mood": "good", "n": 1}


def test_limits_and_stop_words_end_an_answer(talk: Talk) -> None:
    choice = talk.compatible("hi", max_tokens=5).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert len(choice["message"]["content"]) == 20
    assert talk.text("hi", stop=["simulator"]).endswith("a ")
    assert [choice["index"] for choice in talk.compatible("hi", n=2).json()["choices"]] == [0, 1]


def test_search_names_its_sources_in_the_native_protocol(talk: Talk) -> None:
    options: dict[str, Any] = {"enable_search": True, "search_options": {"enable_source": True}}
    output = talk.native("hi", result_format="message", **options).json()["output"]
    assert [page["index"] for page in output["search_info"]["search_results"]] == [1, 2]


# Strictness


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer other"}, {"authorization": "sk-1"}])
def test_a_missing_or_other_key_is_refused(sandbox: Sandbox, header: dict[str, str]) -> None:
    compatible = httpx.get(f"{sandbox.compatible_url}/models", headers=header, trust_env=False)
    assert (compatible.status_code, error(compatible)["code"]) == (401, "invalid_api_key")
    native = httpx.post(sandbox.native_url + TEXT, json={}, headers=header, trust_env=False)
    assert (native.status_code, native.json()["code"]) == (401, "InvalidApiKey")


def test_an_unknown_model_is_not_found(talk: Talk) -> None:
    response = talk.compatible("hi", "qwen3.8-plus")
    assert (response.status_code, error(response)["code"]) == (404, "model_not_found")
    assert talk.native("hi", "gpt-4").json()["code"] == "ModelNotFound"
    assert talk.compatible("hi", "qwen-plus-2025-07-28").status_code == 200


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"temperature": 2}, "Temperature should be in [0.0, 2.0)"),
        ({"temperature": "hot"}, "Temperature"),
        ({"top_p": 0}, "top_p"),
        ({"n": 5}, "Range of n"),
        ({"seed": 2**31}, "seed"),
        ({"stop": {"a": 1}}, "stop"),
        ({"max_tokens": 0}, "Range of max_tokens should be [1, 32768]"),
        ({"presence_penalty": 3}, "Presence_penalty"),
        ({"tools": [{"name": "f"}]}, "Tools"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"response_format": {"type": "json_object"}}, "must contain the word 'json'"),
        ({"response_format": {"type": "json_object"}, "enable_thinking": True}, "Json mode"),
        ({"enable_thinking": "yes"}, "enable_thinking"),
        ({"model": "qwen3.7-max", "thinking_budget": 9, "reasoning_effort": "low"}, "at the same time"),
        ({"model": "qwq-plus"}, "only support stream mode"),
        ({"model": "qwq-plus", "stream": True, "enable_thinking": False}, "restricted to True"),
        ({"model": "qwen3-8b"}, "only support stream call"),
    ],
)
def test_wrong_fields_are_refused_in_both_protocols(talk: Talk, fields: dict[str, Any], words: str) -> None:
    response = talk.compatible("hi", **fields)
    assert response.status_code == 400
    assert words in error(response)["message"]
    if "stream" not in fields:
        native = talk.native("hi", **fields)
        assert (native.status_code, native.json()["code"]) == (400, "InvalidParameter")
        assert words in native.json()["message"]


def test_unknown_fields_are_ignored(talk: Talk) -> None:
    assert talk.compatible("hi", nonsense=1, temperature=None).status_code == 200


@pytest.mark.parametrize(
    "messages",
    [
        [],
        "no list",
        [{"role": "robot", "content": "hi"}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": 3}],
        [{"content": "hi"}],
        [{"role": "user", "content": [{"type": "movie"}]}],
        [{"role": "system", "content": "only"}],
        [{"role": "assistant", "content": "a", "partial": True}, {"role": "user", "content": "hi"}],
    ],
)
def test_wrong_messages_are_refused(sandbox: Sandbox, http: httpx.Client, messages: Any) -> None:
    url = f"{sandbox.compatible_url}/chat/completions"
    response = http.post(url, json={"model": "qwen-plus", "messages": messages})
    assert (response.status_code, error(response)["code"]) == (400, "invalid_parameter_error")


def test_a_wrong_query_is_refused(sandbox: Sandbox, http: httpx.Client) -> None:
    for path in ("files?limit=x", "files?create_after=soon", "batches?limit=-1"):
        assert http.get(f"{sandbox.compatible_url}/{path}").status_code == 400
    for path in ("files?page_no=x", "models?page_size=0", "uploads"):
        assert http.get(f"{sandbox.native_url}/{path}").json()["code"] == "InvalidParameter"


def test_partial_mode_does_not_go_with_thinking(talk: Talk) -> None:
    messages = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "a", "partial": True}]
    assert "Partial" in error(talk.compatible(messages, "qwen3.8-max"))["message"]


def test_a_model_refuses_a_native_stream_inside_the_stream(talk: Talk) -> None:
    response = talk.native([], stream=True)
    assert response.status_code == 200
    assert response.text.startswith("id:1\nevent:error\n:HTTP_STATUS/400\ndata:{")
    assert talk.native([]).status_code == 400
    assert talk.native("hi", "unknown", stream=True).status_code == 404


def test_the_native_paths_are_not_interchangeable(talk: Talk) -> None:
    for response in (talk.native("hi", "qwen-vl-max"), talk.native("hi", "qwen-plus", VISION)):
        assert (response.status_code, response.json()["message"]) == (400, "url error, please check url！")


def test_more_than_the_window_is_refused(talk: Talk) -> None:
    response = talk.compatible("word " * 40_000, "qwen-max")
    assert "Range of input length should be [1, 32768]" in error(response)["message"]


def test_a_body_that_is_too_large_or_no_json_is_refused(sandbox: Sandbox, http: httpx.Client) -> None:
    url = f"{sandbox.compatible_url}/chat/completions"
    assert error(http.post(url, content=b" " * (16 * 2**20 + 1)))["message"] == "Payload Too Large."
    assert http.post(url, content=b"{").status_code == 400
    assert http.post(url, content=iter([b'{"model": "qwen-', b'plus"}'])).status_code == 400
    assert http.get(url).status_code == 404


# Pictures


def test_a_picture_is_recognised_and_described(talk: Talk) -> None:
    text = talk.text(picture(png(320, 200)), "qwen3-vl-plus")
    assert "image, PNG, 320 × 200 px" in text
    assert "sha256 `" in text
    native = [{"role": "user", "content": [{"image": picture(png())[0]["content"][0]["image_url"]["url"]}]}]
    usage = talk.native(native, "qwen-vl-max", VISION).json()["usage"]
    assert usage["image_tokens"] == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no picture at all", "The image format is illegal"),
        (png()[:-20], "The image format is illegal"),
        (b"GIF89a" + struct.pack("<HH", 50, 50) + b";", "The image format is illegal"),
        (png(10, 100), "length and width"),
        (png(11, 2201), "length and width"),
        (png() + bytes(8_000_000), "Exceeded limit on max bytes per data-uri item : 10485760"),
    ],
)
def test_a_picture_that_the_service_would_not_take_is_refused(talk: Talk, data: bytes, words: str) -> None:
    assert words in error(talk.compatible(picture(data), "qwen3-vl-plus"))["message"]


def test_a_text_model_takes_no_picture(talk: Talk) -> None:
    assert "Unexpected item type in content" in error(talk.compatible(picture(png())))["message"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "TIFF"])
def test_pictures_of_every_kind_are_measured(talk: Talk, kind: str) -> None:
    image = pytest.importorskip("PIL.Image")
    from io import BytesIO

    out = BytesIO()
    image.new("RGB", (123, 45), "red").save(out, kind)
    assert f"{kind}, 123 × 45 px" in talk.text(picture(out.getvalue()), "qwen3-vl-plus")


# Files


def test_an_uploaded_document_is_read_by_its_id(talk: Talk) -> None:
    uploaded = talk.upload("报告 1.txt", "内容 content".encode()).json()
    assert uploaded["id"].startswith("file-fe-")
    assert uploaded["status"] == "processed"
    assert uploaded["filename"] == "报告 1.txt"
    system = {"role": "system", "content": f"fileid://{uploaded['id']}"}
    question = {"role": "user", "content": "hi"}
    text = talk.text([{"role": "system", "content": "Role."}, system, question], "qwen-long")
    assert f"document `报告 1.txt`, {uploaded['id']}, 14 bytes, sha256" in text
    two = {"role": "system", "content": f"fileid://{uploaded['id']},fileid://{uploaded['id']}"}
    assert "2. document" in talk.text([two, question], "qwen-long")


def test_an_upload_is_whole_although_it_has_its_own_boundary_inside_a_line(
    sandbox: Sandbox, http: httpx.Client
) -> None:
    content = b"a line with --frontier inside\r\nand a last line end\r\n"
    head = b'--frontier\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'
    purpose, file = head % (b"purpose", b""), head % (b"file", b'; filename="a.txt"')
    uploaded = http.post(
        f"{sandbox.compatible_url}/files",
        content=purpose + b"file-extract\r\n" + file + content + b"\r\n--frontier--\r\n",
        headers={"content-type": "multipart/form-data; boundary=frontier"},
    ).json()
    assert uploaded["bytes"] == len(content)


def test_wrong_references_to_documents_are_refused(talk: Talk) -> None:
    file_id = talk.upload("a.txt", b"text").json()["id"]
    question = {"role": "user", "content": "hi"}

    def said(content: str, model: str = "qwen-long") -> str:
        message: str = error(talk.compatible([{"role": "system", "content": content}, question], model))["message"]
        return message

    assert "Invalid file [id:file-fe-none]" in said("fileid://file-fe-none")
    assert "Invalid file" in said(f"Read this: fileid://{file_id}")
    assert "Invalid file" in said(f"fileid://{file_id} please")
    assert "qwen-long" in said(f"fileid://{file_id}", "qwen-plus")
    assert "Too many files" in said(",".join([f"fileid://{file_id}"] * 101))
    broken = talk.upload("a.pdf", b"no pdf").json()["id"]
    assert "format is not supported" in said(f"fileid://{broken}")


@pytest.mark.parametrize(
    ("name", "data", "purpose", "words"),
    [
        ("a.txt", b"x", "other", "'purpose' must be"),
        ("a.exe", b"x", "file-extract", "Unsupported file type"),
        ("a.txt", b"", "file-extract", "empty"),
        ("a.png", b"x" * (20 * 2**20 + 1), "file-extract", "20 MB"),
        ("a.txt", b"x", "batch", "jsonl"),
    ],
)
def test_wrong_uploads_are_refused(talk: Talk, name: str, data: bytes, purpose: str, words: str) -> None:
    response = talk.upload(name, data, purpose)
    assert response.status_code == 400
    assert words in error(response)["message"]


def test_files_are_listed_page_by_page_and_belong_to_an_account() -> None:
    headers = {"authorization": "Bearer sk-pages"}
    with Sandbox(any_key=True) as sandbox, httpx.Client(headers=headers, trust_env=False) as http:
        url = f"{sandbox.compatible_url}/files"
        for name in ("a.txt", "b.txt", "c.txt"):
            http.post(url, data={"purpose": "file-extract"}, files={"file": (name, b"x")})
        page = http.get(url, params={"limit": 2, "purpose": "file-extract", "create_after": "20200101"}).json()
        assert [file["filename"] for file in page["data"]] == ["c.txt", "b.txt"]
        assert page["has_more"] is True
        rest = http.get(url, params={"after": page["data"][-1]["id"]}).json()
        assert [file["filename"] for file in rest["data"]] == ["a.txt"]
        assert http.get(url, params={"create_before": "20200101"}).json()["data"] == []
        file_id = rest["data"][0]["id"]
        assert http.get(f"{url}/{file_id}/content").content == b"x"
        other = {"authorization": "Bearer sk-other"}
        assert httpx.get(f"{url}/{file_id}", headers=other, trust_env=False).status_code == 404
        assert http.delete(f"{url}/{file_id}").json() == {"id": file_id, "object": "file", "deleted": True}
        assert http.get(f"{url}/{file_id}").status_code == 404
        assert http.get(url, params={"limit": 0}).status_code == 400


def test_a_fresh_document_can_be_told_to_take_its_time() -> None:
    with Sandbox(parsing_polls=2) as sandbox, httpx.Client(trust_env=False) as http:
        talk = Talk(sandbox, http)
        http.headers["authorization"] = f"Bearer {sandbox.key}"
        file_id = talk.upload("a.txt", b"text").json()["id"]
        messages = [{"role": "system", "content": f"fileid://{file_id}"}, {"role": "user", "content": "hi"}]
        answers = [talk.compatible(messages, "qwen-long") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [400, 400, 200]
        assert "File parsing in progress, please try again later." in error(answers[0])["message"]


# Anything at all

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "assistant", "tool"]), "content": st.text(max_size=9) | ANYTHING},
    optional={"tool_calls": ANYTHING, "partial": ANYTHING, "tool_call_id": ANYTHING},
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    messages=st.lists(MESSAGE, max_size=3), fields=st.fixed_dictionaries({}, optional=dict.fromkeys(OPTIONS, ANYTHING))
)
def test_any_json_gets_an_answer_of_the_service(talk: Talk, messages: Any, fields: dict[str, Any]) -> None:
    for response in (talk.compatible(messages, **fields), talk.native(messages, **fields)):
        assert response.status_code in (200, 400, 404)
        assert response.headers["x-request-id"]


# Misbehaviour


def test_help_lists_every_directive(talk: Talk) -> None:
    text = talk.text("help")
    for directive in DIRECTIVES:
        assert f"`sandbox: {directive.word}" in text
    assert "`sandbox: nonsense`" in talk.text("sandbox: nonsense")


def test_it_plays_what_it_is_told(talk: Talk) -> None:
    assert len(talk.text("sandbox: long 5000")) == 5000
    assert talk.text("sandbox: echo\n**as it is** \\( x \\)\n\n  {}") == "**as it is** \\( x \\)\n\n  {}"
    assert "<script>" in talk.text("sandbox: html")
    tour = talk.compatible("sandbox: tour", stream=True)
    assert "```mermaid" in streamed(tour)
    assert streamed(tour, "reasoning_content")
    assert talk.compatible("sandbox: length 3").json()["choices"][0]["finish_reason"] == "length"


def test_the_first_attempt_fails_and_the_next_one_does_not(talk: Talk) -> None:
    for word, status in (("429", 429), ("500 1", 500), ("503 1", 503)):
        prompt = f"sandbox: {word}\nsandbox: retry-after 3\nfor this test"
        first = talk.compatible(prompt)
        assert (first.status_code, first.headers["retry-after"]) == (status, "3")
        assert talk.compatible(prompt).status_code == 200
        assert talk.native(prompt, stream=True).status_code == status
        assert talk.native(prompt, stream=True).status_code == 200
    assert "GMT" in talk.compatible("sandbox: 500\nsandbox: retry-after-date 3").headers["retry-after"]


@pytest.mark.parametrize(
    ("word", "status", "compatible", "native"),
    [
        ("500", 500, "internal_error", "InternalError"),
        ("filter", 400, "data_inspection_failed", "DataInspectionFailed"),
        ("arrears", 400, "Arrearage", "Arrearage"),
        ("quota", 429, "insufficient_quota", "Throttling.AllocationQuota"),
        ("denied", 403, "access_denied", "AccessDenied"),
    ],
)
def test_refusals_have_the_codes_of_each_protocol(
    talk: Talk, word: str, status: int, compatible: str, native: str
) -> None:
    one, other = talk.compatible(f"sandbox: {word}", stream=True), talk.native(f"sandbox: {word}", stream=True)
    assert (one.status_code, error(one)["code"]) == (status, compatible)
    assert (other.status_code, other.json()["code"]) == (status, native)


def test_a_refusal_can_have_the_frames_of_a_stream(talk: Talk) -> None:
    one = talk.compatible("sandbox: sse-400", stream=True)
    assert one.status_code == 400
    assert frames(one)[0]["error"]["code"] == "invalid_parameter_error"
    other = talk.native("sandbox: sse-400", stream=True)
    assert (other.status_code, frames(other)[0]["code"]) == (400, "InvalidParameter")


def test_something_else_can_answer(talk: Talk) -> None:
    page = talk.compatible("sandbox: 502")
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html")
    login = talk.compatible("sandbox: login-page", stream=True)
    assert (login.status_code, login.text[:9]) == (200, "<!DOCTYPE")
    garbage = talk.compatible("sandbox: garbage", stream=True)
    assert (garbage.status_code, b"[DONE]" in garbage.content) == (200, False)


def test_a_stream_can_end_in_every_wrong_way(talk: Talk) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        talk.compatible("sandbox: cut 30", stream=True)
    with pytest.raises(httpx.RemoteProtocolError):
        talk.compatible("sandbox: cut")
    with pytest.raises(httpx.RemoteProtocolError):
        talk.compatible("sandbox: reset\nat once")
    early = talk.compatible("sandbox: stop-early 30", stream=True)
    assert len(streamed(early)) == 30
    assert "[DONE]" not in early.text
    assert '"stop"' not in early.text
    broken = frames(talk.compatible("sandbox: error-mid", stream=True))[-1]
    assert broken["error"]["code"] == "internal_error"
    event = talk.native("sandbox: filter-mid", stream=True).text.split("\n\n")[-2]
    assert "event:error\n:HTTP_STATUS/400\n" in event
    assert "DataInspectionFailed" in event


def test_a_stream_can_leave_things_out(talk: Talk) -> None:
    options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    assert "[DONE]" not in talk.compatible("sandbox: no-done", **options).text
    assert "prompt_tokens" not in talk.compatible("sandbox: no-usage", **options).text
    assert '"usage"' not in talk.native("sandbox: no-usage", stream=True).text
    assert ": ping\n\n" in talk.compatible("sandbox: ping", **options).text


def test_a_client_that_goes_away_is_noticed_at_once(sandbox: Sandbox, http: httpx.Client) -> None:
    sandbox.clear()
    url, body = f"{sandbox.compatible_url}/chat/completions", {"model": "qwen-plus", "stream": True}
    for prompt in ("sandbox: rate 50\nsandbox: long 90000", "sandbox: stall 600", "sandbox: stall-mid 600"):
        messages = [{"role": "user", "content": prompt}]
        with http.stream("POST", url, json=body | {"messages": messages}) as response:
            assert response.status_code == 200
    with pytest.raises(httpx.ReadTimeout):
        http.post(url, json=body | {"messages": [{"role": "user", "content": "sandbox: silent"}]}, timeout=0.2)
    seen = sandbox.wait(lambda requests: len(requests) == 4 and all(request.done for request in requests))
    assert [request.cut for request in seen] == [True] * 4


def test_stopping_ends_what_is_still_running() -> None:
    sandbox = Sandbox().start()
    with ThreadPoolExecutor(1) as pool, httpx.Client(trust_env=False) as http:
        http.headers["authorization"] = f"Bearer {sandbox.key}"
        running = pool.submit(Talk(sandbox, http).compatible, "sandbox: silent")
        sandbox.wait(bool)
        sandbox.stop()
        assert isinstance(running.exception(10), httpx.HTTPError)


def test_a_hundred_streams_at_once(sandbox: Sandbox) -> None:
    limits = httpx.Limits(max_connections=100)
    headers = {"authorization": f"Bearer {sandbox.key}"}
    with ThreadPoolExecutor(100) as pool, httpx.Client(limits=limits, trust_env=False, headers=headers) as http:
        http.timeout = httpx.Timeout(60)
        talk = Talk(sandbox, http)
        prompts = [f"stream {number}\nsandbox: stall 0.5" for number in range(100)]
        answers = list(pool.map(lambda prompt: streamed(talk.compatible(prompt, stream=True)), prompts))
    assert all(f"“stream {number}”" in answer for number, answer in enumerate(answers))


# What it remembers, and the rest of the door


def test_requests_are_recorded_without_the_key(talk: Talk) -> None:
    talk.sandbox.clear()
    talk.compatible("one")
    talk.compatible("one")
    talk.compatible([])
    one, two, three = talk.sandbox.wait(lambda requests: len(requests) == 3 and requests[-1].done)
    assert one.raw == two.raw
    assert one.body["messages"] == [{"role": "user", "content": "one"}]
    assert (one.method, one.path, one.status, one.cut) == ("POST", "/compatible-mode/v1/chat/completions", 200, False)
    assert three.status == 400
    assert one.headers["authorization"] == f"…{talk.sandbox.key[-4:]}"
    assert talk.sandbox.key not in repr(one)


def test_models_are_listed(sandbox: Sandbox, http: httpx.Client) -> None:
    models = http.get(f"{sandbox.compatible_url}/models").json()
    assert {"qwen3.8-max", "qwen-long", "text-embedding-v4"} <= {model["id"] for model in models["data"]}
    assert http.get(f"{sandbox.compatible_url}/models/qwen-plus").json()["object"] == "model"
    assert http.get(f"{sandbox.compatible_url}/models/none").status_code == 404


def test_the_root_says_what_this_is(sandbox: Sandbox, http: httpx.Client) -> None:
    assert "simulator" in http.get(sandbox.root).text


def test_a_sandbox_has_a_key_of_its_own_and_takes_no_other() -> None:
    with Sandbox() as one, Sandbox() as other, httpx.Client(trust_env=False) as http:
        assert one.key != other.key
        for key, status in ((one.key, 200), (other.key, 401), ("sk-sandbox", 401), ("x", 401)):
            headers = {"authorization": f"Bearer {key}"}
            assert http.get(f"{one.compatible_url}/models", headers=headers).status_code == status


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "192.168.0.1"])
def test_a_page_with_another_name_for_this_machine_gets_nothing(
    host: str, sandbox: Sandbox, http: httpx.Client
) -> None:
    """As a page does in a browser whose name server was made to lead here."""
    assert http.get(f"{sandbox.compatible_url}/models", headers={"host": host}).status_code == 403
    for ours in ("localhost", "[::1]:1", "a.localhost", "127.0.0.2"):
        assert http.get(f"{sandbox.compatible_url}/models", headers={"host": ours}).status_code == 200


def test_head_and_options_are_answered(sandbox: Sandbox, http: httpx.Client) -> None:
    url = f"{sandbox.compatible_url}/models"
    head = http.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(http.get(url).content)
    assert http.head(sandbox.root).status_code == 200
    options = http.options(f"{sandbox.compatible_url}/files", headers={"authorization": ""})
    assert (options.status_code, options.headers["allow"]) == (204, "GET, POST")
    assert http.options(f"{sandbox.compatible_url}/none").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"ffffffff\r\n" + b" " * 40_000_000,
        b"x\r\n",
        b"-5\r\n",
        b"0\r\n" + b"a: b\r\n" * 1000,
        b"1" * 100_000,
    ],
    ids=["a chunk of 4 GB", "no number", "a negative number", "endless trailers", "an endless line"],
)
def test_a_body_in_bad_chunks_is_refused_and_not_kept(body: bytes, sandbox: Sandbox) -> None:
    head = (
        f"POST /compatible-mode/v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
        f"authorization: Bearer {sandbox.key}\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    sandbox.clear()
    address = ("127.0.0.1", sandbox.port)
    with socket.create_connection(address, timeout=20) as connection, contextlib.suppress(OSError):
        connection.sendall(head.encode() + body)
        assert b" 400 " in connection.recv(4096).partition(b"\r\n")[0]
    assert all(len(request.raw) <= 16 * 2**20 for request in sandbox.requests)


@pytest.mark.parametrize("protocol", ["compatible", "native"])
def test_several_answers_are_streamed_side_by_side(protocol: str, talk: Talk) -> None:
    texts = {0: "", 1: "", 2: ""}
    if protocol == "compatible":
        for frame in frames(talk.compatible("sandbox: echo\nseveral answers", stream=True, n=3)):
            for choice in frame["choices"] if frame != "[DONE]" else ():
                texts[choice["index"]] += choice["delta"]["content"] or ""
    else:
        options: dict[str, Any] = {"n": 3, "result_format": "message", "incremental_output": True}
        for event in talk.native("sandbox: echo\nseveral answers", stream=True, **options).text.split("\n\n")[:-1]:
            for choice in json.loads(event.partition("data:")[2])["output"]["choices"]:
                texts[choice["index"]] += choice["message"]["content"]
    assert set(texts.values()) == {"several answers"}


def test_native_usage_never_falls(talk: Talk) -> None:
    for prompt in ("sandbox: long 700", "sandbox: tour", "sandbox: echo\n这是一个答案，不长。"):
        for model, path in (("qwen-plus", TEXT), ("qwen3.8-max", VISION)):
            events = talk.native(prompt, model, path, stream=True, incremental_output=True).text.split("\n\n")[:-1]
            outputs = [json.loads(event.partition("data:")[2])["usage"]["output_tokens"] for event in events]
            assert outputs == sorted(outputs)


def test_a_role_is_refused_in_the_words_of_the_service(talk: Talk) -> None:
    """As its users quote them: no field is named, and only the model behind the provider signs its messages."""
    said = error(talk.compatible([{"role": "developer", "content": "x"}, {"role": "user", "content": "x"}]))
    assert said == {
        "message": "developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.[0].role'",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_parameter_error",
    }
    said = error(talk.compatible([{"role": "system", "content": "x"}]))
    assert said["message"] == (
        "<400> InternalError.Algo.InvalidParameter: The input messages do not contain elements with the role of user"
    )
    assert said["param"] is None
    older = [{"role": "user", "content": "x"}, {"role": "function", "name": "f", "content": "1"}]
    assert talk.compatible(older).status_code == 200


@pytest.mark.parametrize(
    ("model", "stream"),
    [
        ("qwen3.7-flash", False),
        ("qwen-coder-plus", False),
        ("qwq-32b", True),
        ("qwen3-235b-a22b-thinking-2507", True),
        ("qwen3-next-80b-a3b-thinking", True),
        ("qwen3-30b-a3b-instruct-2507", False),
    ],
)
def test_models_of_the_service_are_served(model: str, stream: bool, talk: Talk) -> None:
    assert talk.compatible("hi", model, stream=stream).status_code == 200
    if stream:
        assert "only support stream" in error(talk.compatible("hi", model))["message"]
