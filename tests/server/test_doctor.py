"""The doctor, on real sockets: for each thing that can be wrong, a line that names it and says what to do."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
from support import jupyter_servers, nginx
from support.certificates import HOST, Authority, wrapping
from support.faults import ANSWER, GOOD, FaultServer, Listener, plain
from support.jupyter_servers import TOKEN, key_file, relay_options
from support.wire import chunk, sse

from qwen_magic.cli import main
from qwen_magic.core.settings import Settings
from qwen_magic.doctor import Finding, doctor
from qwen_magic.provider.provider import Provider
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.credentials import Credentials
from qwen_magic.service.timeouts import Timeouts

KEY = "sk-doctor-0123456789abLAST"
MODELS = plain("200 OK", b'{"object":"list","data":[{"id":"qwen3"}]}')
HASTY = Timeouts(connect=2, idle=5)


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the person's own network settings."""
    for name in os.environ:
        if name.upper().endswith("_PROXY") or name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


def examined(endpoint: str, key: str = KEY, try_regions: bool = False, protocol: str = "") -> dict[str, Finding]:
    """The last finding of each check."""
    keys = dict.fromkeys(("DASHSCOPE_API_KEY", "QWEN_API_KEY"), key)
    provider = Provider(Settings(endpoint=endpoint, protocol=protocol), Credentials(keys))
    try:
        return {found.check: found for found in doctor(provider, try_regions=try_regions, timeouts=HASTY)}
    finally:
        provider.close()


def problems(found: dict[str, Finding]) -> list[str]:
    return [finding.check for finding in found.values() if finding.state == "problem"]


def native_or_compatible(server: FaultServer) -> str:
    return server.url.replace("/v1", "/compatible-mode/v1")


# --- all is well


@pytest.mark.parametrize("protocol", ["compatible", "dashscope"])
def test_without_any_key_the_sandbox_is_examined_to_its_last_token(protocol: str) -> None:
    found = examined("sandbox", key="", protocol=protocol)
    assert not problems(found)
    assert len(found["key"].facts["ending"]) == 4
    assert found["stream"].state == "fine"
    assert found["stream"].facts["pieces"] > 20
    assert "simulator" in found["answer"].found


def test_the_command_prints_a_line_for_each_check_and_its_json_holds_the_same() -> None:
    command = [sys.executable, "-m", "qwen_magic.cli", "doctor", "sandbox"]
    lines = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True).stdout.splitlines()
    told = subprocess.run([*command, "--json"], capture_output=True, text=True, encoding="utf-8", check=True).stdout
    assert [line.split()[1] for line in lines] == [entry["check"].split()[0] for entry in json.loads(told)]
    assert any("the command line" in line for line in lines)


def test_the_command_fails_when_something_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "nonsense"]) == 1
    assert "There is no endpoint called 'nonsense'" in capsys.readouterr().out


def test_a_relay_is_named_and_its_stream_examined(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with jupyter_servers.running(tmp_path, *relay_options(sandbox.root, key_file=key_file(tmp_path))) as server:
        found = examined(server.compatible, key=TOKEN)
    assert not problems(found)
    assert "relay of a Jupyter server" in found["answer"].found
    assert TOKEN not in "".join(map(str, found.values()))


# --- the key


def test_of_the_key_only_its_end_is_shown(module_sandbox: Sandbox) -> None:
    found = examined(module_sandbox.compatible_url)
    assert "…LAST" in found["key"].found
    assert "QWEN_API_KEY" in found["key"].found
    assert KEY not in json.dumps([finding.as_dict() for finding in found.values()])


def test_a_missing_key_is_named_and_the_way_examined_all_the_same(module_sandbox: Sandbox) -> None:
    found = examined(module_sandbox.compatible_url, key="")
    assert problems(found) == ["key"]
    assert "%qwen login" in found["key"].remedy
    assert found["answer"].state == "fine"


def test_a_key_that_is_refused_is_named(module_sandbox: Sandbox) -> None:
    found = examined(module_sandbox.compatible_url, key="wrong-from-the-start")
    assert problems(found) == ["key accepted"]


class Regions(Listener):
    """A proxy through which the service's regions are reached, one of which knows the key."""

    def __init__(self, context: ssl.SSLContext, good: str) -> None:
        self.asked: list[str] = []
        self._context, self.good = context, good
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        wanted = connection.recv(65536)
        if not wanted.startswith(b"CONNECT "):
            return  # it was only looked whether somebody listens
        host = wanted.split()[1].decode().partition(":")[0]
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with self._context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            self.asked.append(host)
            refused = plain("401 Unauthorized", b'{"code":"InvalidApiKey","message":"no"}')
            secured.sendall(MODELS if host == self.good else refused)


@pytest.fixture
def regions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Regions]:
    authority = Authority(tmp_path)
    with Regions(authority.server("*.aliyuncs.com"), good="dashscope-intl.aliyuncs.com") as regions:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{regions.port}")
        monkeypatch.setenv("SSL_CERT_FILE", authority.bundle)
        yield regions


