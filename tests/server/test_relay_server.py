"""The relay's other sides: a service that misbehaves, limits, rights, the kernel next to it, a proxy before it."""

from __future__ import annotations

import gzip
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from support import jupyter_servers, nginx
from support.faults import ANSWER, GOOD, HEADERS, LAST, FaultServer, framed, plain
from support.jupyter_servers import KEY, TOKEN, JupyterServer, connected, key_file, relay_options, said_by
from support.waiting import wait_for
from support.wire import chunk, sse

from qwen_magic.core.errors import ConfigurationError
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.relay_discovery import relay

BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATH = "compatible-mode/v1/chat/completions"


def chat(content: str, **fields: Any) -> dict[str, Any]:
    return {"model": "qwen-plus", "messages": [{"role": "user", "content": content}], **fields}


# --- a service that misbehaves


@pytest.fixture(scope="module")
def service() -> Iterator[FaultServer]:
    with FaultServer() as service:
        yield service


@pytest.fixture(scope="module")
def before_it(tmp_path_factory: pytest.TempPathFactory, service: FaultServer) -> Iterator[JupyterServer]:
    """A relay in front of a service that misbehaves."""
    folder = tmp_path_factory.mktemp("server")
    options = relay_options(f"http://127.0.0.1:{service.port}", key_file=key_file(folder), idle_timeout=0.5, grace=0.2)
    with jupyter_servers.running(folder, *options, base_url="/") as server:
        yield server


def ended(server: JupyterServer) -> str:
    """How the last answer ended; empty as long as none has."""
    return str(server.relayed[-1]["ended"]) if server.relayed else ""


def asked(server: JupyterServer, path: str = PATH) -> httpx.Response:
    return httpx.post(f"{server.relay}/{path}", headers=BEARER, json=chat("Hello", stream=True), timeout=20)


def test_every_byte_of_a_stream_passes_as_it_is(before_it: JupyterServer, service: FaultServer) -> None:
    odd = b'\xef\xbb\xbf: ping\r\ndata: {"a":\xff\xfe \xe2\x80\xa8}\r\n\r\n\x00' + bytes(range(256)) + b"data: unended"
    for size in (1, 7, len(odd)):
        pieces = [framed(odd[start : start + size]) for start in range(0, len(odd), size)]
        service.play((HEADERS, *pieces, LAST))
        assert asked(before_it).content == odd


@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json"])
def test_a_compressed_answer_is_unpacked_on_the_way(
    before_it: JupyterServer, service: FaultServer, content_type: str
) -> None:
    service.play((plain("200 OK", gzip.compress(ANSWER), content_type, "content-encoding: gzip"),))
    response = asked(before_it)
    assert "content-encoding" not in response.headers
    assert response.content == ANSWER


def test_what_is_packed_again_and_again_does_not_pass(before_it: JupyterServer, service: FaultServer) -> None:
    bomb = gzip.compress(gzip.compress(gzip.compress(bytes(100_000_000), 1)))
    service.play((plain("200 OK", bomb, "application/json", "content-encoding: gzip, gzip, gzip"),))
    assert asked(before_it).status_code == 502


ECHO = f"you sent: Authorization: Bearer {KEY}; again {KEY}".encode()


@pytest.mark.parametrize("content_type", ["text/event-stream", "application/json", "text/plain"])
@pytest.mark.parametrize("size", [1, 7, len(ECHO)])
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
def test_a_service_that_shows_the_key_shows_it_to_nobody(
    before_it: JupyterServer, service: FaultServer, content_type: str, size: int, status: str
) -> None:
    pieces = [framed(ECHO[start : start + size]) for start in range(0, len(ECHO), size)]
    headers = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\nx-request-id: {KEY}\r\n"
    headers += f"x-dashscope-debug: Bearer {KEY}\r\ntransfer-encoding: chunked\r\n\r\n"
    before = len(before_it.relayed)
    service.play((headers.encode(), *pieces, LAST))
    response = asked(before_it)
    stars = "*" * len(KEY)
    assert response.text == ECHO.decode().replace(KEY, stars)
    assert response.headers["x-request-id"] == stars
    assert KEY not in str(response.headers)
    assert wait_for(lambda: len(before_it.relayed) > before)
    assert KEY not in before_it.log


