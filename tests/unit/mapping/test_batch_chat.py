"""Batch chat: the sandbox under the name of the service's host for it, over TLS, behind a proxy that leads there."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.certificates import Authority
from support.faults import Listener

from qwen_magic.assistant.assistant import Assistant
from qwen_magic.assistant.question import Question
from qwen_magic.core.settings import Settings
from qwen_magic.mapping.mapper import MapOptions, map_rows
from qwen_magic.mapping.views import SilentMapView
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.credentials import Credentials

BATCH_HOST = b"batch.dashscope.aliyuncs.com"


class Leading(Listener):
    """A proxy that leads to the sandbox, whatever host is wanted; `hosts` are those that were. One request each."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        self.hosts: list[bytes] = []
        self._context, self._to = context, port
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        self.hosts.append(connection.recv(65536).split()[1].partition(b":")[0])
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with (
            self._context.wrap_socket(connection, server_side=True) as secured,
            socket.create_connection(("127.0.0.1", self._to)) as sandbox,
        ):
            head, end, body = b"", b"", b""
            while not end:
                head, end, body = (head + secured.recv(65536)).partition(b"\r\n\r\n")
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"host:", b"connection:"))]
            length = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
            while len(body) < length:
                body += secured.recv(65536)
            sandbox.sendall(b"\r\n".join([*lines, b"Host: localhost", b"Connection: close", b"", body]))
            while answer := sandbox.recv(65536):
                secured.sendall(answer)


@pytest.fixture
def beijing(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Leading]:
    """What leads to the service in Beijing leads to the sandbox."""
    authority = Authority(tmp_path)
    port = int(sandbox.root.rpartition(":")[2])
    with Leading(authority.server("*.dashscope.aliyuncs.com", "dashscope.aliyuncs.com"), port) as leading:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{leading.port}")
        monkeypatch.setenv("SSL_CERT_FILE", authority.bundle)
        monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path / "cache"))
        yield leading


def test_batch_chat_asks_its_own_host_and_shares_its_answers_with_live_rows(sandbox: Sandbox, beijing: Leading) -> None:
    assistant = Assistant(Settings(endpoint="beijing"), Credentials({"DASHSCOPE_API_KEY": sandbox.key}))
    question = Question("sandbox: echo\n{{ value }}")

    def asked(where: str) -> list[str]:
        beijing.hosts.clear()
        options = MapOptions(where=where)
        found = map_rows(
            assistant, ["a", "b", "c"], question, options, SilentMapView(), lambda text: None, lambda result: None
        )
        assert [row["error"] for row in found] == [""] * 3
        return [row["answer"] for row in found]

    assert asked("batch-chat") == ["a", "b", "c"]
    assert beijing.hosts == [BATCH_HOST] * 3
    assert {request.path for request in sandbox.requests} == {"/compatible-mode/v1/chat/completions"}
    sandbox.clear()
    assert asked("batch-chat") == ["a", "b", "c"]
    assert asked("live") == ["a", "b", "c"]
    assert not sandbox.requests
    assistant.close()
