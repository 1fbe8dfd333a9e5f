"""`jupyter qwen sandbox`, as a person starts it: in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from qwen_magic.cli import main


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "qwen_magic.cli", "sandbox", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    yield server
    server.kill()
    server.communicate()


def told(server: subprocess.Popen[str]) -> str:
    """What the command says before it waits for clients."""
    assert server.stdout is not None
    lines: list[str] = []
    while not lines or "Ctrl-C" not in lines[-1]:
        lines.append(server.stdout.readline())
        assert lines[-1], "the command ended early"
    return "".join(lines)


def test_the_command_says_where_it_listens_and_serves(server: subprocess.Popen[str]) -> None:
    text = told(server)
    assert "a simulator of Alibaba's Qwen service, not a model" in text
    compatible, native = (
        re.search(rf"http://127\.0\.0\.1:\d+{path}", text) for path in ("/compatible-mode/v1", "/api/v1")
    )
    assert compatible
    assert native
    headers = {"authorization": "Bearer sk-sandbox"}
    assert httpx.get(compatible[0] + "/models", headers=headers, trust_env=False).status_code == 200
    assert httpx.get(native[0] + "/models", headers=headers, trust_env=False).status_code == 200


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals for a child process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_cleanly(server: subprocess.Popen[str], number: signal.Signals) -> None:
    told(server)
    server.send_signal(number)
    _, errors = server.communicate(timeout=20)
    assert (server.returncode, errors) == (0, "")


def test_a_port_that_is_taken_is_told_in_one_line(
    server: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"127\.0\.0\.1:(\d+)", told(server))
    assert found
    assert main(["sandbox", "--port", found[1]]) == 1
    assert capsys.readouterr().err.startswith("jupyter qwen: ")


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "sandbox" in capsys.readouterr().out