def test_a_key_in_the_name_of_a_header_or_in_other_letters_passes_neither(
    before_it: JupyterServer, service: FaultServer
) -> None:
    headers = (f"x-dashscope-{KEY}: 1", f"x-dashscope-seen: {KEY.upper()}", f"x-request-id: {KEY.lower()}")
    service.play((plain("200 OK", b"{}", "application/json", *headers),))
    response = asked(before_it)
    assert KEY.lower() not in str(response.headers).lower()
    assert response.headers["x-dashscope-seen"] == "*" * len(KEY)


def test_headers_that_the_server_would_not_send_pass_without_what_they_may_not_hold(
    before_it: JupyterServer, service: FaultServer
) -> None:
    names = ("x-dashscope-a: one\x1b[2Jtwo", "content-disposition: attachment; filename=报告.txt")
    service.play((plain("200 OK", b"{}", "application/json", *names),))
    headers = asked(before_it).headers
    assert headers["x-dashscope-a"] == "one?[2Jtwo"
    assert headers["content-disposition"] == "attachment; filename=报告.txt"


def test_a_cookie_of_the_service_does_not_go_out_with_another_request(
    before_it: JupyterServer, service: FaultServer
) -> None:
    service.play((plain("200 OK", b"{}", "application/json", "set-cookie: session=of-the-first; path=/"),))
    for _ in range(2):
        assert asked(before_it).status_code == 200
    assert b"of-the-first" not in b"".join(service.requests)


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND"])
def test_a_method_that_nobody_has_is_refused_and_logged_in_one_line(before_it: JupyterServer, method: str) -> None:
    before, logged = len(before_it.relayed), len(before_it.log)
    response = httpx.request(method, f"{before_it.relay}/{PATH}", headers=BEARER)
    assert (response.status_code, response.json()["error"]["code"]) == (405, "method_not_allowed")
    assert wait_for(lambda: len(before_it.relayed) > before)
    assert "Traceback" not in before_it.log[logged:]


def test_a_header_that_no_request_has_is_refused(before_it: JupyterServer, service: FaultServer) -> None:
    service.play(GOOD)
    headers = [(b"Authorization", BEARER["Authorization"].encode()), (b"Accept", b"\xff\xfe")]
    response = httpx.post(f"{before_it.relay}/{PATH}", headers=headers, json=chat("Hello"))
    assert response.status_code == 400
    assert "accept" in response.json()["error"]["message"]


def test_half_an_event_is_not_passed_on_before_an_error(before_it: JupyterServer, service: FaultServer) -> None:
    whole = sse(chunk(content="one"), done=False)
    service.play((HEADERS, framed(whole + b'data: {"choices": [{"del'), "close"))
    response = asked(before_it)
    assert response.content.startswith(whole + b'data: {"error"')


def test_only_clean_headers_pass(before_it: JupyterServer, service: FaultServer) -> None:
    names = ("set-cookie: a=b", "server: secret/1.0", "x-request-id: r-7", "x-dashscope-timeout: 180", "keep-alive: x")
    service.play((plain("200 OK", b"{}", "application/json", *names, "location: /x", "x-powered-by: x"),))
    headers = asked(before_it).headers
    assert (headers["x-request-id"], headers["x-dashscope-timeout"]) == ("r-7", "180")
    assert "secret" not in headers["server"]
    assert "a=b" not in headers.get("set-cookie", "")
    assert not {"keep-alive", "location", "x-powered-by"} & set(headers)