def test_without_a_key_the_doctor_says_where_one_is_made(regions: Regions) -> None:
    found = examined("beijing", key="")
    assert found["key"].found == "there is none for the Qwen service (Alibaba Cloud Model Studio)"
    assert "modelstudio.console.alibabacloud.com" in found["key"].remedy


def test_a_key_that_no_region_takes_is_to_be_copied_again_from_where_keys_are_made(regions: Regions) -> None:
    regions.good = "nowhere"
    assert "modelstudio.console.alibabacloud.com" in examined("beijing", try_regions=True)["key accepted"].remedy


def test_a_key_of_another_region_is_found_when_asking_is_allowed(regions: Regions) -> None:
    found = examined("beijing", try_regions=True)
    assert problems(found) == ["key accepted"]
    assert found["key accepted"].remedy == "%qwen use singapore"
    assert "127.0.0.1" in found["proxy"].found


def test_a_key_is_not_sent_to_other_regions_by_itself(regions: Regions) -> None:
    found = examined("beijing")
    assert "--try-regions" in found["key accepted"].remedy
    assert set(regions.asked) == {"dashscope.aliyuncs.com"}


# --- the way there


def test_a_proxy_s_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:SECRET@127.0.0.1:9")
    found = examined("beijing")
    assert "SECRET" not in "".join(map(str, found.values()))
    assert problems(found) == ["TCP"]
    assert "the proxy" in found["TCP"].found


def test_what_is_on_this_machine_is_not_behind_the_proxy(
    monkeypatch: pytest.MonkeyPatch, module_sandbox: Sandbox
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    found = examined(module_sandbox.compatible_url)
    assert not problems(found)
    assert "directly" in found["proxy"].found


def test_an_unknown_name_and_a_closed_port_are_named() -> None:
    assert problems(examined("http://no-such-host.invalid/v1")) == ["DNS"]
    with FaultServer() as server:
        url = server.url
    found = examined(url)
    assert problems(found) == ["TCP"]
    assert "Is the server running" in found["TCP"].remedy


@pytest.mark.parametrize(
    ("kind", "words", "remedy"),
    [
        ("another host", "mismatch", "another host's certificate"),
        ("self-signed", "self-signed", "SSL_CERT_FILE"),
        ("expired", "expired", "clock"),
        ("unknown authority", "issuer", "SSL_CERT_FILE"),
    ],
)
def test_a_certificate_that_is_not_good_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, words: str, remedy: str
) -> None:
    authority = Authority(tmp_path)
    if kind != "unknown authority":
        monkeypatch.setenv("SSL_CERT_FILE", authority.bundle)
    contexts: dict[str, Callable[[], ssl.SSLContext]] = {
        "another host": lambda: authority.server("elsewhere.example"),
        "self-signed": authority.self_signed,
        "expired": lambda: authority.server(expired=True),
        "unknown authority": authority.server,
    }
    with FaultServer((MODELS,), wrap=wrapping(contexts[kind]())) as server:
        found = examined(f"https://{HOST}:{server.port}/v1")
    assert problems(found) == ["TLS"]
    assert words in found["TLS"].found
    assert remedy in found["TLS"].remedy


