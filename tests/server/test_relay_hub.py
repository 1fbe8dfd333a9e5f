"""The relay as a service of a real JupyterHub, configured as the README says: who may ask, and what kernels see."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil  # type: ignore[import-untyped]  # it has no types
import pytest
from support import download_sources as hubs
from support.download_sources import Hub
from support.faults import Listener
from support.jupyter_servers import KEY, connected, key_file, said_by
from support.kernels import clean_environment
from support.readme import cells, section
from support.waiting import wait_for
from support.wire import keyed, text

from qwen_magic.core.errors import ServiceUnavailable
from qwen_magic.core.events import Event
from qwen_magic.core.messages import ChatRequest, Message
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.client import Client
from qwen_magic.service.credentials import Credentials
from qwen_magic.service.endpoints import of_service
from qwen_magic.service.timeouts import Timeouts

pytestmark = pytest.mark.skipif(bool(hubs.usable()), reason=hubs.usable() or "a hub can run here")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, module_sandbox: Sandbox) -> Iterator[Hub]:
    (documented,) = [code for code in cells(section("For administrators")) if "c.JupyterHub.services" in code]
    with hubs.running(tmp_path_factory.mktemp("hub"), documented, module_sandbox.root) as hub:
        yield hub


@pytest.fixture(scope="module")
def ann(hub: Hub) -> str:
    return hub.user("ann")


@pytest.fixture(scope="module")
def bob(hub: Hub) -> str:
    return hub.user("bob")


def sdk(hub: Hub, token: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=hub.compatible, api_key=token, max_retries=0)


def asked(client: openai.OpenAI, content: str) -> str:
    messages: Any = [{"role": "user", "content": content}]
    pieces = client.chat.completions.create(model="qwen-plus", messages=messages, stream=True)
    return "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)


def relayed(hub: Hub) -> list[dict[str, Any]]:
    return [json.loads(line.partition(" relayed ")[2]) for line in hub.log.splitlines() if " relayed {" in line]


def test_the_hub_s_users_ask_with_their_tokens_and_are_told_apart(
    hub: Hub, sandbox: Sandbox, ann: str, bob: str
) -> None:
    answers: dict[str, str] = {}

    def ask(name: str, token: str) -> None:
        answers[name] = asked(sdk(hub, token), f"sandbox: echo\nsandbox: rate 100\nI am {name} " + "word " * 60)

    threads = [threading.Thread(target=ask, args=user) for user in (("ann", ann), ("bob", bob))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "I am ann" in answers["ann"]
    assert "bob" not in answers["ann"]
    assert "I am bob" in answers["bob"]
    assert wait_for(lambda: sorted(line["user"] for line in relayed(hub)[-2:]) == ["ann", "bob"])
    assert {request.headers["authorization"] for request in sandbox.requests} == {f"…{KEY[-4:]}"}
    assert KEY not in hub.log


def test_a_stranger_and_a_token_without_the_scope_are_refused(hub: Hub, sandbox: Sandbox) -> None:
    with pytest.raises(openai.AuthenticationError, match="does not know this token"):
        sdk(hub, "not-a-token").models.list()
    narrow = hub.user("carol", scopes=["read:users!user"])
    with pytest.raises(openai.PermissionDeniedError, match=r"lacks the hub's scope .*access:services!service=qwen"):
        sdk(hub, narrow).models.list()
    assert not sandbox.requests


def test_the_service_has_nothing_but_the_relay(hub: Hub, ann: str) -> None:
    for path in ("", "api/kernels", "api/contents", "terminals/websocket/1", "lab", "compatible-mode/%2e%2e/api"):
        response = httpx.get(f"{hub.relay}/{path}", headers={"Authorization": f"Bearer {ann}"})
        assert response.status_code == 404, path


@pytest.mark.parametrize("protocol", ["compatible", "dashscope"])
def test_an_answer_that_breaks_off_ends_behind_the_hub_s_proxy(
    hub: Hub, sandbox: Sandbox, ann: str, protocol: Any
) -> None:
    there = of_service("relay", hub.relay, protocol, account="relay")
    credentials = Credentials({})
    credentials.remember_for_session("relay", ann)
    client = Client(Timeouts(connect=10, idle=60))
    request = ChatRequest("qwen-plus", (Message.user("sandbox: cut 50\nsandbox: long 500"),))
    came: list[Event] = []
    with (
        client.stream(keyed(there, credentials), request) as stream,
        pytest.raises(ServiceUnavailable) as raised,
    ):  # and not `NoAnswer`
        came.extend(chain.from_iterable(stream.batches(0.0)))
    assert "lost the service in mid-answer. What has arrived is kept" in str(raised.value)
    assert text(came)
    client.close()


def test_an_answer_in_one_piece_that_breaks_off_is_an_error_behind_the_hub_s_proxy(hub: Hub, ann: str) -> None:
    with pytest.raises(openai.InternalServerError, match="lost the service in mid-answer"):
        sdk(hub, ann).chat.completions.create(
            model="qwen-plus", messages=[{"role": "user", "content": "sandbox: cut 50\nsandbox: long 500"}], timeout=60
        )


def test_a_kernel_of_a_user_s_server_finds_the_hub_s_relay_and_has_no_key(hub: Hub, sandbox: Sandbox) -> None:
    token = hub.user("dora")
    server = hub.server("dora")
    headers = {"Authorization": f"token {token}"}
    made = httpx.post(f"{server}/api/kernels", headers=headers, json={"name": "python3"}, timeout=60).json()
    with connected(hub.folder / "jupyter_runtime_dir" / f"kernel-{made['id']}.json") as client:
        told = said_by(client, "%load_ext qwen_magic\n%qwen use auto")
        assert f"Asking relay at {hub.compatible}" in told
        assert "are you there, hub?" in said_by(client, "%qwen --alone are you there, hub?")
        assert sandbox.requests[-1].headers["authorization"] == f"…{KEY[-4:]}"
        assert wait_for(lambda: relayed(hub)[-1]["user"] == "dora")
        assert said_by(client, f"import os; print([n for n, v in os.environ.items() if {KEY!r} in v])").strip() == "[]"
        processes = [psutil.Process(int(said_by(client, "print(os.getpid())")))]
        processes += processes[0].parents()[:1]  # the user's server
        assert not any(KEY in str(process.environ()) for process in processes)


# --- without a hub


def service(folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "qwen_magic.relay", f"--QwenRelay.key_file={key_file(folder)}"]
    variables = clean_environment(folder) | environment
    return subprocess.Popen(command, env=variables, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_hub_that_is_down_is_told_and_nobody_passes(tmp_path: Path) -> None:
    (port,) = hubs.free_ports(1)
    with Listener() as nobody:
        down = nobody.port
    process = service(
        tmp_path,
        JUPYTERHUB_SERVICE_URL=f"http://127.0.0.1:{port}",
        JUPYTERHUB_SERVICE_PREFIX="/services/qwen/",
        JUPYTERHUB_SERVICE_NAME="qwen",
        JUPYTERHUB_API_URL=f"http://127.0.0.1:{down}/hub/api",
        JUPYTERHUB_API_TOKEN="x",
    )
    try:
        assert wait_for(lambda: listening(port), 30)
        client = openai.OpenAI(
            base_url=f"http://127.0.0.1:{port}/services/qwen/compatible-mode/v1", api_key="x", max_retries=0
        )
        with pytest.raises(openai.InternalServerError):
            client.models.list()
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_without_a_hub_the_service_says_what_starts_it(tmp_path: Path) -> None:
    process = service(tmp_path)
    told = process.communicate(timeout=60)[0].decode()
    assert process.returncode != 0
    assert "c.JupyterHub.services" in told
    assert "Traceback" not in told


def listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
