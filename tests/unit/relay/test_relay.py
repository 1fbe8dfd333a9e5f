"""The relay in a real Jupyter server under a base URL's prefix, in front of the sandbox: what clients get of it."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import openai
import psutil  # type: ignore[import-untyped]  # it has no types
import pytest
from support import jupyter_servers
from support.jupyter_servers import KEY, TOKEN, JupyterServer, key_file, relay_options
from support.waiting import wait_for

from qwen_magic.sandbox import Sandbox

BEARER = {"Authorization": f"Bearer {TOKEN}"}
LIMIT = 300_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, module_sandbox: Sandbox) -> Iterator[JupyterServer]:
    folder = tmp_path_factory.mktemp("server")
    limits = {"largest_request": LIMIT, "largest_upload": 20 * LIMIT, "requests_per_minute": 60_000, "burst": 10_000}
    options = relay_options(module_sandbox.root, key_file=key_file(folder), **limits)
    with jupyter_servers.running(folder, *options, lab=True) as server:
        yield server


@pytest.fixture
def sdk(server: JupyterServer, sandbox: Sandbox) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.compatible, api_key=TOKEN, max_retries=0) as client:
        yield client


def chat(content: str, **fields: Any) -> dict[str, Any]:
    return {"model": "qwen-plus", "messages": [{"role": "user", "content": content}], **fields}


def streamed(content: str) -> dict[str, Any]:
    return chat(content, stream=True, stream_options={"include_usage": True})


def answer_of(client: openai.OpenAI, content: str) -> str:
    pieces = client.chat.completions.create(**streamed(content))
    return "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)


# --- what a client gets


def test_the_official_sdk_streams_with_a_jupyter_token(sdk: openai.OpenAI) -> None:
    pieces = list(sdk.chat.completions.create(**streamed("Hello through the relay")))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert "Hello through the relay" in text
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.total_tokens > 0


def test_the_official_sdk_asks_without_a_stream(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(**chat("All at once"))
    assert "All at once" in (answer.choices[0].message.content or "")


def test_models_files_and_batches_pass(sdk: openai.OpenAI) -> None:
    assert "qwen-plus" in [model.id for model in sdk.models.list()]
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": chat("In a batch")}
    file = sdk.files.create(file=("lines.jsonl", json.dumps(line).encode()), purpose="batch")
    assert file.id in [file.id for file in sdk.files.list()]
    batch = sdk.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    deadline = time.monotonic() + 10
    while batch.status != "completed" and time.monotonic() < deadline:
        batch = sdk.batches.retrieve(batch.id)
    assert batch.output_file_id
    assert b"In a batch" in sdk.files.content(batch.output_file_id).content
    assert sdk.files.delete(file.id).deleted


def test_the_native_protocol_passes(server: JupyterServer, sandbox: Sandbox) -> None:
    body = {"model": "qwen-plus", "input": {"messages": [{"role": "user", "content": "Natively"}]}}
    body["parameters"] = {"result_format": "message", "incremental_output": True}
    url = f"{server.native}/services/aigc/text-generation/generation"
    with httpx.stream("POST", url, headers=BEARER | {"X-DashScope-SSE": "enable"}, json=body) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "Natively" in "".join(re.findall(r'"content": ?"([^"]*)"', response.read().decode()))


def test_a_large_file_passes_and_is_whole(sdk: openai.OpenAI) -> None:
    content = bytes(range(256)) * 12_000
    file = sdk.files.create(file=("large.txt", content), purpose="file-extract")  # type: ignore[arg-type]  # the service's own
    assert file.bytes == len(content)
    sdk.files.delete(file.id)


def test_curl_shows_the_stream_as_it_comes(server: JupyterServer, sandbox: Sandbox) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("there is no curl here")
    body = json.dumps(chat("sandbox: stall-mid 30\nsandbox: long 500", stream=True))
    command = [curl, "-sN", "--noproxy", "*", f"{server.compatible}/chat/completions"]
    command += ["-H", f"Authorization: token {TOKEN}", "-H", "Content-Type: application/json", "-d", body]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline().startswith(b"data: {")
    process.kill()
    process.communicate()
    sandbox.wait(lambda requests: requests[-1].done and requests[-1].cut)


def test_the_head_of_an_answer_is_fit_for_proxies(server: JupyterServer, sandbox: Sandbox) -> None:
    with httpx.stream("POST", f"{server.compatible}/chat/completions", headers=BEARER, json=streamed("x")) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in response.headers
        response.read()


@pytest.mark.parametrize(
    ("directive", "expected"),
    [("429", openai.RateLimitError), ("filter", openai.BadRequestError), ("500", openai.InternalServerError)],
)
def test_refusals_of_the_service_are_the_sdk_s_own_exceptions(
    sdk: openai.OpenAI, directive: str, expected: type[openai.APIStatusError]
) -> None:
    with pytest.raises(expected) as raised:
        sdk.chat.completions.create(**chat(f"sandbox: {directive}"))
    assert raised.value.request_id


# --- many at once


def test_a_hundred_streams_at_once_do_not_mix_and_leave_no_memory_behind(
    server: JupyterServer, sdk: openai.OpenAI
) -> None:
    process = psutil.Process(server.process.pid)

    def ask(number: int) -> bool:
        marker = f"question-{number:04d}"
        text = answer_of(sdk, f"sandbox: echo\nsandbox: rate 100\n{marker} " + "word " * 60)
        return text.count("question-") == 1 and marker in text and text.count("word") == 60

    def hundred() -> int:
        with ThreadPoolExecutor(100) as pool:
            assert all(pool.map(ask, range(100)))
        return int(process.memory_info().rss)

    hundred()
    before = hundred()
    assert hundred() - before < 8 * 1024 * 1024


def test_an_answer_that_nobody_reads_does_not_fill_the_memory(server: JupyterServer, sandbox: Sandbox) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    url = f"{server.compatible}/chat/completions"
    with httpx.stream("POST", url, headers=BEARER, json=streamed("sandbox: long 40000000"), timeout=60) as response:
        chunks = response.iter_raw()
        next(chunks)
        # The sandbox can only go on when the relay reads: it stands still, and nothing is done yet.
        assert not wait_for(lambda: process.memory_info().rss - before > 32 * 1024 * 1024, seconds=1)
        assert not sandbox.requests[-1].done


# --- going away


@pytest.mark.parametrize("directive", ["silent", "stall 30", "stall-mid 30", "rate 5\nsandbox: long 5000"])
def test_a_client_that_goes_away_ends_the_request_to_the_service(
    server: JupyterServer, sandbox: Sandbox, directive: str
) -> None:
    with (
        suppress(httpx.ReadTimeout),
        httpx.Client(timeout=httpx.Timeout(5, read=0.3)) as client,
        client.stream(
            "POST", f"{server.compatible}/chat/completions", headers=BEARER, json=streamed(f"sandbox: {directive}")
        ) as response,
    ):
        chunks = response.iter_raw()
        for _ in range(3):
            next(chunks)
    requests = sandbox.wait(lambda requests: bool(requests) and requests[-1].done)
    assert requests[-1].cut
    ends = wait_for(lambda: [line["ended"] for line in server.relayed[-1:]] == ["client gone"])
    assert ends


# --- who may come in


def test_a_wrong_token_is_an_authentication_error(server: JupyterServer, sandbox: Sandbox) -> None:
    stranger = openai.OpenAI(base_url=server.compatible, api_key="not-the-token", max_retries=0)
    with pytest.raises(openai.AuthenticationError, match="does not know this token"):
        stranger.chat.completions.create(**chat("Let me in"))
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    response = httpx.get(f"{server.native}/models")
    assert (response.status_code, response.json()["code"]) == (401, "InvalidApiKey")
    assert not sandbox.requests


def test_a_cookie_needs_the_xsrf_token_to_post(server: JupyterServer, sandbox: Sandbox) -> None:
    with httpx.Client() as browser:
        browser.get(f"{server.url}/lab?token={TOKEN}", follow_redirects=True)
        browser.headers["Referer"] = f"{server.url}/lab"
        url = f"{server.compatible}/chat/completions"
        assert browser.get(f"{server.compatible}/models").status_code == 200
        refused = browser.post(url, json=chat("Forged?"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "access_denied")
        browser.headers["X-XSRFToken"] = browser.cookies["_xsrf"]
        assert browser.post(url, json=chat("My own page")).status_code == 200
    assert [request.path for request in sandbox.requests] == [
        "/compatible-mode/v1/models",
        "/compatible-mode/v1/chat/completions",
    ]


def test_another_site_s_page_cannot_ask_with_a_cookie(server: JupyterServer, sandbox: Sandbox) -> None:
    with httpx.Client() as browser:
        browser.get(f"{server.url}/lab?token={TOKEN}", follow_redirects=True)
        browser.headers.update({"Origin": "https://evil.example", "Referer": "https://evil.example/"})
        browser.headers["X-XSRFToken"] = browser.cookies["_xsrf"]
        assert browser.post(f"{server.compatible}/chat/completions", json=chat("Hm")).status_code in (403, 404)
        assert browser.get(f"{server.compatible}/models").status_code in (403, 404)
    assert not sandbox.requests


def test_nothing_of_the_caller_s_credentials_reaches_the_service(server: JupyterServer, sandbox: Sandbox) -> None:
    headers = BEARER | {"Cookie": "a=b", "X-XSRFToken": "x", "X-Forwarded-For": "10.0.0.1", "X-DashScope-Mine": "1"}
    httpx.get(f"{server.compatible}/models?token={TOKEN}&limit=3&_xsrf=q", headers=headers).raise_for_status()
    (request,) = sandbox.requests
    assert request.headers["authorization"].endswith(KEY[-4:])
    assert not {"cookie", "x-xsrftoken", "x-forwarded-for", "x-dashscope-mine"} & set(request.headers)
    assert TOKEN not in str(request)
    assert request.headers["accept-encoding"] == "identity"


# --- what may be asked


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "compatible-mode/v1/fine_tuning/jobs", 404),
        ("POST", "compatible-mode/v1/responses", 404),
        ("GET", "compatible-mode/v1/files/../../api/v1/users", 404),
        ("GET", "compatible-mode/v1/files/%2e%2e/keys", 404),
        ("GET", "compatible-mode/v1/files/..%2fkeys", 404),
        ("POST", "api/v1/services/aigc/image-generation/generation", 404),
        ("GET", "compatible-mode/v1/chat/completions", 405),
        ("DELETE", "compatible-mode/v1/files", 405),
        ("PUT", "compatible-mode/v1/files", 405),
        ("PATCH", "api/v1/files", 405),
    ],
)
def test_only_what_is_on_the_list_goes_out(
    server: JupyterServer, sandbox: Sandbox, method: str, path: str, status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)  # it does not tidy the path up, as httpx does
    connection.request(method, f"/user/ann/qwen/{path}", headers=BEARER)
    response = connection.getresponse()
    assert response.status == status
    assert json.loads(response.read())["code" if path.startswith("api") else "error"]
    connection.close()
    assert not sandbox.requests


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_request_that_is_too_large_is_refused_and_heard(
    server: JupyterServer, sandbox: Sandbox, framing: str
) -> None:
    body = b"x" * (LIMIT * 10)
    content = iter([body[:LIMIT]] * 10) if framing == "chunked" else body
    response = httpx.post(f"{server.compatible}/chat/completions", headers=BEARER, content=content)
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "BadRequest.TooLarge"
    assert not sandbox.requests


# --- the log and the key


def test_the_log_has_a_line_for_each_request_and_nothing_of_what_was_said(
    server: JupyterServer, sdk: openai.OpenAI
) -> None:
    sdk.chat.completions.create(**chat("SECRET-QUESTION") | {"model": "qwen-turbo"})  # asked for nowhere else
    assert wait_for(lambda: server.relayed[-1]["model"] == "qwen-turbo")
    line = server.relayed[-1]
    assert (line["user"], line["path"]) == ("token", "compatible-mode/v1/chat/completions")
    assert (line["status"], line["ended"]) == (200, "whole")
    assert line["tokens"]["input"] > 0
    assert line["tokens"]["output"] > 0
    assert line["seconds"] >= 0
    assert "SECRET-QUESTION" not in server.log


def test_a_path_cannot_forge_lines_of_the_log(server: JupyterServer, sandbox: Sandbox) -> None:
    httpx.get(f"{server.compatible}/x%0A%1b[31mrelayed", headers=BEARER)
    assert wait_for(lambda: server.relayed[-1]["status"] == 404)
    assert "\x1b[31mrelayed" not in server.log


def test_the_key_is_in_no_answer_and_no_log(server: JupyterServer, sandbox: Sandbox) -> None:
    seen = []
    for method, path in (("GET", "models"), ("GET", "nothing"), ("POST", "chat/completions"), ("GET", "files")):
        response = httpx.request(method, f"{server.compatible}/{path}", headers=BEARER, json=chat("sandbox: 500"))
        seen += [str(response.headers), response.text]
    configuration = server.api("GET", "config/qwen_relay")
    assert KEY not in "".join(seen) + str(configuration) + server.log


def test_many_clients_that_leave_at_once_leave_nothing_open(server: JupyterServer, sandbox: Sandbox) -> None:
    process = psutil.Process(server.process.pid)

    def leave() -> None:
        with (
            httpx.Client(timeout=30) as client,
            client.stream(
                "POST", f"{server.compatible}/chat/completions", headers=BEARER, json=streamed("sandbox: stall-mid 60")
            ) as response,
        ):
            chunks = response.iter_raw()
            next(chunks)

    threads = [threading.Thread(target=leave) for _ in range(50)]
    before = len(process.net_connections())
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sandbox.wait(lambda requests: len(requests) == 50 and all(request.done for request in requests))
    assert wait_for(lambda: len(process.net_connections()) <= before + 5)
