"""The official `dashscope` SDK, unchanged, against the sandbox: its classes of 1.x, and the Client of 2.x."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from support.sandbox_pictures import png

from qwen_magic.sandbox import Sandbox

dashscope = pytest.importorskip("dashscope")

HELLO = [{"role": "user", "content": "hello"}]
NEW = pytest.mark.skipif(not hasattr(dashscope, "Client"), reason="dashscope before 2.0 has no Client")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK's own global settings, for the time of a test."""
    monkeypatch.setattr(dashscope, "base_http_api_url", sandbox.native_url)
    monkeypatch.setattr(dashscope, "api_key", sandbox.key)


@pytest.fixture(params=["native", "openai"])
def client(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Any]:
    base = {"native": sandbox.native_url, "openai": sandbox.compatible_url}[request.param]
    client = dashscope.Client(api_key=sandbox.key, base_url=base, protocol=request.param, max_retries=0)
    yield client
    client.close()


def say(**options: Any) -> Any:
    options = {"model": "qwen-plus", "messages": HELLO, "result_format": "message"} | options
    return dashscope.Generation.call(**options)


# 1.x


def test_a_whole_answer() -> None:
    answer = say()
    assert answer.status_code == HTTPStatus.OK
    assert "simulator" in answer.output.choices[0].message.content
    assert answer.usage.output_tokens > 0
    assert "simulator" in dashscope.Generation.call("qwen-plus", prompt="hello").output.text


@pytest.mark.parametrize("incremental", [True, False])
def test_a_stream(incremental: bool) -> None:
    parts = [part.output.choices[0].message.content for part in say(stream=True, incremental_output=incremental)]
    text = "".join(parts) if incremental else parts[-1]
    assert text == say().output.choices[0].message.content
    assert len(parts) > 20


def test_thinking_in_a_stream() -> None:
    parts = list(say(stream=True, incremental_output=True, enable_thinking=True))
    assert parts[0].output.choices[0].message.reasoning_content
    assert parts[-1].usage["output_tokens_details"]["reasoning_tokens"] > 0
    assert parts[-1].output.choices[0].finish_reason == "stop"


def test_a_tool_call() -> None:
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
    answer = say(messages=[{"role": "user", "content": "The weather?"}], tools=[tool])
    assert answer.output.choices[0].message.tool_calls[0]["function"]["name"] == "get_weather"


@pytest.mark.parametrize("incremental", [True, False])
def test_several_tool_calls_in_a_stream(incremental: bool) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": schema}}
    messages = [{"role": "user", "content": "sandbox: calls 2\nHangzhou"}]
    parts = list(say(messages=messages, tools=[tool], stream=True, incremental_output=incremental))
    found: dict[int, str] = {}
    for part in parts:
        for call in part.output.choices[0].message.get("tool_calls") or ():
            text = call["function"].get("arguments", "")
            found[call["index"]] = found.get(call["index"], "") + text if incremental else text
    assert [json.loads(found[index]) for index in (0, 1)] == [{"city": "Hangzhou"}] * 2


def test_a_picture_from_the_disk_is_uploaded_and_resolved(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(png(64, 48))
    content = [{"image": path.as_uri()}, {"text": "What is this?"}]
    messages = [{"role": "user", "content": content}]
    answer = dashscope.MultiModalConversation.call("qwen-vl-max", messages)
    assert answer.status_code == HTTPStatus.OK, answer
    assert "PNG, 64 × 48 px" in answer.output.choices[0].message.content[0]["text"]
    assert sandbox.requests[-1].headers["x-dashscope-ossresourceresolve"] == "enable"
    assert sandbox.requests[-1].body["input"]["messages"][0]["content"][0]["image"].startswith("oss://")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"messages": []}\n', encoding="utf-8")
    uploaded = dashscope.Files.upload(str(path), purpose="inference")
    file_id = uploaded.output["uploaded_files"][0]["file_id"]
    assert dashscope.Files.get(file_id).output["name"] == "data.jsonl"
    assert file_id in [file["file_id"] for file in dashscope.Files.list().output["files"]]
    assert dashscope.Files.delete(file_id).status_code == HTTPStatus.OK
    assert dashscope.Files.get(file_id).status_code == HTTPStatus.BAD_REQUEST


