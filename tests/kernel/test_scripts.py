"""`ask()` where there is no notebook: in a script, in a worker that is started anew, in one that is forked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.kernels import Kernel, clean_environment

from qwen_magic.sandbox import Sandbox

# Started from a shell, a worker has to find the functions of this file's scripts in a module.
ROWS = """\
import multiprocessing
import sys
import threading

import qwen_magic


def answer(row):
    return qwen_magic.ask(f"sandbox: echo\\nrow {row}", chat=f"of row {row % 7}").text.strip() == f"row {row}"


def wrong(method, rows):
    with multiprocessing.get_context(method).Pool(3) as pool:
        return rows - sum(pool.map(answer, range(rows), chunksize=1))
"""
FORKS = """\
from rows import *

assert answer(0)
asking = threading.Event()
threading.Thread(target=lambda: [asking.set() for row in range(100_000) if answer(row)], daemon=True).start()
asking.wait()
print(sum(wrong("fork", 40) for pool in range(10)))
"""
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows cannot fork")


class Script:
    """Runs scripts in a folder of their own, with nothing of this machine's settings but the sandbox's address."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        ours = {"QWEN_BASE_URL": sandbox.compatible_url, "QWEN_API_KEY": sandbox.key}
        self.environment = clean_environment(folder) | ours

    def run(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "rows.py").write_text(ROWS, encoding="utf-8")
        script = self.folder / "script.py"
        script.write_text(code, encoding="utf-8")
        return subprocess.run(
            [sys.executable, str(script)],
            env=self.environment | environment,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )


@pytest.fixture
def script(tmp_path: Path, sandbox: Sandbox) -> Script:
    return Script(tmp_path, sandbox)


def bodies(sandbox: Sandbox) -> list[Any]:
    return [request.body for request in sandbox.requests if request.method == "POST"]


def test_a_script_asks_whom_the_environment_names(script: Script, sandbox: Sandbox) -> None:
    said = script.run("import qwen_magic; print(qwen_magic.ask('Hello').endpoint)", QWEN_MODEL="qwen-max")
    assert said.stdout.strip() == sandbox.compatible_url, said.stderr
    assert bodies(sandbox)[-1]["model"] == "qwen-max"


def test_a_worker_that_is_started_anew_asks_whom_the_environment_names(script: Script) -> None:
    said = script.run("from rows import *\nif __name__ == '__main__':\n    print(wrong('spawn', 6))")
    assert said.stdout.strip() == "0", said.stderr


def test_a_mistyped_endpoint_of_the_environment_is_one_clear_error(script: Script) -> None:
    said = script.run("import qwen_magic; qwen_magic.ask('Hello')", QWEN_BASE_URL="http://localhost:8000")
    assert said.stderr.splitlines()[-1].startswith(
        "qwen_magic.core.errors.ConfigurationError: 'http://localhost:8000' does"
    )


def test_ask_takes_an_endpoint_a_protocol_and_fields(script: Script, sandbox: Sandbox) -> None:
    said = script.run(
        "import qwen_magic\n"
        "print(qwen_magic.ask('Hello', protocol='dashscope').endpoint)\n"
        f"print(qwen_magic.ask('Hello', endpoint={sandbox.native_url!r}, fields={{'temperature': 0.5}}).endpoint)\n"
        "print(qwen_magic.ask('Hello').endpoint)\n"
    )
    assert said.stdout.split() == [sandbox.native_url, sandbox.native_url, sandbox.compatible_url], said.stderr
    assert bodies(sandbox)[1]["parameters"]["temperature"] == 0.5


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ("temprature=0.5", "TypeError: ask() got an unexpected keyword argument 'temprature'"),
        ("fields='temperature=0.5'", "InputError: fields is of the type str."),
        ("protocol='smoke'", "ConfigurationError: There is no protocol 'smoke'."),
        ("endpoint='bejing'", "ConfigurationError: There is no endpoint called 'bejing'. Did you mean beijing"),
        ("endpoint='local', protocol='dashscope'", "speaks the compatible protocol only"),
        ("endpoint='ollama', protocol='dashscope'", "The native protocol is not spoken at http://localhost:11434/v1"),
    ],
)
def test_what_ask_does_not_take_is_one_clear_error_and_nothing_is_sent(
    script: Script, sandbox: Sandbox, keywords: str, says: str
) -> None:
    said = script.run(f"import qwen_magic; qwen_magic.ask('Hello', {keywords})")
    assert says in said.stderr.splitlines()[-1]
    assert not sandbox.requests


@forks
def test_forked_workers_get_their_own_answers_while_their_parent_asks_as_well(script: Script) -> None:
    said = script.run(FORKS)
    assert said.stdout.strip() == "0", said.stderr


@forks
def test_workers_forked_by_a_cell_ask_the_notebooks_endpoint_and_show_nothing(fresh_kernel: Kernel) -> None:
    fresh_kernel.run("%load_ext qwen_magic\n%qwen use sandbox\n%qwen Hello")
    (fresh_kernel.folder / "rows.py").write_text(ROWS, encoding="utf-8")
    found = fresh_kernel.run("from rows import *\nprint('wrong:', wrong('fork', 30))", "a cell")
    assert found.text == "wrong: 0\n"
    assert fresh_kernel.run("%qwen Hello again").status == "ok"


@forks
def test_a_child_that_ends_does_not_end_its_parents_sandbox(script: Script) -> None:
    said = script.run(
        "import os, qwen_magic\n"
        "qwen_magic.ask('Hello', endpoint='sandbox')\n"
        "if os.fork():\n"
        "    os.wait()\n"
        "print(qwen_magic.ask('Hello', endpoint='sandbox').endpoint)\n"
    )
    assert said.stdout.split() == ["sandbox", "sandbox"], said.stderr
