"""Structured answers of the sandbox, over HTTP and with the libraries that people use for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import httpx
import pytest
from pydantic import BaseModel
from support.event_loop import run_coroutine

from qwen_magic.sandbox import Sandbox

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
STRICT = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": SCHEMA}}
IN_WORDS = f"Answer with JSON by this JSON schema: {json.dumps(SCHEMA)}"


class Person(BaseModel):
    name: str
    age: int
    mood: Literal["good", "bad"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def ask(sandbox: Sandbox, *questions: str, model: str = "qwen3.7-plus", **fields: Any) -> httpx.Response:
    """The response to the last question; those before it got some answer."""
    messages = [{"role": "user", "content": questions[0]}]
    for question in questions[1:]:
        messages += [{"role": "assistant", "content": "…"}, {"role": "user", "content": question}]
    url, headers = f"{sandbox.compatible_url}/chat/completions", {"authorization": f"Bearer {sandbox.key}"}
    body = {"model": model, "messages": messages, "enable_thinking": False, **fields}
    return httpx.post(url, json=body, headers=headers, trust_env=False)


def text(response: httpx.Response) -> str:
    return str(response.raise_for_status().json()["choices"][0]["message"]["content"])


@pytest.mark.parametrize("form", [STRICT, {"type": "json_object"}, {"type": "text"}], ids=lambda form: form["type"])
def test_every_form_of_request_gets_fitting_data(sandbox: Sandbox, form: dict[str, Any]) -> None:
    found = json.loads(text(ask(sandbox, f"Who?\n{IN_WORDS}", response_format=form)))
    assert set(found) == {"name", "age"}
    assert isinstance(found["age"], int)


def test_the_native_protocol_answers_by_schema(sandbox: Sandbox) -> None:
    url = f"{sandbox.native_url}/services/aigc/multimodal-generation/generation"
    parameters = {"result_format": "message", "enable_thinking": False, "response_format": STRICT}
    messages = [{"role": "user", "content": [{"text": "Who?"}]}]
    body = {"model": "qwen3.7-plus", "input": {"messages": messages}, "parameters": parameters}
    answer = httpx.post(url, json=body, headers={"authorization": f"Bearer {sandbox.key}"}, trust_env=False).json()
    assert json.loads(answer["output"]["choices"][0]["message"]["content"][0]["text"]) == {"name": "Who?", "age": 1}


def test_a_form_is_refused_in_the_words_of_the_service(sandbox: Sandbox) -> None:
    for directive, form, status in [
        ("json-refuse", STRICT, 400),
        ("json-refuse", {"type": "json_object"}, 200),
        ("json-refuse 2", {"type": "json_object"}, 400),
        ("json-refuse 2", {"type": "text"}, 200),
    ]:
        answer = ask(sandbox, f"sandbox: {directive}\n{IN_WORDS}", response_format=form)
        assert answer.status_code == status, answer.text
        assert status == 200 or "does not support response_format" in answer.text


@pytest.mark.parametrize(
    ("directive", "begins"),
    [("json-ignore", "**This is"), ("json-fence", "Here is"), ("json-empty", ""), ("json-think", "<think>")],
)
def test_an_answer_goes_wrong_as_it_is_told_to(sandbox: Sandbox, directive: str, begins: str) -> None:
    found = text(ask(sandbox, f"sandbox: {directive}", response_format=STRICT))
    assert found.startswith(begins)
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(found)


def test_it_can_repeat_itself_and_never_come_to_an_end(sandbox: Sandbox) -> None:
    assert text(ask(sandbox, "sandbox: json-repeat", response_format=STRICT)).count("name") == 3
    assert text(ask(sandbox, "sandbox: json-blank", response_format=STRICT)).endswith("   ")


def test_a_json_is_cut_at_the_token_limit(sandbox: Sandbox) -> None:
    choice = ask(sandbox, "sandbox: length 3", response_format=STRICT).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert not choice["message"]["content"].endswith("}")


def test_it_is_wrong_first_and_right_when_it_is_asked_again(sandbox: Sandbox) -> None:
    first = json.loads(text(ask(sandbox, "sandbox: json-wrong", response_format=STRICT)))
    again = json.loads(text(ask(sandbox, "sandbox: json-wrong", "No. Again.", response_format=STRICT)))
    assert first["age"] == "wrong"
    assert again["age"] == 1
    twice = ask(sandbox, "sandbox: json-wrong 2", "No. Again.", response_format=STRICT)
    assert json.loads(text(twice))["age"] == "wrong"


def test_as_many_rows_as_one_likes(sandbox: Sandbox) -> None:
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": SCHEMA}}, "required": ["items"]}
    form = {"type": "json_schema", "json_schema": {"name": "people", "schema": schema}}
    assert len(json.loads(text(ask(sandbox, "sandbox: json-rows 50", response_format=form)))["items"]) == 50


def test_the_openai_sdk_parses_a_model(sandbox: Sandbox) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=sandbox.compatible_url, api_key=sandbox.key, max_retries=0) as client:
        answer = client.chat.completions.parse(
            model="qwen3.7-plus",
            messages=[{"role": "user", "content": "Who?"}],
            response_format=Person,
            extra_body={"enable_thinking": False},
        )
    assert answer.choices[0].message.parsed == Person(name="Who?", age=1, mood="good")


def test_the_dashscope_sdk_gets_fitting_json(sandbox: Sandbox) -> None:
    dashscope = pytest.importorskip("dashscope")
    answer = dashscope.Generation.call(
        model="qwen3.7-max",
        api_key=sandbox.key,
        base_address=sandbox.native_url,
        messages=[{"role": "user", "content": f"Who?\n{IN_WORDS}"}],
        result_format="message",
        enable_thinking=False,
        response_format={"type": "json_object"},
    )
    found = json.loads(answer.output.choices[0].message.content)
    assert set(found) == {"name", "age"}


def test_pydantic_ai_gets_a_model_also_after_a_wrong_answer(sandbox: Sandbox) -> None:
    pytest.importorskip("pydantic_ai")
    from pydantic_ai import Agent, PromptedOutput
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    model = OpenAIChatModel("qwen-plus", provider=OpenAIProvider(base_url=sandbox.compatible_url, api_key=sandbox.key))
    agent = Agent(model, output_type=PromptedOutput(Person), retries=1)
    for prompt in ("Who?", "sandbox: json-wrong\nWho?"):
        assert isinstance(run_coroutine(agent.run(prompt)).output, Person)