def test_models() -> None:
    models = importlib.import_module("dashscope.models").Models.list(page_size=3)
    assert len(models.output["models"]) == 3


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"model": "no-such-model"}, 404, "ModelNotFound"),
        ({"temperature": 3.0}, 400, "InvalidParameter"),
        ({"api_key": "wrong"}, 401, "InvalidApiKey"),
        ({"messages": [{"role": "user", "content": "sandbox: quota"}]}, 429, "Throttling.AllocationQuota"),
        ({"messages": [{"role": "user", "content": "sandbox: filter"}]}, 400, "DataInspectionFailed"),
    ],
)
def test_errors_have_their_status_and_code(options: dict[str, Any], status: int, code: str, stream: bool) -> None:
    answer = next(iter(say(stream=True, **options))) if stream else say(**options)
    assert answer.code == code
    assert answer.request_id
    # What status an error inside a stream has is the SDK's own guess, which differs between its versions.
    assert stream or answer.status_code == status


def test_an_error_in_mid_stream() -> None:
    messages = [{"role": "user", "content": "sandbox: filter-mid"}]
    *_, last = say(messages=messages, stream=True, incremental_output=True)
    assert last.code == "DataInspectionFailed"


# 2.x


@NEW
def test_the_new_client_gets_an_answer(client: Any) -> None:
    answer = client.chat.completions.create(model="qwen-plus", messages=HELLO)
    assert "simulator" in answer.choices[0].message.content
    assert answer.usage.output_tokens > 0


@NEW
def test_the_new_client_streams(client: Any) -> None:
    stream = client.chat.completions.create(model="qwen-plus", messages=HELLO, stream=True, enable_thinking=True)
    final = stream.get_final_message()
    assert "simulator" in final.choices[0].message.content
    assert final.choices[0].message.reasoning_content


@NEW
def test_the_new_client_has_its_own_errors(client: Any, sandbox: Sandbox) -> None:
    from dashscope.v2 import errors

    def ask(prompt: str = "hello", **options: Any) -> None:
        options = {"model": "qwen-plus", "messages": [{"role": "user", "content": prompt}], "stream": True} | options
        list(client.chat.completions.create(**options))

    # The SDK knows the content filter by its native code only.
    native = client.protocol.name == "native"
    for prompt, kind in {
        "sandbox: filter": errors.ContentFilterError if native else errors.BadRequestError,
        "sandbox: filter-mid": errors.ContentFilterError if native else errors.DashScopeError,
        "sandbox: quota": errors.RateLimitError,
        "sandbox: denied": errors.PermissionDeniedError,
        "sandbox: 500": errors.InternalServerError,
    }.items():
        with pytest.raises(kind):
            ask(prompt)
    with pytest.raises(errors.NotFoundError):
        ask(model="no-such-model")
    with pytest.raises(errors.BadRequestError):
        ask(temperature=3.0)
    with pytest.raises(errors.AuthenticationError):
        ask(api_key="wrong")


@NEW
def test_the_new_client_uploads_a_picture(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(png(64, 48))
    client = dashscope.Client(api_key=sandbox.key, base_url=sandbox.native_url, protocol="native", max_retries=0)
    content = [{"type": "image", "url": path.as_uri()}, {"type": "text", "text": "What is this?"}]
    answer = client.chat.completions.create(model="qwen3-vl-plus", messages=[{"role": "user", "content": content}])
    assert "PNG, 64 × 48 px" in str(answer.choices[0].message.content)
    assert "multimodal" in sandbox.requests[-1].path
    client.close()


@NEW
def test_the_new_client_knows_files_and_models(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"messages": []}\n', encoding="utf-8")
    client = dashscope.Client(api_key=sandbox.key, base_url=sandbox.native_url, protocol="native", max_retries=0)
    file = client.files.upload(file_path=str(path))
    assert client.files.get(file.file_id).name == "data.jsonl"
    assert file.file_id in [known.file_id for known in client.files.list().files]
    assert client.files.delete(file.file_id).deleted
    assert client.models.get("qwen-plus").model == "qwen-plus"
    client.close()
