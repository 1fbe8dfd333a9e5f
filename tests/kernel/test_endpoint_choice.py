"""Who is asked: settings that go together or do not, servers without a list of models, keys behind a lock."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.faults import GOOD, FaultServer, Step, plain
from support.kernels import Kernel

from qwen_magic.sandbox import Sandbox

SETTINGS = "(lambda magics: (magics.endpoint, magics.protocol))(get_ipython().magics_manager.registry['QwenMagics'])"
WITHOUT = "http://127.0.0.1:9/v1"  # the port of "discard": nobody is there


@pytest.fixture
def kernel(kernel: Kernel) -> Kernel:
    """The module's kernel without what `%config` has set in it, which outlives the extension."""
    kernel.run("get_ipython().config.pop('QwenMagics', None)")
    kernel.messages.clear()
    return kernel


def url_asked(kernel: Kernel) -> str:
    """The URL of the next question."""
    said = kernel.run("%qwen -m qwen-plus --dry-run Hello").text
    return next(line.split()[1] for line in said.splitlines() if line.startswith("POST"))


@pytest.mark.parametrize(
    ("chosen", "protocol", "url"),
    [
        ("singapore", "dashscope", "https://dashscope-intl.aliyuncs.com/api/v1/"),
        ("https://hub.example/qwen/compatible-mode/v1", "dashscope", "https://hub.example/qwen/api/v1/"),
        ("https://hub.example/qwen/api/v1", "compatible", "https://hub.example/qwen/api/v1/"),
    ],
)
def test_another_protocol_is_spoken_to_the_same_host(kernel: Kernel, chosen: str, protocol: str, url: str) -> None:
    kernel.run("%load_ext qwen_magic")
    kernel.run(f"%qwen use {chosen}")
    kernel.run(f"%config QwenMagics.protocol = {protocol!r}")
    assert url_asked(kernel).startswith(url)
    kernel.run("%config QwenMagics.model = 'qwen-max'")
    assert url_asked(kernel).startswith(url)
    assert kernel.run(f"%qwen use {chosen} --protocol {protocol}").status == "ok"
    assert kernel.value(SETTINGS) == (chosen, protocol)


def test_the_sandbox_speaks_another_protocol_and_stays_the_sandbox(kernel: Kernel) -> None:
    kernel.run("%load_ext qwen_magic\n%qwen use sandbox")
    before = url_asked(kernel)
    kernel.run("%config QwenMagics.protocol = 'dashscope'")
    assert url_asked(kernel).startswith(before.partition("/compatible-mode")[0] + "/api/v1/")
    assert kernel.run("%qwen Hello").status == "ok"


@pytest.mark.parametrize("chosen", ["ollama", "http://localhost:8123/v1", "local", "local:/my/model.gguf"])
def test_a_protocol_that_is_not_spoken_there_is_refused_in_one_line_and_nothing_changes(
    kernel: Kernel, chosen: str
) -> None:
    kernel.run("%load_ext qwen_magic")
    kernel.run(f"%config QwenMagics.endpoint = {chosen!r}")
    said = kernel.run("%config QwenMagics.protocol = 'dashscope'").text.strip()
    assert "QwenMagics.protocol: " in said
    assert "compatible protocol" in said
    assert "\n" not in said
    assert "compatible protocol" in kernel.run("%qwen use --protocol dashscope").error
    assert kernel.value(SETTINGS) == (chosen, "")


def test_an_endpoint_that_does_not_speak_the_protocol_of_before_is_refused_too(kernel: Kernel) -> None:
    kernel.run("%load_ext qwen_magic\n%qwen use singapore --protocol dashscope")
    said = kernel.run("%config QwenMagics.endpoint = 'ollama'").text.strip()
    assert "QwenMagics.endpoint: The native protocol is not spoken at" in said
    assert kernel.value(SETTINGS) == ("singapore", "dashscope")
    assert kernel.run("%qwen use ollama").status == "ok"
    assert kernel.value(SETTINGS) == ("ollama", "")


def test_what_was_used_is_left_by_a_setting_of_the_old_value(kernel: Kernel) -> None:
    kernel.run("%load_ext qwen_magic\n%config QwenMagics.endpoint = 'singapore'\n%qwen use us")
    kernel.run("%config QwenMagics.endpoint = 'singapore'")
    assert url_asked(kernel).startswith("https://dashscope-intl.")


def test_an_endpoint_that_cannot_be_used_leaves_the_old_one(kernel: Kernel) -> None:
    kernel.run("%load_ext qwen_magic\n%qwen use singapore")
    assert kernel.run("%qwen use bejing").status == "error"
    assert url_asked(kernel).startswith("https://dashscope-intl.")


# --- lists of models

MISSING = (plain("404 Not Found", b'{"detail":"Not Found"}'),)
BROKEN = (plain("500 Internal Server Error", b"Internal Server Error", "text/plain"),)
SLOW: tuple[Step, ...] = ("hang",)
ODD = (plain("200 OK", b"[1, 2]"),)


