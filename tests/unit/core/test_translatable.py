"""Messages that can be translated: strings in every respect, with their template and values; and whose language."""

from __future__ import annotations

import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from qwen_magic.core import languages
from qwen_magic.core.errors import InputError, KeyRejected, redacted
from qwen_magic.core.languages import in_language, translated
from qwen_magic.core.translatable import Translatable, _, _n, alternatives, applied, sentences

STOPPED = _("{name} is larger than {most}.", name="a.txt", most="1 MB")
CHINESE = "a.txt 超过 1 MB。"


def test_a_message_is_its_english_text() -> None:
    assert STOPPED == "a.txt is larger than 1 MB."
    assert f"{STOPPED}|{STOPPED:<30}|" == "a.txt is larger than 1 MB.|a.txt is larger than 1 MB.    |"
    assert json.dumps(STOPPED) == '"a.txt is larger than 1 MB."'
    numbers: dict[str, int] = {STOPPED: 1}
    assert numbers["a.txt is larger than 1 MB."] == 1
    assert type(str(STOPPED)) is str


def test_a_message_is_translated_with_its_values() -> None:
    assert translated(STOPPED, "zh_CN") == CHINESE
    assert translated(STOPPED, "en") == STOPPED
    assert translated("a.txt is larger than 1 MB.", "zh_CN") == "a.txt is larger than 1 MB."


def test_braces_in_values_are_no_places() -> None:
    message = _("{name} is larger than {most}.", name="{most} {0} {{", most="没有 {}")
    assert message == "{most} {0} {{ is larger than 没有 {}."
    assert translated(message, "zh_CN") == "{most} {0} {{ 超过 没有 {}。"


def test_values_that_are_messages_are_translated_as_well() -> None:
    message = _("trying again in {seconds} s: {reason}", seconds=3, reason=_("stopped"))
    assert translated(message, "zh_CN") == "3 秒后重试：已停止"
    assert translated(sentences(STOPPED, "", STOPPED), "zh_CN") == CHINESE * 2
    assert translated(alternatives("abc"), "zh_CN") == "a 或 b 或 c"
    assert (sentences(), sentences("", "x"), alternatives([])) == ("", "x", "")


def test_chinese_within_chinese_stands_without_spaces() -> None:
    nested = _("{name} is larger than {most}.", name=_("Question"), most=_("variable"))
    assert translated(nested, "zh_CN") == "提问超过变量。"
    assert translated(_("{name} is larger than {most}.", name="中 文", most="文"), "zh_CN") == "中 文 超过 文。"


def test_one_and_many() -> None:
    one, many = (_n("{count} file", "{count} files", count=count) for count in (1, 3))
    assert (one, many) == ("1 file", "3 files")


def test_what_has_no_translation_stays_english() -> None:
    assert translated(_("No catalogue has {this}.", this="sentence"), "zh_CN") == "No catalogue has sentence."


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copy_can_be_translated_too(again: object) -> None:
    assert callable(again)
    copied = again(applied(redacted, STOPPED))
    assert isinstance(copied, Translatable)
    assert (copied, translated(copied, "zh_CN")) == (STOPPED, CHINESE)


def refuse() -> None:
    raise InputError(STOPPED)


def test_an_error_of_another_process_can_be_translated() -> None:
    with get_context("spawn").Pool(1) as pool, pytest.raises(InputError) as caught:
        pool.apply(refuse)
    assert str(caught.value) == STOPPED
    assert caught.value.in_language("zh_CN") == CHINESE


def test_a_key_is_in_no_language() -> None:
    error = InputError(_("{name} is larger than {most}.", name="sk-abcdefghijklmnop\n1234", most=1))
    assert "ghijkl" not in str(error)
    assert error.in_language("zh_CN") == "sk-…mnop 1234 超过 1。"


def test_what_the_service_says_is_introduced_to_those_who_read_no_english() -> None:
    error = KeyRejected("Invalid API-key provided.")
    assert error.in_language("en") == str(error) == "Invalid API-key provided."
    assert error.in_language("zh_CN") == "密钥无效，或属于其他地域或套餐。Invalid API-key provided."


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN"}, "zh_CN"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "de:zh_CN:en"}, "zh_CN"),
        ({"LANG": "zh_CN.UTF-8", "LANGUAGE": "", "LC_ALL": ""}, "zh_CN"),
        ({"LANG": "zh-Hans"}, "zh_CN"),
    ],
)
def test_the_language_of_an_environment(environment: dict[str, str], language: str) -> None:
    assert languages.of_environment(environment) == language


def test_the_language_is_that_of_the_context() -> None:
    with in_language("zh_CN"), ThreadPoolExecutor() as elsewhere:
        assert translated(STOPPED) == CHINESE
        assert elsewhere.submit(translated, STOPPED).result() == translated(STOPPED, languages.of_environment())
