"""The sandbox beside the service itself: the requests of real exchanges get answers of the same shape."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.paths import CAPTURES

from qwen_magic.sandbox import Sandbox

BESIDE = CAPTURES
CAPTURES = Path(os.environ.get("QWEN_CAPTURES", BESIDE)) / "dashscope"
STREAMS = ("single-generation-message", "single-generation-message-reasoning", "multimodal-generation-vl")

pytestmark = pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures are not there")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def text(name: str) -> str:
    return (CAPTURES / name).read_text(encoding="utf-8-sig")


def ask(sandbox: Sandbox, name: str) -> httpx.Response:
    kind = "multimodal" if name.startswith("multimodal") else "text"
    url = f"{sandbox.native_url}/services/aigc/{kind}-generation/generation"
    headers = {"authorization": f"Bearer {sandbox.key}", "accept": "text/event-stream" if "-sse" in name else "*/*"}
    return httpx.post(url, json=json.loads(text(f"{name}.request.body.json")), headers=headers, trust_env=False)


def events(stream: str) -> list[tuple[list[str], Any]]:
    """The lines before the data of each event, without the event's number, and the data."""
    found = [json.JSONDecoder().raw_decode(event)[0] for event in stream.split("data:")[1:]]
    heads = [line for line in stream.split("\n") if line.startswith(("event:", ":HTTP_STATUS"))]
    return [(heads[2 * at : 2 * at + 2], data) for at, data in enumerate(found)]


def shape(value: Any, at: str = "") -> set[str]:
    """The paths of a JSON value's keys."""
    if isinstance(value, dict):
        return {f"{at}.{key}" for key in value}.union(*(shape(inner, f"{at}.{key}") for key, inner in value.items()))
    return set().union(*(shape(inner, f"{at}[]") for inner in value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_has_the_shape_of_the_services(sandbox: Sandbox, name: str) -> None:
    real, ours = events(text(f"{name}-sse.response.body.txt")), events(ask(sandbox, f"{name}-sse").text)
    assert ours[0][0] == real[0][0]
    assert shape(real[0][1]) <= shape(ours[0][1])
    assert shape(real[-1][1]) - {".output.choices[].message.content[].text"} <= shape(ours[-1][1])
    reasons = [[data["output"]["choices"][0]["finish_reason"] for _, data in found] for found in (real, ours)]
    assert [set(reason[:-1]) | {reason[-1]} for reason in reasons] == [{"null", "stop"}] * 2


def test_an_answer_to_tools_has_the_shape_of_the_services(sandbox: Sandbox) -> None:
    name = "single-generation-message-with-tools-sse"
    real, ours = events(text(f"{name}.response.body.txt")), events(ask(sandbox, name).text)
    assert shape(real[0][1]) <= shape(ours[0][1])


@pytest.mark.parametrize("name", ["parameter-error-sse", "parameter-error-nosse"])
def test_a_refusal_is_the_services_own(sandbox: Sandbox, name: str) -> None:
    response = ask(sandbox, name)
    (status,) = {
        line.split()[1] for line in text(f"{name}.response.header.txt").splitlines() if line.startswith("HTTP/")
    }
    assert response.status_code == int(status)
    bodies = [body[body.index("{") :] for body in (text(f"{name}.response.body.txt"), response.text)]
    real, ours = (json.JSONDecoder().raw_decode(body)[0] for body in bodies)
    assert {**real, "request_id": ""} == {**ours, "request_id": ""}


def test_an_unknown_file_of_a_real_request_is_refused(sandbox: Sandbox) -> None:
    response = ask(sandbox, "conversation-generation-message-with-files-sse")
    assert "Invalid file [id:file-fe-WTTG89tIUTd4ByqP3K48R3bn]" in response.text
