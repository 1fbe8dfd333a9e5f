"""The official `openai` SDK, unchanged, against the sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qwen_magic.sandbox import Sandbox

openai = pytest.importorskip("openai")

HELLO = [{"role": "user", "content": "hello"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Any]:
    with openai.OpenAI(base_url=sandbox.compatible_url, api_key=sandbox.key, max_retries=0, timeout=20) as client:
        yield client


def test_a_whole_answer(client: Any) -> None:
    answer = client.chat.completions.create(model="qwen-plus", messages=HELLO)
    assert "simulator" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_with_thinking_and_usage(client: Any) -> None:
    stream = client.chat.completions.create(
        model="qwen-plus",
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"enable_thinking": True},
    )
    chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert "simulator" in "".join(delta.content or "" for delta in deltas)
    assert chunks[-1].usage.completion_tokens_details.reasoning_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call(client: Any, stream: bool) -> None:
    question = [{"role": "user", "content": "How is the weather in Hangzhou?"}]
    answer = client.chat.completions.create(model="qwen-plus", messages=question, tools=[TOOL], stream=stream)
    if stream:
        deltas = [chunk.choices[0].delta for chunk in answer]
        functions = [delta.tool_calls[0].function for delta in deltas if delta.tool_calls]
        name, arguments = functions[0].name, "".join(function.arguments for function in functions)
    else:
        function = answer.choices[0].message.tool_calls[0].function
        name, arguments = function.name, function.arguments
    assert name == "get_weather"
    assert "Hangzhou" in json.loads(arguments)["city"]


@pytest.mark.parametrize("defect", ["", "sandbox: call-mixed"])
def test_several_tool_calls_and_their_results(client: Any, defect: str) -> None:
    messages: list[Any] = [{"role": "user", "content": f"sandbox: calls 2\n{defect}\nHangzhou"}]
    with client.chat.completions.stream(model="qwen-plus", messages=messages, tools=[TOOL]) as stream:
        message = stream.get_final_completion().choices[0].message
    assert [json.loads(call.function.arguments)["city"] for call in message.tool_calls] == ["Hangzhou", "Hangzhou"]
    assert len({call.id for call in message.tool_calls}) == 2
    messages.append({"role": "assistant", "content": "", "tool_calls": [call.to_dict() for call in message.tool_calls]})
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "18 °C"} for call in message.tool_calls]
    answer = client.chat.completions.create(model="qwen-plus", messages=messages, tools=[TOOL])
    assert answer.choices[0].message.content.count("The tool says: “18 °C”") == 2


def test_models(client: Any) -> None:
    assert "qwen3.8-max" in [model.id for model in client.models.list()]
    assert client.models.retrieve("qwen-plus").id == "qwen-plus"


def test_embeddings(client: Any) -> None:
    vectors = client.embeddings.create(model="text-embedding-v4", input=["a", "b"], dimensions=64).data
    again = client.embeddings.create(model="text-embedding-v4", input="a", dimensions=64).data
    assert [len(vector.embedding) for vector in vectors] == [64, 64]
    assert vectors[0].embedding == again[0].embedding
    plain = client.embeddings.create(model="text-embedding-v4", input="a", dimensions=64, encoding_format="float").data
    assert again[0].embedding == pytest.approx(plain[0].embedding, rel=1e-6)
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="text-embedding-v4", input=["a"] * 11)


def test_files(client: Any, tmp_path: Path) -> None:
    path = tmp_path / "报告.md"
    path.write_text("# 标题\n", encoding="utf-8")
    file = client.files.create(file=path, purpose="file-extract")
    assert client.files.retrieve(file.id).filename == "报告.md"
    assert file.id in [known.id for known in client.files.list(purpose="file-extract", limit=1)]
    assert client.files.content(file.id).read() == path.read_bytes()
    messages = [{"role": "system", "content": f"fileid://{file.id}"}, *HELLO]
    answer = client.chat.completions.create(model="qwen-long", messages=messages)
    assert "报告.md" in answer.choices[0].message.content
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)
    with pytest.raises(openai.BadRequestError, match="purpose"):
        client.files.create(file=path, purpose="assistants")


def batch_file(client: Any, *bodies: dict[str, Any], url: str = "/v1/chat/completions") -> str:
    lines = [
        json.dumps({"custom_id": str(number), "method": "POST", "url": url, "body": body})
        for number, body in enumerate(bodies)
    ]
    file_id: str = client.files.create(file=("b.jsonl", "\n".join(lines).encode()), purpose="batch").id
    return file_id


def finished(client: Any, batch_id: str) -> tuple[list[str], Any]:
    """The states that a batch goes through, and the batch as it is in the end."""
    states: list[str] = []
    while not states or states[-1] not in ("completed", "failed", "cancelled"):
        batch = client.batches.retrieve(batch_id)
        states.append(batch.status)
    return states, batch


def results(client: Any, file_id: str) -> list[Any]:
    return [json.loads(line) for line in client.files.content(file_id).text.splitlines()]


def test_a_batch_with_one_wrong_line(client: Any) -> None:
    good, bad = {"model": "qwen3.8-max", "messages": HELLO}, {"model": "qwen3.8-max", "messages": []}
    batch = client.batches.create(
        input_file_id=batch_file(client, good, bad),
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"ds_name": "测试"},
    )
    assert batch.status == "validating"
    states, batch = finished(client, batch.id)
    assert states == ["in_progress", "finalizing", "completed"]
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (2, 1, 1)
    (answer,) = results(client, batch.output_file_id)
    message = answer["response"]["body"]["choices"][0]["message"]
    assert "simulator" in message["content"]
    assert "reasoning_content" not in message
    (failure,) = results(client, batch.error_file_id)
    assert (failure["custom_id"], failure["response"]["status_code"]) == ("1", 400)
    assert batch.id in [known.id for known in client.batches.list(limit=1)]


def test_the_model_for_trying_batches(client: Any) -> None:
    url = "/v1/chat/ds-test"
    file_id = batch_file(client, {"model": "batch-test-model", "messages": HELLO}, url=url)
    batch = client.batches.create(input_file_id=file_id, endpoint=url, completion_window="24h")
    assert finished(client, batch.id)[0][-1] == "completed"


def test_a_batch_that_cannot_be_done(client: Any) -> None:
    body = {"messages": HELLO}
    file_id = batch_file(client, {"model": "qwen-plus", **body}, {"model": "qwen-max", **body})
    batch = client.batches.create(input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h")
    states, batch = finished(client, batch.id)
    assert states == ["failed"]
    assert batch.errors.data[0].code == "mismatched_model"
    with pytest.raises(openai.BadRequestError, match="completion_window"):
        client.batches.create(input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="1h")


def test_a_batch_can_be_cancelled(client: Any) -> None:
    file_id = batch_file(client, {"model": "qwen-plus", "messages": HELLO})
    batch = client.batches.create(input_file_id=file_id, endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.cancel(batch.id).status == "cancelling"
    assert finished(client, batch.id)[0] == ["cancelled"]


@pytest.mark.parametrize(
    ("prompt", "model", "error"),
    [
        ("hello", "no-such-model", "NotFoundError"),
        ("", "qwen-plus", "BadRequestError"),
        ("sandbox: filter", "qwen-plus", "BadRequestError"),
        ("sandbox: sse-400", "qwen-plus", "BadRequestError"),
        ("sandbox: denied", "qwen-plus", "PermissionDeniedError"),
        ("sandbox: quota", "qwen-plus", "RateLimitError"),
        ("sandbox: 500", "qwen-plus", "InternalServerError"),
        ("sandbox: 502", "qwen-plus", "InternalServerError"),
        ("sandbox: reset", "qwen-plus", "APIConnectionError"),
        ("sandbox: error-mid", "qwen-plus", "APIError"),
        ("sandbox: filter-mid", "qwen-plus", "APIError"),
    ],
)
def test_errors_are_the_sdks_own(client: Any, prompt: str, model: str, error: str) -> None:
    with pytest.raises(getattr(openai, error)):
        list(client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}], stream=True))


def test_an_error_has_its_code_and_its_request_id(client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="qwen-plus", messages=HELLO, temperature=3)
    assert caught.value.code == "invalid_parameter_error"
    assert caught.value.request_id


def test_a_wrong_key_is_an_authentication_error(sandbox: Sandbox) -> None:
    with openai.OpenAI(base_url=sandbox.compatible_url, api_key="wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.models.list()
        assert caught.value.code == "invalid_api_key"


def test_the_sdks_own_retries_get_through(sandbox: Sandbox) -> None:
    sandbox.clear()
    prompt = "the SDK tries again\nsandbox: 429\nsandbox: retry-after 0"
    with openai.OpenAI(base_url=sandbox.compatible_url, api_key=sandbox.key, max_retries=2) as client:
        answer = client.chat.completions.create(model="qwen-plus", messages=[{"role": "user", "content": prompt}])
    assert "simulator" in answer.choices[0].message.content
    assert [request.status for request in sandbox.requests] == [429, 200]