@pytest.mark.parametrize(("ending", "status"), [("close", 502), ("reset", 502), ("hang", 504)])
def test_a_service_that_breaks_off_is_not_taken_for_one_that_ended(
    before_it: JupyterServer, service: FaultServer, ending: str, status: int
) -> None:
    half = framed(sse(chunk(content="half an ans"), done=False))
    service.play((HEADERS, half, 0.05, ending))
    got = asked(before_it).text
    assert "half an ans" in got
    assert json.loads(got.split("data: ")[-1])["error"]["code"] == "answer_broken_off"
    assert wait_for(lambda: ended(before_it) == "upstream broke")
    # One that is not a stream has not begun, and is an error: JupyterHub's proxy would not pass on a closed connection.
    service.play((HEADERS.replace(b"text/event-stream", b"application/json"), half, 0.05, ending))
    response = asked(before_it)
    assert response.status_code == status
    assert "lost the service in mid-answer" in response.json()["error"]["message"]
    assert wait_for(lambda: ended(before_it) == "upstream broke")


JSON_HEAD = HEADERS.replace(b"text/event-stream", b"application/json")
FILE_HEAD = HEADERS.replace(b"text/event-stream", b"application/octet-stream")


@pytest.mark.parametrize("head", [JSON_HEAD, FILE_HEAD], ids=["json", "file"])
def test_a_long_answer_that_breaks_off_is_an_error(before_it: JupyterServer, service: FaultServer, head: bytes) -> None:
    service.play((head, *[framed(b"x" * 100_000)] * 40, 0.05, "close"))
    response = asked(before_it)
    assert response.status_code == 502
    assert "lost the service in mid-answer" in response.json()["error"]["message"]


def test_a_long_answer_in_one_piece_passes_as_it_is(before_it: JupyterServer, service: FaultServer) -> None:
    body = bytes(range(256)) * 12_000
    service.play((FILE_HEAD, *[framed(body[start : start + 100_000]) for start in range(0, len(body), 100_000)], LAST))
    response = asked(before_it)
    assert response.content == body
    assert response.headers["content-length"] == str(len(body))


def test_an_answer_that_is_too_long_to_wait_for_is_never_taken_for_whole(
    before_it: JupyterServer, service: FaultServer
) -> None:
    pieces = [framed(b" " * 1_000_000)] * 70
    service.play((JSON_HEAD, framed(b'{"id": 1'), *pieces, "close"))
    response = asked(before_it)
    assert response.text.startswith('{"id": 1')
    with pytest.raises(ValueError, match="delimiter"):
        response.json()
    assert "lost the service in mid-answer" in response.text[-1000:]
    service.play((FILE_HEAD, *pieces, "close"))
    with pytest.raises(httpx.RemoteProtocolError):
        asked(before_it)


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (("close",), 502),
        (("reset",), 502),
        (("hang",), 504),
        ((b"HTTP/1.1 200", "close"), 502),
        ((b"nonsense\r\n\r\n", "close"), 502),
        ((plain("302 Found", b"", "text/html", "location: https://elsewhere.example/"),), 502),
        ((plain("401 Unauthorized", b'{"code":"InvalidApiKey","message":"no"}'),), 403),
        ((plain("500 Internal", b'{"error":{"message":"m","code":"c"}}'),), 500),
    ],
    ids=["closed", "reset", "silent", "cut in the head", "nonsense", "redirect", "key refused", "500"],
)
def test_a_service_that_does_not_answer_is_told_in_its_own_form(
    before_it: JupyterServer, service: FaultServer, script: tuple[Any, ...], status: int
) -> None:
    service.play(script)
    response = asked(before_it)
    assert response.status_code == status
    assert response.json()["error"]["message"]
    service.play(script)
    response = asked(before_it, "api/v1/services/aigc/text-generation/generation")
    assert response.status_code == status
    assert KEY not in before_it.log + response.text


# --- limits, rights, the end


def test_a_user_who_asks_too_often_has_to_wait(tmp_path: Path, sandbox: Sandbox) -> None:
    options = relay_options(sandbox.root, requests_per_minute=1, burst=3)
    with jupyter_servers.running(tmp_path, *options, environment={"QWEN_RELAY_API_KEY": KEY}) as server:
        client = openai.OpenAI(base_url=server.compatible, api_key=TOKEN, max_retries=0)
        for _ in range(3):
            client.models.list()
        with pytest.raises(openai.RateLimitError) as raised:
            client.models.list()
        assert 30 <= int(raised.value.response.headers["retry-after"]) <= 60