class Server(FaultServer):
    """Answers questions well, and the question for its models as it is told."""

    def __init__(self, listing: tuple[Step, ...]) -> None:
        super().__init__(GOOD)
        self.lists = 0
        self._list = listing

    def _play(self, connection: socket.socket, script: tuple[Step, ...]) -> bool:
        if self.requests[-1].startswith(b"GET "):
            self.lists += 1
            return super()._play(connection, self._list)
        return super()._play(connection, script)


@pytest.mark.parametrize("listing", [MISSING, BROKEN, SLOW, ODD], ids=["missing", "broken", "slow", "odd"])
def test_a_server_without_a_list_of_models_is_asked_all_the_same(kernel: Kernel, listing: tuple[Step, ...]) -> None:
    with Server(listing) as server:
        kernel.run(f"%load_ext qwen_magic\n%qwen use {server.url}")
        for _ in range(2):
            began = time.monotonic()
            answer = kernel.run("%qwen -m tiny Hello")
            assert "one two" in answer.text
            assert time.monotonic() - began < 8  # the list is given 2 s; a server that hangs is usually given 310
        assert server.lists == 1  # and is remembered


@pytest.mark.parametrize("listing", [MISSING, SLOW], ids=["missing", "slow"])
def test_where_no_model_is_known_the_error_says_to_name_one(kernel: Kernel, listing: tuple[Step, ...]) -> None:
    with Server(listing) as server:
        kernel.run(f"%load_ext qwen_magic\n%qwen use {server.url}")
        error = kernel.run("%qwen Hello").error
        assert error.startswith("ConfigurationError: http://127.0.0.1")
        assert "does not say which models it has" in error
        assert error.endswith("Name one with -m.")


def test_where_nobody_is_the_error_says_so(kernel: Kernel) -> None:
    kernel.run(f"%load_ext qwen_magic\n%qwen use {WITHOUT}")
    for line in ("%qwen Hello", "%qwen -m tiny Hello"):
        assert "Is the server running" in kernel.run(line).error


# --- Tab


def test_tab_after_m_starts_no_engine_and_looks_for_nobody(kernel: Kernel, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"no model, which loading it would say")
    kernel.run(f"%load_ext qwen_magic\n%config QwenMagics.endpoint = 'local:{own}'")
    assert "qwen-plus" not in kernel.complete("%%qwen -m q")
    assert not kernel.messages or all(message.type != "error" for message in kernel.messages)


def test_tab_with_a_mistyped_endpoint_of_the_environment_is_quiet(start_kernel: Callable[..., Kernel]) -> None:
    kernel = start_kernel(QWEN_BASE_URL="http://localhost:8000")
    kernel.run("%load_ext qwen_magic")
    for line in ("%%qwen -m q", "%qwen use beij", "%qwen model q"):
        kernel.complete(line)
    assert kernel.run("1").text == "1"
    assert not [message for message in kernel.messages if message.type in ("stream", "error")]
    assert "Traceback" not in (kernel.folder / "kernel.log").read_text(encoding="utf-8")
    assert "does not end with /v1" in kernel.run("%qwen Hello").error
    assert kernel.run("%qwen use sandbox").status == "ok"
    assert kernel.run("%qwen Hello").status == "ok"


# --- keys and time-outs

LOCKED = """\
import keyring, keyring.backend, keyring.errors
class Locked(keyring.backend.KeyringBackend):
    priority = 9
    def _refuse(self, *given):
        raise keyring.errors.KeyringLocked("Failed to unlock the collection!")
    get_password = set_password = delete_password = _refuse
keyring.set_keyring(Locked())
"""


def test_a_locked_keyring_is_in_nobodys_way_who_needs_no_key(kernel: Kernel) -> None:
    pytest.importorskip("keyring")
    with FaultServer(GOOD) as server:
        server.listing = plain("200 OK", json.dumps({"data": [{"id": "qwen3"}]}).encode())
        kernel.run(LOCKED)
        kernel.run(f"%load_ext qwen_magic\n%qwen use {server.url}")
        assert "one two" in kernel.run("%qwen Hello").text
    kernel.run("%qwen use singapore")
    error = kernel.run("%qwen Hello").error
    service = "the Qwen service (Alibaba Cloud Model Studio)"
    assert error.startswith(f"NoKey: There is no key for {service} but perhaps in the system keyring")
    assert "Failed to unlock the collection!" in error
    said = kernel.run("%qwen login", answers=["sk-0123456789abcdef"])
    assert f"The key for {service} is kept in" in said.text
    assert "dashscope" not in said.text
    assert "this session only (the system keyring cannot be used" in said.text
    assert kernel.run("%qwen logout").error.startswith("ConfigurationError: The system keyring cannot be used")


def test_a_time_out_that_is_set_holds_from_the_next_question(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.use(sandbox.compatible_url, sandbox.key)
    kernel.run("%qwen Hello")
    kernel.run("%config QwenMagics.idle_timeout = 0.3")
    assert "has sent nothing for 0.3 s" in kernel.run("%qwen sandbox: stall 20").error
    kernel.run("%config QwenMagics.idle_timeout = 310.0")
    assert kernel.run("%qwen sandbox: stall 1").status == "ok"
