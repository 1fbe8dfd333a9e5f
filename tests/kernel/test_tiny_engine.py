"""A real engine: llama.cpp with a tiny Qwen3 of random weights, asked over HTTP and from a notebook's cells."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

import httpx
import nbformat
import pytest
from support.kernels import Kernel, Result
from support.tiny_engine.engine import Engine

QUESTIONS = [f"Question {number}?" for number in range(12)]
# Grammars of llama.cpp's: an answer has this form, and random letters in it.
THINKS_FIRST = 'root ::= "<think>" [a-z ]{5,40} "</think>" [A-Z]{5,40}'
SHORT = "root ::= [a-z]{5,20}"


@pytest.fixture(scope="module")
def http(engine: Engine) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {engine.key}"}
    with httpx.Client(base_url=engine.base_url, headers=headers, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def notebook(kernel: Kernel, engine: Engine) -> Kernel:
    """A kernel that asks the engine."""
    kernel.use(engine.base_url, engine.key)
    return kernel


def body(question: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}]}


def ask(http: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    """The engine's own answer, with nothing of this package between."""
    answer = http.post("chat/completions", json=body | {"stream": False, "stream_options": None})
    return dict(answer.raise_for_status().json()["choices"][0]["message"])


def stream(http: httpx.Client, body: dict[str, Any]) -> list[dict[str, Any]]:
    text = http.post("chat/completions", json=body | {"stream": True}).content.decode()
    *frames, done, _ = text.split("\n\n")
    assert done == "data: [DONE]"
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


def sent(notebook: Kernel, options: str, question: str) -> dict[str, Any]:
    """The body that a cell sends, from its dry run."""
    text = notebook.run(f"%%qwen --dry-run {options}\n{question}").text
    return dict(json.loads(text[text.index("{") : text.rindex("}") + 1]))


def as_notebook(result: Result) -> dict[str, Any]:
    """The notebook that a front-end would save."""
    cell = {"id": "asks", "cell_type": "code", "execution_count": 1, "metadata": {}, "source": "%%qwen"}
    cells = [cell | {"outputs": result.saved}]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_the_engine_streams_in_pieces_and_ends_with_its_reason(http: httpx.Client) -> None:
    frames = stream(http, body("Hello?"))
    assert len(frames) > 5
    assert frames[-1]["choices"][0]["finish_reason"] in ("stop", "length")


def test_the_same_question_gets_the_same_answer(http: httpx.Client) -> None:
    assert ask(http, body("Again?")) == ask(http, body("Again?"))


def test_random_answers_hold_everything_that_is_odd(http: httpx.Client) -> None:
    said = "".join(ask(http, body(question))["content"] for question in QUESTIONS)
    assert "\N{REPLACEMENT CHARACTER}" in said
    assert any(unicodedata.category(letter) == "Cc" and letter not in "\r\n\t" for letter in said)
    assert "<script" in said
    assert "```" in said


def test_a_cell_takes_whatever_the_engine_answers(notebook: Kernel, http: httpx.Client) -> None:
    for question in QUESTIONS:
        result = notebook.run(f"%%qwen --alone\n{question}")
        assert result.status == "ok", result.text
        assert notebook.value("_qwen.text") == ask(http, sent(notebook, "--alone", question))["content"]


def test_what_a_cell_saves_is_a_valid_notebook(notebook: Kernel) -> None:
    for question in QUESTIONS:
        saved = as_notebook(notebook.run(f"%%qwen --alone\n{question}"))
        nbformat.validate(saved)
        assert json.loads(json.dumps(saved, ensure_ascii=False).encode()) == saved


def test_thinking_is_kept_apart_from_the_answer(notebook: Kernel, http: httpx.Client) -> None:
    options = f"--alone --set 'grammar={THINKS_FIRST}'"
    result = notebook.run(f"%%qwen {options}\nWhy?")
    assert result.status == "ok", result.text
    expected = ask(http, sent(notebook, options, "Why?"))
    assert expected["reasoning_content"]
    assert notebook.value("(_qwen.reasoning, _qwen.text)") == (expected["reasoning_content"], expected["content"])


def test_a_schema_holds_random_weights_to_fitting_data(notebook: Kernel) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "mood": {"enum": ["good", "bad"]},
            "ok": {"type": "boolean"},
            "numbers": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
        },
        "required": ["name", "mood", "ok", "numbers"],
        "additionalProperties": False,
    }
    notebook.run(f"form = {schema!r}")
    for question in QUESTIONS[:4]:
        result = notebook.run(f"%%qwen --alone --schema form --set max_tokens=400\n{question}")
        assert result.status == "ok", result.text
        data = notebook.value("_qwen.data")
        assert set(data) == set(schema["required"])
        assert data["mood"] in ("good", "bad")
        assert "asked once more" not in result.text + str(result.saved)
    form = sent(notebook, "--alone --schema form", "Why?")
    assert form["response_format"]["type"] == "json_schema"
    assert form["chat_template_kwargs"] == {"enable_thinking": False}


def test_the_second_cell_has_the_first_in_its_context(notebook: Kernel) -> None:
    magic = f"%%qwen --set 'grammar={SHORT}'"
    first = notebook.run(f"{magic}\nOne?", cell_id="one")
    tokens = notebook.value("_qwen.usage.input")
    second = notebook.run(f"{magic}\nTwo?", cell_id="two")
    assert (first.status, second.status) == ("ok", "ok")
    assert notebook.value("_qwen.usage.input") > tokens


def test_more_than_the_engine_can_read_is_one_clear_line(notebook: Kernel) -> None:
    result = notebook.run("%%qwen --alone\n" + "word " * 2_000)
    assert result.error.startswith("ContextTooLong: ")


def test_a_wrong_key_is_one_clear_line(kernel: Kernel, engine: Engine) -> None:
    kernel.use(engine.base_url, "not-its-key")
    result = kernel.run("%%qwen\nHello?")
    assert result.error.startswith("KeyRejected: ")
    assert "not-its-key" not in result.text