def test_a_limit_of_zero_is_none(tmp_path: Path, sandbox: Sandbox) -> None:
    names = ("requests_per_minute", "concurrency", "largest_request", "connect_timeout", "idle_timeout")
    settings: dict[str, object] = {"key_file": key_file(tmp_path), "burst": 1} | dict.fromkeys(names, 0)
    with jupyter_servers.running(tmp_path, *relay_options(sandbox.root, **settings)) as server:
        for _ in range(3):
            response = httpx.post(f"{server.relay}/{PATH}", headers=BEARER, json=chat("x" * 100_000))
            assert response.status_code == 200


@pytest.mark.parametrize("setting", ["requests_per_minute=-1", "burst=0", "allow=nothing"])
def test_a_setting_that_cannot_be_is_named_and_nothing_passes(tmp_path: Path, sandbox: Sandbox, setting: str) -> None:
    options = (*relay_options(sandbox.root), f"--QwenRelay.{setting}")
    with jupyter_servers.running(tmp_path, *options, environment={"QWEN_RELAY_API_KEY": KEY}) as server:
        assert httpx.post(f"{server.relay}/{PATH}", headers=BEARER, json=chat("x")).status_code in (403, 404, 405)
        assert setting.partition("=")[0] in server.log
        with notebook_kernel(server) as client:
            assert "offers no relay" in said_by(client, "%load_ext qwen_magic\n%qwen use relay")
            assert said_by(client, "import os; print('QWEN_RELAY_API_KEY' in os.environ)").strip() == "False"
    assert not sandbox.requests


def test_more_streams_than_there_are_places_have_to_wait(tmp_path: Path, sandbox: Sandbox) -> None:
    options = relay_options(sandbox.root, concurrency=2)
    with jupyter_servers.running(tmp_path, *options, environment={"QWEN_RELAY_API_KEY": KEY}) as server:
        url = f"{server.relay}/{PATH}"
        slow = chat("sandbox: stall-mid 30", stream=True)
        with (
            httpx.stream("POST", url, headers=BEARER, json=slow),
            httpx.stream("POST", url, headers=BEARER, json=slow),
        ):
            refused = httpx.post(url, headers=BEARER, json=chat("x"))
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "limit_requests")
        assert wait_for(lambda: httpx.post(url, headers=BEARER, json=chat("x")).status_code == 200)


def sending(port: int, size: int, path: str = "/user/ann/qwen/compatible-mode/v1/files") -> socket.socket:
    """A connection on which a request of this size has begun; nothing of its body has been sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    head = (f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {TOKEN}", f"Content-Length: {size}")
    connection.sendall("\r\n".join((*head, "", "")).encode())
    return connection


def spooled(server: JupyterServer) -> int:
    """The bytes of the server's temporary files, which have no name."""
    folder = Path(f"/proc/{server.process.pid}/fd")
    sizes = [0]
    for each in folder.iterdir():
        with suppress(OSError):
            if "deleted" in os.readlink(each):
                sizes.append(each.stat().st_size)
    return sum(sizes)


MEGABYTE = b"x" * 1_000_000
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows the temporary files of a process")