def test_a_good_certificate_is_told_with_its_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.bundle)
    with FaultServer((MODELS,), GOOD, wrap=wrapping(authority.server())) as server:
        found = examined(f"https://{HOST}:{server.port}/v1")
    assert not problems(found)
    assert "trustme" in found["TLS"].found


# --- who answers


@pytest.mark.parametrize(
    ("response", "check", "words"),
    [
        (plain("200 OK", b"<html><title>Hotel: log in</title>", "text/html"), "answer", "Hotel: log in"),
        (plain("502 Bad Provider", b"<html><title>502</title>", "text/html", "server: nginx/1.22"), "answer", "nginx"),
        (plain("302 Found", b"", "text/html", "location: http://login.hotel/"), "answer", "login.hotel"),
        (plain("503 Busy", b'{"error":{"message":"no room","code":"x"}}'), "answer", "no room"),
        (plain("200 OK", b'{"data":[]}', "application/json", f"date: {formatdate(time() + 9000)}"), "clock", "behind"),
    ],
    ids=["captive portal", "a proxy's error", "redirect", "busy", "a wrong clock"],
)
def test_what_stands_in_the_service_s_place_is_named(response: bytes, check: str, words: str) -> None:
    with FaultServer((response,), GOOD) as server:
        found = examined(native_or_compatible(server))
    assert found[check].state == "problem"
    assert words in found[check].found


def test_a_model_that_is_not_there_is_named() -> None:
    with FaultServer((plain("200 OK", b'{"data":[{"id":"only-this"}]}'),), GOOD) as server:
        found = examined(native_or_compatible(server))
    assert problems(found) == ["model"]
    assert "qwen-plus" in found["model"].found


def test_a_stream_that_breaks_off_is_named() -> None:
    with FaultServer((MODELS,), (plain("200 OK", b"data: {}\n\n", "text/event-stream"),)) as server:
        found = examined(server.url)
    assert problems(found) == ["stream"]


# --- a proxy that collects

needs_nginx = pytest.mark.skipif(nginx.binary() is None, reason="there is no nginx here (Debian: nginx-light)")


@needs_nginx
def test_what_is_wrong_with_an_nginx_before_the_relay_is_named(tmp_path: Path, sandbox: Sandbox) -> None:
    found: dict[str, dict[str, Finding]] = {}
    with jupyter_servers.running(tmp_path, *relay_options(sandbox.root, key_file=key_file(tmp_path))) as server:
        for settings in (nginx.GOOD, nginx.DEFAULT, nginx.DEAF):
            with nginx.running(tmp_path / f"nginx{len(found)}", server.port, settings) as port:
                found[settings] = examined(f"http://127.0.0.1:{port}/user/ann/qwen/compatible-mode/v1", key=TOKEN)
    assert not problems(found[nginx.GOOD])
    assert problems(found[nginx.DEFAULT]) == ["large requests"]
    assert "client_max_body_size" in found[nginx.DEFAULT]["large requests"].remedy
    assert problems(found[nginx.DEAF]) == ["large requests", "stream"]
    assert "nginx" in found[nginx.DEAF]["stream"].found
    assert "proxy_buffering off" in found[nginx.DEAF]["stream"].remedy


@needs_nginx
def test_an_nginx_that_collects_a_stream_before_any_other_server_is_named(tmp_path: Path) -> None:
    head = b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    pieces = [step for number in range(40) for step in (sse(chunk(content=f"{number}\n"), done=False), 0.02)]
    slow = (head, *pieces, ANSWER, "close")
    with (
        FaultServer((MODELS,), (plain("400 No", b"{}"),), slow) as server,
        nginx.running(tmp_path / "nginx", server.port, nginx.DEFAULT + "client_max_body_size 9m;") as port,
    ):
        found = examined(f"http://127.0.0.1:{port}/v1")
    assert problems(found) == ["stream"]
