"""What the README says to type works as it is written, with the sandbox in the service's place."""

import re
from pathlib import Path

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def section(title):
    """The text of a section of the second level."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]


def cells(text):
    return [block["code"] for block in BLOCK.finditer(text) if block["language"] in ("", "python")]


def test_the_code_of_the_readme_runs(kernel, sandbox):
    kernel.use(sandbox.compatible_url, sandbox.key)
    typed = cells(section("Use it"))
    assert any(code.startswith("%%qwen") for code in typed)
    for number, code in enumerate(typed):
        result = kernel.run(code, cell_id=f"readme-{number}")
        assert result.status == "ok", f"{code}\n{result.error}"
    assert len(sandbox.requests) == 4


def test_the_conversation_in_python_is_as_the_readme_says(kernel, sandbox):
    kernel.use(sandbox.compatible_url, sandbox.key)
    (code,) = [code for code in cells(README) if "import Conversation" in code]
    result = kernel.run(code, cell_id="python")
    assert result.status == "ok", result.error
    assert len(sandbox.requests) == 2
    assert "What is a median?" in result.text
    assert kernel.run("print(len(Conversation.load('review.json')))").text.strip() == "1"


def test_every_file_that_the_readme_shows_is_there():
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (Path(__file__).resolve().parents[1] / path).is_file()


def test_every_command_in_the_readme_exists():
    from qwen_magic.commands import COMMANDS

    named = set(re.findall(r"`%qwen ([a-z]+)\b", README)) - {"a"}
    assert named <= set(COMMANDS), named - set(COMMANDS)