@on_linux
def test_an_upload_takes_a_place_before_its_first_byte_and_leaves_nothing_when_it_goes(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    options = relay_options(sandbox.root, key_file=key_file(tmp_path), concurrency=2)
    with jupyter_servers.running(tmp_path, *options) as server:
        uploads = [sending(server.port, 40_000_000) for _ in range(2)]
        for upload in uploads:
            for _ in range(5):
                upload.sendall(MEGABYTE)
        assert wait_for(lambda: spooled(server) >= 10_000_000)
        refused = httpx.post(f"{server.compatible}/files", headers=BEARER, content=MEGABYTE * 5)
        assert refused.status_code == 429
        assert spooled(server) == 10_000_000
        for upload in uploads:
            upload.close()
        assert wait_for(lambda: spooled(server) == 0)
        assert httpx.get(f"{server.compatible}/models", headers=BEARER).status_code == 200


@on_linux
def test_one_user_cannot_fill_the_disk(tmp_path: Path, sandbox: Sandbox) -> None:
    options = relay_options(sandbox.root, key_file=key_file(tmp_path), largest_spool=6_000_000)
    with jupyter_servers.running(tmp_path, *options) as server:
        with sending(server.port, 40_000_000) as upload:
            for _ in range(5):
                upload.sendall(MEGABYTE)
            assert wait_for(lambda: spooled(server) >= 5_000_000)
            refused = httpx.post(f"{server.compatible}/files", headers=BEARER, content=MEGABYTE * 5)
            assert refused.status_code == 429
            assert "Too much of token" in refused.text
        assert wait_for(lambda: spooled(server) == 0)


def test_an_upload_that_stands_still_loses_its_place(tmp_path: Path, sandbox: Sandbox) -> None:
    options = relay_options(sandbox.root, key_file=key_file(tmp_path), concurrency=1, idle_timeout=0.5)
    with jupyter_servers.running(tmp_path, *options) as server, sending(server.port, 1000) as upload:
        upload.settimeout(20)
        assert upload.recv(1) == b""
        assert httpx.get(f"{server.compatible}/models", headers=BEARER).status_code == 200


def test_an_upload_that_drips_loses_its_place(tmp_path: Path, sandbox: Sandbox) -> None:
    options = relay_options(sandbox.root, key_file=key_file(tmp_path), concurrency=1, idle_timeout=0.5)
    with jupyter_servers.running(tmp_path, *options) as server, sending(server.port, 1_000_000) as upload:

        def drips() -> bool:
            try:
                upload.sendall(b"x")
            except OSError:
                return True
            return False

        assert wait_for(drips, 10)
        assert wait_for(lambda: httpx.get(f"{server.compatible}/models", headers=BEARER).status_code == 200)


def test_a_client_that_does_not_read_loses_its_place(before_it: JupyterServer, service: FaultServer) -> None:
    service.play((HEADERS, *[framed(sse(chunk(content="x" * 100_000), done=False))] * 300, "hang"))
    body = json.dumps(chat("Hello", stream=True)).encode()
    with sending(
        before_it.port, len(body), f"/{before_it.relay.partition('://')[2].partition('/')[2]}/{PATH}"
    ) as client:
        client.sendall(body)
        assert wait_for(lambda: ended(before_it) == "client slow", 15)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such bits")
def test_a_key_that_everybody_can_read_is_named_in_the_log(tmp_path: Path, sandbox: Sandbox) -> None:
    place = key_file(tmp_path)
    os.chmod(place, 0o644)
    with jupyter_servers.running(tmp_path, *relay_options(sandbox.root, key_file=place)) as server:
        assert f"chmod 600 {place}" in server.log
    os.chmod(place, 0o640)
    with jupyter_servers.running(tmp_path / "again", *relay_options(sandbox.root, key_file=place)) as server:
        assert "chmod" not in server.log


def test_jupyter_s_authoriser_decides(tmp_path: Path, sandbox: Sandbox) -> None:
    configuration = tmp_path / "jupyter_server_config.py"
    configuration.write_text(
        "from jupyter_server.auth import Authorizer\n"
        "class ReadOnly(Authorizer):\n"
        "    def is_authorized(self, handler, user, action, resource):\n"
        "        return resource != 'qwen' or action == 'read'\n"
        "c.ServerApp.authorizer_class = ReadOnly\n",
        encoding="utf-8",
    )
    options = (f"--config={configuration}", *relay_options(sandbox.root, key_file=key_file(tmp_path)))
    with jupyter_servers.running(tmp_path, *options) as server:
        client = openai.OpenAI(base_url=server.compatible, api_key=TOKEN, max_retries=0)
        assert client.models.list().data
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.create(**chat("May I?"))
    assert [request.method for request in sandbox.requests] == ["GET"]


def test_an_administrator_can_leave_out_what_users_would_share(tmp_path: Path, sandbox: Sandbox) -> None:
    settings = ("--QwenRelay.allow=chat", "--QwenRelay.allow=models")
    options = (*relay_options(sandbox.root, key_file=key_file(tmp_path)), *settings)
    with jupyter_servers.running(tmp_path, *options) as server:
        assert httpx.get(f"{server.compatible}/models", headers=BEARER).status_code == 200
        assert httpx.get(f"{server.compatible}/files", headers=BEARER).status_code == 404


def test_a_server_without_a_key_says_so(tmp_path: Path, sandbox: Sandbox) -> None:
    with jupyter_servers.running(tmp_path, *relay_options(sandbox.root)) as server:
        response = httpx.post(f"{server.relay}/{PATH}", headers=BEARER, json=chat("x"))
        assert response.status_code == 403
        assert "c.QwenRelay.key_file" in response.json()["error"]["message"]


def test_a_new_key_in_the_file_counts_from_the_next_request(tmp_path: Path, sandbox: Sandbox) -> None:
    place = key_file(tmp_path)
    with jupyter_servers.running(tmp_path, *relay_options(sandbox.root, key_file=place)) as server:
        httpx.get(f"{server.compatible}/models", headers=BEARER).raise_for_status()
        Path(place).write_text("sk-another-key-NEWR", encoding="utf-8")
        httpx.get(f"{server.compatible}/models", headers=BEARER).raise_for_status()
    assert [request.headers["authorization"] for request in sandbox.requests] == ["…WXYZ", "…NEWR"]


def test_a_server_that_stops_lets_answers_end_and_breaks_off_the_others(tmp_path: Path, sandbox: Sandbox) -> None:
    options = relay_options(sandbox.root, key_file=key_file(tmp_path), grace=3)
    results: dict[str, Any] = {}

    def ask(name: str, content: str) -> None:
        try:
            with httpx.stream(
                "POST", f"{server.relay}/{PATH}", headers=BEARER, json=chat(content, stream=True), timeout=60
            ) as response:
                results[name] = response.read()
        except httpx.HTTPError as error:
            results[name] = error

    with jupyter_servers.running(tmp_path, *options) as server:
        questions = {"short": "sandbox: stall-mid 1", "long": "sandbox: stall-mid 60"}
        threads = [threading.Thread(target=ask, args=question) for question in questions.items()]
        for thread in threads:
            thread.start()
        sandbox.wait(lambda requests: [request.status for request in requests] == [200, 200])
        log = server.end()
        for thread in threads:
            thread.join()
    assert b"data: [DONE]" in results["short"]
    assert b'"message": "The Jupyter server is stopping."' in results["long"]
    assert sorted(line["ended"] for line in server.relayed) == ["server stopped", "whole"]
    assert "Traceback" not in log
    sandbox.wait(lambda requests: all(request.done for request in requests))


# --- the kernel next to it


def notebook_kernel(server: JupyterServer) -> AbstractContextManager[BlockingKernelClient]:
    session = {"name": "n", "path": "n.ipynb", "type": "notebook", "kernel": {"name": "python3"}}
    kernel_id = server.api("POST", "sessions", json=session)["kernel"]["id"]
    return connected(server.folder / "jupyter_runtime_dir" / f"kernel-{kernel_id}.json")


@pytest.mark.parametrize("place", ["a file", "the environment"])
def test_a_kernel_of_the_server_asks_through_the_relay_and_never_has_the_key(
    tmp_path: Path, sandbox: Sandbox, place: str
) -> None:
    settings = {"key_file": key_file(tmp_path)} if place == "a file" else {}
    environment = {} if settings else {"QWEN_RELAY_API_KEY": KEY}
    options = relay_options(sandbox.root, **settings)
    with jupyter_servers.running(tmp_path, *options, environment=environment) as server:
        with notebook_kernel(server) as client:
            said = said_by(client, "%load_ext qwen_magic\n%qwen use relay")
            assert "/user/ann/qwen/compatible-mode/v1" in said
            assert TOKEN not in said
            said = said_by(client, "%qwen --alone are you there, relay?")
            assert "are you there, relay?" in said
            assert sandbox.requests[-1].headers["authorization"] == f"…{KEY[-4:]}"
            secrets = said_by(client, "import os; print([n for n, v in os.environ.items() if v.startswith('sk-')])")
            assert secrets.strip() == "[]"
        terminal = server.api("POST", "terminals")
        assert terminal["name"]


def test_without_a_key_of_its_own_a_kernel_asks_the_relay_by_itself(tmp_path: Path, sandbox: Sandbox) -> None:
    options = relay_options(sandbox.root, key_file=key_file(tmp_path))
    with jupyter_servers.running(tmp_path, *options) as server, notebook_kernel(server) as client:
        assert "hello by itself" in said_by(client, "%load_ext qwen_magic\n%qwen hello by itself")


@pytest.mark.parametrize("taken", [False, True], ids=["left to notebooks", "given to the relay"])
def test_the_service_s_own_variable_is_the_relay_s_only_when_it_is_told_so(
    tmp_path: Path, sandbox: Sandbox, taken: bool
) -> None:
    options = relay_options(sandbox.root, **({"key_variable": "DASHSCOPE_API_KEY"} if taken else {}))
    with jupyter_servers.running(tmp_path, *options, environment={"DASHSCOPE_API_KEY": KEY}) as server:
        assert httpx.get(f"{server.compatible}/models", headers=BEARER).status_code == (200 if taken else 403)
        with notebook_kernel(server) as client:
            found = said_by(client, "import os; print('DASHSCOPE_API_KEY' in os.environ)").strip()
            assert found == str(not taken)
            said = said_by(client, "%load_ext qwen_magic\n%qwen use auto")
            assert ("Asking relay" if taken else "Asking beijing") in said


@pytest.mark.parametrize("url", ["hub.example/services/qwen", "http://127.0.0.1:9/services/qwen"])
def test_a_hub_s_relay_that_cannot_be_asked_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="QWEN_RELAY_URL"):
        relay({"QWEN_RELAY_URL": url})


