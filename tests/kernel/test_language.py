"""Messages in the language of the shell, of the environment, or of the page."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from support.faults import GOOD, FaultServer, plain
from support.kernels import Kernel, Result, clean_environment

from qwen_magic.sandbox import Sandbox

HAN = re.compile("[\u4e00-\u9fff]")
CHINESE = "%config QwenMagics.language = 'zh_CN'"


def failed(result: Result) -> str:
    """The error as the cell shows it."""
    return "\n".join(result.reply["traceback"])


def whole(result: Result) -> str:
    """All that the file has of a cell's outputs."""
    return json.dumps(result.saved, ensure_ascii=False)


@pytest.fixture
def chinese(notebook: Kernel) -> Kernel:
    notebook.run(CHINESE)
    return notebook


def test_an_error_is_in_the_language_of_the_shell(chinese: Kernel) -> None:
    result = chinese.run("%%qwen -v nowhere\nWhat is this?")
    assert "没有变量 nowhere。" in failed(result)
    assert "没有变量 nowhere。" in failed(chinese.run("import qwen_magic\nqwen_magic.ask('?', variables='nowhere')"))
    assert "没有变量" not in result.error  # for programs: the reply's `evalue`


def test_what_is_set_holds_in_the_same_cell_already(notebook: Kernel) -> None:
    assert "没有变量 nowhere。" in failed(notebook.run(f"{CHINESE}\n%qwen -v nowhere What is this?"))


def test_the_line_below_an_answer_is_in_the_language_of_the_shell(chinese: Kernel) -> None:
    result = chinese.run("%%qwen\nsandbox: echo\nhello")
    assert "输入 " in whole(result)
    assert "tokens in" not in whole(result)
    assert "输入 " in chinese.run("_qwen").outputs[0]["data"]["text/html"]


def test_a_note_is_in_the_language_of_the_shell(kernel: Kernel) -> None:
    with FaultServer(GOOD) as server:
        server.listing = plain("200 OK", b'{"data": [{"id": "some-model"}]}')
        kernel.use(server.url, "sk-0123456789abcdef")
        kernel.run(f"{CHINESE}\n%config QwenMagics.think = True")
        assert "已要求思考" in whole(kernel.run("%%qwen\nWell?"))


def test_commands_speak_the_language_of_the_shell(chinese: Kernel) -> None:
    helped = chinese.run("%qwen help").text
    assert "\n其他\n" in helped
    assert "撤销上一次更改" in helped
    assert "{{ 表达式 }}" in helped
    chinese.run("%%qwen\nsandbox: echo\nhello", cell_id="one")
    assert "刚刚" in chinese.run("%qwen chats").text
    assert "已清除 1 轮" in chinese.run("%qwen reset").text
    assert "没有命令 'foo'。" in failed(chinese.run("%qwen foo"))


def test_the_doctor_speaks_the_language_of_the_shell_and_to_machines_english(chinese: Kernel) -> None:
    assert "密钥有效" in chinese.run("%qwen doctor").text
    found = json.loads(chinese.run("%qwen doctor --json").text)
    assert "key accepted" in [finding["check"] for finding in found]
    assert not HAN.search(json.dumps(found, ensure_ascii=False))


def test_a_language_that_there_is_not_is_refused(notebook: Kernel) -> None:
    notebook.run("%config QwenMagics.language = ''")  # `%config` outlives the extension
    said = notebook.run("%config QwenMagics.language = 'kl'").messages
    assert any("there is no 'kl'. There are 'en', 'zh_CN'." in str(message.content) for message in said)
    assert "没有变量" in failed(notebook.run("%config QwenMagics.language = 'zh-Hans'\n%qwen -v nowhere ?"))


@pytest.mark.parametrize(
    ("language", "said"), [("zh_CN", "没有变量 nowhere。"), ("de_DE", "There is no variable nowhere.")]
)
def test_the_environment_names_the_language_where_nothing_else_does(
    start_kernel: Callable[..., Kernel], language: str, said: str
) -> None:
    kernel = start_kernel(LANGUAGE=language)
    assert said in failed(kernel.run("%load_ext qwen_magic\n%qwen use sandbox\n%qwen -v nowhere ?"))


def test_two_shells_of_one_process_have_two_languages() -> None:
    shells = [InteractiveShell(), InteractiveShell()]
    for shell, language in zip(shells, ("zh_CN", "en"), strict=True):
        shell.run_cell(f"%load_ext qwen_magic\n%config QwenMagics.language = {language!r}")
    for said, shell in zip(("没有变量", "There is no variable"), shells, strict=True):
        shown = io.StringIO()
        with redirect_stdout(shown):
            shell.run_cell("%qwen -v nowhere ?")
        assert said in shown.getvalue()
    for shell in shells:
        shell.run_cell("%unload_ext qwen_magic")


def test_a_script_that_fails_says_so_in_the_language_of_the_environment_too(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path) | {"PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", "import qwen_magic; qwen_magic.ask(' ')"]
    for language, expected in (("zh_CN", True), ("de_DE", False)):
        ended = subprocess.run(command, env=environment | {"LANGUAGE": language}, capture_output=True, encoding="utf-8")
        assert "There is no question." in ended.stderr
        assert ("没有提问内容。" in ended.stderr) is expected


def test_the_command_line_speaks_the_language_of_the_environment(tmp_path: Path, sandbox: Sandbox) -> None:
    environment = clean_environment(tmp_path) | {"PYTHONIOENCODING": "utf-8", "QWEN_API_KEY": sandbox.key}
    command = [sys.executable, "-m", "qwen_magic.cli", "doctor", sandbox.compatible_url]
    for language, expected in (("zh_CN", "密钥有效"), ("de_DE", "key accepted")):
        ended = subprocess.run(command, env=environment | {"LANGUAGE": language}, capture_output=True, encoding="utf-8")
        assert expected in ended.stdout
