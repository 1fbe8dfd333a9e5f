"""Where a key comes from, and that it shows itself nowhere."""

import copy
import pickle
import sys
import types

import pytest

from qwen_magic.credentials import Credentials, Secret
from qwen_magic.errors import ConfigurationError, NoKey

KEY = "sk-0123456789abcdef0123"


class MemoryKeyring(types.ModuleType):
    """What the package `keyring` is to us."""

    priority = 5

    def __init__(self):
        super().__init__("keyring")
        self.kept = {}

    def get_keyring(self):
        return self

    def get_password(self, service, account):
        return self.kept.get((service, account))

    def set_password(self, service, account, value):
        self.kept[service, account] = value

    def delete_password(self, service, account):
        del self.kept[service, account]


@pytest.fixture
def keyring(monkeypatch):
    keyring = MemoryKeyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    return keyring


@pytest.fixture(autouse=True)
def _no_keyring_of_this_machine(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)


def test_the_environment_has_the_key_of_the_service():
    found = Credentials({"DASHSCOPE_API_KEY": f" {KEY}\n"}).find("dashscope")
    assert found.secret.reveal() == KEY
    assert "DASHSCOPE_API_KEY" in found.source


def test_other_endpoints_have_a_variable_of_their_own():
    credentials = Credentials({"DASHSCOPE_API_KEY": KEY})
    assert credentials.find("localhost") is None
    assert Credentials({"QWEN_API_KEY": "token"}).find("localhost").secret.reveal() == "token"


def test_a_key_is_kept_in_the_keyring_and_found_by_the_next_kernel(keyring):
    assert Credentials({}).remember("dashscope", KEY) == "the system keyring"
    assert Credentials({}).find("dashscope").source == "the system keyring"
    assert Credentials({}).forget("dashscope") == ("the system keyring",)
    assert Credentials({}).find("dashscope") is None


def test_without_a_keyring_a_key_lasts_for_the_session():
    credentials = Credentials({})
    assert "this session only" in credentials.remember("dashscope", KEY)
    assert credentials.find("dashscope").secret.reveal() == KEY
    assert Credentials({}).find("dashscope") is None


def test_what_was_typed_wins_over_the_environment():
    credentials = Credentials({"DASHSCOPE_API_KEY": "sk-old-old-old-old"})
    credentials.remember("dashscope", KEY)
    assert credentials.find("dashscope").secret.reveal() == KEY


def test_no_key_names_the_three_ways_on():
    with pytest.raises(NoKey, match=r"login.*ollama.*sandbox"):
        Credentials({}).require("dashscope")


@pytest.mark.parametrize("wrong", ["sk-with space", "sk-中文", "sk-\x00"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(wrong):
    with pytest.raises(ConfigurationError) as caught:
        Credentials({"DASHSCOPE_API_KEY": wrong}).find("dashscope")
    assert wrong not in str(caught.value)


def test_a_secret_shows_nothing_but_its_end():
    secret = Secret(KEY)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {copy.copy!r}"
    assert KEY not in shown
    assert "0123)" in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