def test_a_kernel_of_a_server_without_a_relay_is_told(tmp_path: Path, sandbox: Sandbox) -> None:
    options = relay_options(sandbox.root)
    with jupyter_servers.running(tmp_path, *options) as server, notebook_kernel(server) as client:
        assert "offers no relay" in said_by(client, "%load_ext qwen_magic\n%qwen use relay")


# --- a proxy before it

needs_nginx = pytest.mark.skipif(nginx.binary() is None, reason="there is no nginx here (Debian: nginx-light)")


def arrivals(url: str) -> list[float]:
    """When each piece of a slow answer came, in seconds after the first."""
    body = chat("sandbox: rate 20\nsandbox: long 300", stream=True)
    with httpx.stream("POST", url, headers=BEARER, json=body, timeout=30) as response:
        times = [time.monotonic() for _ in response.iter_raw()]
    return [at - times[0] for at in times]


@needs_nginx
@pytest.mark.parametrize("settings", [nginx.GOOD, nginx.DEFAULT], ids=["as documented", "as it comes"])
def test_nginx_streams(before_nginx: JupyterServer, tmp_path: Path, settings: str) -> None:
    with nginx.running(tmp_path / "nginx", before_nginx.port, settings) as port:
        times = arrivals(f"http://127.0.0.1:{port}/user/ann/qwen/{PATH}")
    assert len(times) > 10
    assert times[len(times) // 2] > 0


@needs_nginx
def test_a_client_that_leaves_nginx_ends_the_request_to_the_service(
    before_nginx: JupyterServer, tmp_path: Path, sandbox: Sandbox
) -> None:
    with nginx.running(tmp_path / "nginx", before_nginx.port, nginx.GOOD) as port:
        url = f"http://127.0.0.1:{port}/user/ann/qwen/{PATH}"
        with httpx.stream("POST", url, headers=BEARER, json=chat("sandbox: stall-mid 60", stream=True)) as response:
            chunks = response.iter_raw()
            next(chunks)
        assert sandbox.wait(lambda requests: requests[-1].done)[-1].cut


@pytest.fixture(scope="module")
def before_nginx(tmp_path_factory: pytest.TempPathFactory, module_sandbox: Sandbox) -> Iterator[JupyterServer]:
    folder = tmp_path_factory.mktemp("server")
    with jupyter_servers.running(folder, *relay_options(module_sandbox.root, key_file=key_file(folder))) as server:
        yield server
