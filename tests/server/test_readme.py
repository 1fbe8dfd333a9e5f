"""What the README says to type works as it is written, with the sandbox in the service's place."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from support import jupyter_servers
from support.jupyter_servers import TOKEN, JupyterServer, key_file
from support.kernels import Kernel, clean_environment
from support.paths import ROOT
from support.readme import README, blocks, cells, section, subsection

from qwen_magic.sandbox import Sandbox

# The user's server in the README, and the token that its owner has.
EXAMPLE = "https://jupyter.example.org/user/ann"


def test_the_code_of_the_readme_runs(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.use(sandbox.compatible_url, sandbox.key)
    typed = cells(section("Use it"))
    assert any(code.startswith("%%qwen") for code in typed)
    for number, code in enumerate(typed):
        result = kernel.run(code, cell_id=f"readme-{number}")
        assert result.status == "ok", f"{code}\n{result.error}"
    assert len(sandbox.requests) == 4


def test_the_code_on_answers_as_data_runs(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.use(sandbox.compatible_url, sandbox.key)
    for number, code in enumerate(cells(subsection("Answers as data"))):
        result = kernel.run(code, cell_id=f"data-{number}")
        assert result.status == "ok", f"{code}\n{result.error}"
    assert kernel.value("(type(person).__name__, type(people[0]).__name__)") == ("dict", "Person")


def test_the_code_on_many_rows_runs(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.use(sandbox.compatible_url, sandbox.key)
    kernel.run(
        "import pandas, qwen_magic\ndf = pandas.DataFrame({'review': ['A good lamp.', 'This chair is too low.']})"
    )
    columns = []
    for number, code in enumerate(cells(subsection("One question for many rows"))):
        result = kernel.run(code, cell_id=f"rows-{number}")
        assert result.status == "ok", f"{code}\n{result.error}"
        columns.append(kernel.value("[*out.columns]"))
    assert columns == [
        ["review", "topic", "score", "error", "tokens_in", "tokens_out"],
        ["review", "answer", "error", "tokens_in", "tokens_out"],
    ]
    assert len(sandbox.requests) == 4


def conversation_in_python() -> str:
    (code,) = [code for code in blocks(README, "python") if "import Conversation" in code]
    return code


def test_the_conversation_in_python_is_as_the_readme_says(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.use(sandbox.compatible_url, sandbox.key)
    result = kernel.run(conversation_in_python(), cell_id="python")
    assert result.status == "ok", result.error
    assert len(sandbox.requests) == 2
    assert "What is a median?" in result.text
    assert kernel.run("print(len(Conversation.load('review.json')))").text.strip() == "1"


def test_it_runs_in_a_script_too(tmp_path: Path, sandbox: Sandbox) -> None:
    here = {"QWEN_RELAY_URL": sandbox.root, "JUPYTERHUB_API_TOKEN": sandbox.key, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", conversation_in_python()]
    environment = clean_environment(tmp_path) | here
    script = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8")
    assert script.returncode == 0, script.stderr
    assert not script.stderr
    assert "What is a median?" in script.stdout
    assert len(sandbox.requests) == 2


def test_questions_are_asked_in_parallel_as_the_readme_says(tmp_path: Path, sandbox: Sandbox) -> None:
    (code,) = [code for code in blocks(README, "python") if "ThreadPoolExecutor" in code]
    here = {"QWEN_BASE_URL": sandbox.compatible_url, "QWEN_API_KEY": sandbox.key, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", f"{code}\nprint(*(answer.text for answer in answers))"]
    environment = clean_environment(tmp_path) | here
    script = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8")
    assert script.returncode == 0, script.stderr
    assert not script.stderr
    places = [script.stdout.index(f"Define {word} in") for word in ("mean", "median", "mode", "range")]
    assert places == sorted(places)
    assert len(sandbox.requests) == 4


def test_every_link_inside_the_readme_leads_somewhere() -> None:
    for path, _, anchor in re.findall(r"(?<!!)\[[^\]]*\]\((?!https?:)([^)#]*)(#?)([^)]*)\)", README):
        assert not path or (ROOT / path).is_file()
        titles = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_every_python_block_is_python() -> None:
    python = blocks(README, "python")
    assert len(python) > 4
    for code in python:
        compile(TransformerManager().transform_cell(code), "README.md", "exec")


def configured(code: str, setting: str, value: str) -> str:
    """The relay's configuration with another value."""
    before, after = re.split(rf'(?<=c\.QwenRelay\.{setting} = )"[^"]*"', code)
    return before + repr(value) + after


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, module_sandbox: Sandbox) -> Iterator[JupyterServer]:
    """A Jupyter server configured as the README says; only where its key lies and who is asked are this machine's."""
    folder = tmp_path_factory.mktemp("server")
    (documented,) = [code for code in blocks(README, "python") if "# jupyter_server_config.py" in code]
    documented = configured(documented, "key_file", key_file(folder))
    documented = configured(documented, "upstream_url", module_sandbox.root)
    configuration = folder / "jupyter_config_dir" / "jupyter_server_config.py"
    configuration.parent.mkdir()
    configuration.write_text(documented, encoding="utf-8")
    with jupyter_servers.running(folder, base_url="/user/ann/") as server:
        yield server


def test_the_sdk_asks_an_administrator_s_relay_as_the_readme_says(server: JupyterServer, sandbox: Sandbox) -> None:
    (code,) = [code for code in blocks(README, "python") if "openai.OpenAI(" in code]
    assert EXAMPLE in code
    client = eval(code.replace(EXAMPLE, server.url), {"openai": openai, "JUPYTER_TOKEN": TOKEN})
    with client:
        messages = [{"role": "user", "content": "Hello from the SDK"}]
        answer = client.chat.completions.create(model="qwen-plus", messages=messages)
    assert "Hello from the SDK" in answer.choices[0].message.content
    assert len(sandbox.requests) == 1


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="there is no curl or no bash here")
def test_curl_asks_an_administrator_s_relay_as_the_readme_says(server: JupyterServer, sandbox: Sandbox) -> None:
    (code,) = [code for code in blocks(README, "bash") if code.startswith("curl ")]
    assert EXAMPLE in code
    script = code.replace(EXAMPLE, server.url)
    environment = os.environ | {"JUPYTER_TOKEN": TOKEN, "NO_PROXY": "*"}
    said = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, encoding="utf-8", check=True)
    assert said.stdout.startswith("data: {")
    assert said.stdout.rstrip().endswith("data: [DONE]")
    assert len(sandbox.requests) == 1


def test_every_file_that_the_readme_shows_is_there() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file()


def test_every_command_in_the_readme_exists() -> None:
    from qwen_magic.magics.commands import COMMANDS

    named = set(re.findall(r"`%qwen ([a-z]+)\b", README)) - {"a"}
    assert named <= set(COMMANDS), named - set(COMMANDS)
