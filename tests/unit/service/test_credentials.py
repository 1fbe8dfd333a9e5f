"""Where a key comes from, and that it shows itself nowhere."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import asdict, astuple
from pathlib import Path

import pytest
from rich.pretty import pretty_repr
from support.kernels import clean_environment

from qwen_magic.core.errors import ConfigurationError, NoKey
from qwen_magic.core.languages import translated
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.credentials import Credentials, FoundKey, Secret

KEY = "sk-0123456789abcdef0123"


class MemoryKeyring(types.ModuleType):
    """What the package `keyring` is to us."""

    priority = 5

    def __init__(self) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}

    def get_keyring(self) -> MemoryKeyring:
        return self

    def get_password(self, service: str, account: str) -> str | None:
        return self.kept.get((service, account))

    def set_password(self, service: str, account: str, value: str) -> None:
        self.kept[service, account] = value

    def delete_password(self, service: str, account: str) -> None:
        del self.kept[service, account]


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring:
    keyring = MemoryKeyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    return keyring


@pytest.fixture(autouse=True)
def _no_keyring_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)


def test_the_environment_has_the_key_of_the_service() -> None:
    found = Credentials({"DASHSCOPE_API_KEY": f" {KEY}\n"}).find("dashscope")
    assert found
    assert found.secret.reveal() == KEY
    assert "DASHSCOPE_API_KEY" in found.source


def test_other_endpoints_have_a_variable_of_their_own() -> None:
    credentials = Credentials({"DASHSCOPE_API_KEY": KEY})
    assert credentials.find("localhost") is None
    assert Credentials({"QWEN_API_KEY": "token"}).require("localhost").reveal() == "token"


def test_a_key_is_kept_in_the_keyring_and_found_by_the_next_kernel(keyring: MemoryKeyring) -> None:
    assert Credentials({}).remember("dashscope", KEY) == "the system keyring"
    found = Credentials({}).find("dashscope")
    assert found
    assert found.source == "the system keyring"
    assert Credentials({}).forget("dashscope") == ("the system keyring",)
    assert Credentials({}).find("dashscope") is None


def test_without_a_keyring_a_key_lasts_for_the_session() -> None:
    credentials = Credentials({})
    assert "this session only" in credentials.remember("dashscope", KEY)
    assert credentials.require("dashscope").reveal() == KEY
    assert Credentials({}).find("dashscope") is None


def test_what_was_typed_wins_over_the_environment() -> None:
    credentials = Credentials({"DASHSCOPE_API_KEY": "sk-old-old-old-old"})
    credentials.remember("dashscope", KEY)
    assert credentials.require("dashscope").reveal() == KEY


# Colab's user data as a notebook there sees it: `get`, and an exception of its own for each way of having nothing.
USERDATA = """
class SecretNotFoundError(AttributeError):
    pass

class NotebookAccessError(Exception):
    pass

def get(name):
    {what}
"""
LOOK = "from qwen_magic.service.credentials import Credentials; print(Credentials().find('dashscope'))"


@pytest.fixture
def on_colab(tmp_path: Path) -> Callable[[str, str], subprocess.CompletedProcess[str]]:
    """What a fresh Python on Colab says, with `what` its user data does when it is asked for `name`."""

    def run(code: str, what: str) -> subprocess.CompletedProcess[str]:
        userdata = tmp_path / "google" / "colab" / "userdata.py"
        userdata.parent.mkdir(parents=True)
        userdata.write_text(USERDATA.format(what=what), encoding="utf-8")
        environment = clean_environment(tmp_path)
        environment["PYTHONPATH"] = os.pathsep.join((str(tmp_path), environment["PYTHONPATH"]))
        return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8")

    return run


def test_on_colab_the_key_is_in_the_user_data(on_colab: Callable[[str, str], subprocess.CompletedProcess[str]]) -> None:
    found = on_colab(LOOK, f"return {{'DASHSCOPE_API_KEY': '{KEY}\\n'}}[name]")
    assert "Colab's user data" in found.stdout, found.stderr
    assert KEY not in found.stdout + found.stderr


def test_on_colab_the_key_is_sent_and_shown_nowhere(
    on_colab: Callable[[str, str], subprocess.CompletedProcess[str]], sandbox: Sandbox
) -> None:
    ask = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'qwen_magic')\n"
        f"shell.run_cell('%qwen use {sandbox.compatible_url}\\n%qwen --dry-run Hello\\n%qwen Hello')\n"
        "print(repr(shell.user_ns['_qwen']))\n"
    )
    said = on_colab(ask, f"return {{'QWEN_API_KEY': '{KEY}'}}[name]")
    assert "Hello" in said.stdout, said.stderr
    assert sandbox.requests[-1].headers["authorization"] == f"…{KEY[-4:]}"
    assert KEY not in said.stdout + said.stderr


@pytest.mark.parametrize("what", ["raise NotebookAccessError(name)", "raise SecretNotFoundError(name)", "return None"])
def test_a_key_that_colab_does_not_give_is_no_key(
    on_colab: Callable[[str, str], subprocess.CompletedProcess[str]], what: str
) -> None:
    assert on_colab(LOOK, what).stdout == "None\n"


def test_elsewhere_there_is_no_user_data(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOOK]
    assert subprocess.check_output(command, env=clean_environment(tmp_path), encoding="utf-8") == "None\n"


def test_no_key_names_the_three_ways_on() -> None:
    with pytest.raises(NoKey, match=r"login.*ollama.*sandbox"):
        Credentials({}).require("dashscope")


def test_no_key_says_where_one_is_made_and_names_the_service_as_people_do() -> None:
    with pytest.raises(NoKey) as caught:
        Credentials({}).require("dashscope")
    error = caught.value
    assert error.happened == "There is no key for the Qwen service (Alibaba Cloud Model Studio)."
    for page in ("API Key", "bailian.console.aliyun.com", "modelstudio.console.alibabacloud.com"):
        assert page in error.remedy
    assert translated(error.happened, "zh_CN") == "没有通义千问服务（阿里云百炼）的密钥。"
    assert "百炼控制台" in translated(error.remedy, "zh_CN")


@pytest.mark.parametrize("wrong", ["sk-with space", "sk-中文", "sk-\x00"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(wrong: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Credentials({"DASHSCOPE_API_KEY": wrong}).find("dashscope")
    assert wrong not in str(caught.value)


def test_a_secret_shows_nothing_but_its_end() -> None:
    secret = Secret(KEY)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {copy.copy!r}"
    assert KEY not in shown
    assert "0123)" in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_the_fields_of_what_holds_a_key_do_not_show_it() -> None:
    found = FoundKey(Secret(KEY), "a test")
    for shown in (asdict(found), astuple(found), pretty_repr(found), pretty_repr([found.secret])):
        assert KEY[3:12] not in str(shown)
    assert found == FoundKey(Secret(KEY), "a test")
    with pytest.raises(TypeError):
        asdict(found.secret)  # type: ignore[call-overload]  # that this is refused is tested here
