"""`%%qwen --code` and `%qwen apply` in a real kernel: what its front-ends are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook
from support.kernels import Kernel, Result, clean_environment

from qwen_magic.sandbox import Sandbox

CODE = "%%qwen --code\nsandbox: echo\n```python\n{}\n```\nwords"


def asked(source: str) -> str:
    return CODE.format(source)


def page(*cells: dict[str, Any], asking: str = "a", read_only: bool = False) -> dict[str, Any]:
    """The metadata of a page with the extension."""
    return {"qwen_magic": {"cells": [asking], "code": {"read_only": read_only, "cells": {asking: list(cells)}}}}


def told(result: Result) -> list[dict[str, Any]]:
    """What the page was told of cells."""
    return [message.content for message in result.messages if message.type == "qwen_magic.cells"]


def inputs(result: Result) -> list[tuple[str, bool]]:
    return [
        (payload["text"], payload["replace"])
        for payload in result.reply["payload"]
        if payload["source"] == "set_next_input"
    ]


def as_on_page(message: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells as the page has them when it has done what it was told."""
    return [
        {"id": edit["cell"], "source": edit["source"], "written": edit["facts"]["written"], "locked": False}
        for edit in message["edits"]
    ]


def test_the_page_is_told_to_put_the_code_below_the_question(notebook: Kernel) -> None:
    result = notebook.run(asked("x = 1"), "a", page())
    (message,) = told(result)
    assert message["asking"] == "a"
    assert [(edit["source"], edit["expected"]) for edit in message["edits"]] == [("x = 1", [])]
    assert inputs(result) == []
    assert notebook.value("'x' in globals()") is False


def test_a_run_again_replaces_the_same_cell(notebook: Kernel) -> None:
    (first,) = told(notebook.run(asked("x = 1"), "a", page()))
    (second,) = told(notebook.run(asked("x = 2"), "a", page(*as_on_page(first))))
    (edit,) = second["edits"]
    assert (edit["cell"], edit["source"], edit["expected"]) == (first["edits"][0]["cell"], "x = 2", ["x = 1", "x = 1"])


def test_ten_runs_in_a_row_are_one_cell_also_where_the_page_comes_behind(notebook: Kernel) -> None:
    messages = [told(notebook.run(asked(f"x = {number}"), "a", page()))[0] for number in range(10)]
    assert len({edit["cell"] for message in messages for edit in message["edits"]}) == 1
    assert [message["edits"][0]["expected"] for message in messages] == [[], *([f"x = {n}"] for n in range(9))]


def test_each_block_gets_a_cell_and_what_is_too_much_goes(notebook: Kernel) -> None:
    ask = "%%qwen --code=each\nsandbox: code {}\nwords"
    (first,) = told(notebook.run(ask.format(3), "a", page()))
    assert len(first["edits"]) == 3
    (second,) = told(notebook.run(ask.format(2), "a", page(*as_on_page(first))))
    assert [edit["source"] is None for edit in second["edits"]] == [False, False, True]


def test_an_edited_cell_is_shown_as_a_diff_and_apply_replaces_it(notebook: Kernel) -> None:
    (first,) = told(notebook.run(asked("x = 1\ny = 1"), "a", page()))
    (cell,) = as_on_page(first)
    edited = cell | {"source": "x = 1\ny = 2  # mine"}
    result = notebook.run(asked("x = 1\ny = 3"), "a", page(edited))
    assert told(result) == []
    assert "-y = 2  # mine\n+y = 3" in result.text
    assert "%qwen apply" in result.text
    (diff,) = [output for output in result.outputs if "qwen-diff" in output.get("data", {}).get("text/html", "")]
    (message,) = told(notebook.run("%qwen apply", "b", page(edited)))
    assert message["asking"] == "a"
    (edit,) = message["edits"]
    assert (edit["cell"], edit["source"], edit["expected"][0]) == (cell["id"], "x = 1\ny = 3", edited["source"])
    assert diff["metadata"]["qwen_magic"] == message


def test_apply_shows_what_was_edited_after_the_diff(notebook: Kernel) -> None:
    (first,) = told(notebook.run(asked("x = 1"), "a", page()))
    (cell,) = as_on_page(first)
    notebook.run(asked("x = 3"), "a", page(cell | {"source": "x = 2"}))
    result = notebook.run("%qwen apply", "b", page(cell | {"source": "x = 22"}))
    assert told(result) == []
    assert "-x = 22\n+x = 3" in result.text
    assert told(notebook.run("%qwen apply", "b", page(cell | {"source": "x = 22"})))


def test_two_questions_in_one_cell_have_one_cell_of_code(notebook: Kernel) -> None:
    ask = "%qwen --code sandbox: code"
    messages = told(notebook.run(f"{ask}\n{ask}", "a", page()))
    assert len({edit["cell"] for message in messages for edit in message["edits"]}) == 1
    assert messages[-1]["edits"][0]["source"].count("question = ") == 2


def test_what_cannot_be_changed_is_told_in_one_line(notebook: Kernel) -> None:
    result = notebook.run(asked("x = 1"), "a", page(read_only=True))
    assert told(result) == []
    assert "This notebook cannot be changed" in result.text
    assert notebook.value("str(_qwen.code[0])") == "x = 1\n"
    locked = {"id": "c", "source": "x", "written": "", "locked": True}
    result = notebook.run(asked("x = 1"), "a", page(locked))
    assert told(result) == []
    assert "cannot be edited" in result.text


def test_without_the_extension_the_code_is_the_next_input_once(notebook: Kernel) -> None:
    result = notebook.run(asked("x = 1"), "a")
    assert told(result) == []
    assert inputs(result) == [("x = 1", False)]
    result = notebook.run(asked("x = 1"), "a")
    assert inputs(result) == []
    assert "%qwen apply" in result.text
    assert inputs(notebook.run(asked("x = 2"), "a")) == [("x = 2", False)]
    assert inputs(notebook.run("%qwen apply", "b")) == [("x = 2", True)]


def test_apply_puts_in_the_code_of_an_answer_that_was_not_asked_for_code(notebook: Kernel) -> None:
    notebook.run(asked("x = 1").replace(" --code", ""), "a", page())
    (message,) = told(notebook.run("%qwen apply", "b", page()))
    assert (message["asking"], message["edits"][0]["source"]) == ("a", "x = 1")


def test_a_cut_answer_is_continued_and_applied(notebook: Kernel) -> None:
    result = notebook.run("%%qwen --code\nsandbox: echo\nsandbox: length 4\n```python\nx = 1\ny = 2\n```", "a", page())
    assert told(result) == []
    assert "%qwen continue" in result.text
    assert notebook.run("%qwen continue", "b", page()).status == "ok"
    (message,) = told(notebook.run("%qwen apply", "c", page()))
    assert message["asking"] == "a"


def test_an_answer_without_code_says_so_and_inserts_nothing(notebook: Kernel) -> None:
    result = notebook.run("%%qwen --code\nsandbox: echo\nonly words", "a", page())
    assert told(result) == []
    assert "no code" in result.text


def test_apply_without_an_answer_is_one_line(notebook: Kernel) -> None:
    result = notebook.run("%qwen apply", "a", page())
    assert result.status == "error"
    assert "There is no code to apply." in result.text


def test_a_dry_run_shows_that_code_is_asked_for_and_inserts_nothing(notebook: Kernel, sandbox: Sandbox) -> None:
    result = notebook.run("%%qwen --code --dry-run\ncount words", "a", page())
    assert "one fenced code block, tagged python" in result.text
    assert told(result) == []
    assert not sandbox.requests


def test_the_conversation_keeps_the_question_without_the_instruction(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%%qwen --code\ncount words", "a", page())
    notebook.run("%%qwen\nwhy?", "b", page())
    first, second = (request.body["messages"] for request in sandbox.requests)
    assert "fenced code block" in str(first[-1])
    assert "fenced code block" not in str(second)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--code --schema 'a int'", "do not go together"),
        ("--code --map df", "--map takes no --code"),
        ("--code=all", "there is no such choice"),
    ],
)
def test_what_does_not_go_with_code_is_refused(notebook: Kernel, sandbox: Sandbox, line: str, says: str) -> None:
    result = notebook.run(f"%%qwen {line}\nx", "a", page())
    assert result.status == "error"
    assert says in result.text
    assert not sandbox.requests


def test_nothing_is_inserted_where_nobody_looks(sandbox: Sandbox, tmp_path: Path) -> None:
    lines = (
        f"import os; os.environ['QWEN_API_KEY'] = {sandbox.key!r}",
        f"%load_ext qwen_magic\n%qwen use {sandbox.compatible_url}",
        asked("x = 1"),
        "print(_qwen.code)\n%qwen apply",
    )
    made = new_notebook(cells=[new_code_cell(line) for line in lines])
    NotebookClient(made, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    nbformat.validate(made)
    assert [cell.source for cell in made.cells] == list(lines)
    assert "x = 1" in made.cells[3].outputs[0].text


def test_apply_changes_the_cell_that_a_diff_is_of(notebook: Kernel) -> None:
    number = notebook.run("x = 1", "changed", page(asking="changed")).reply["execution_count"]
    assert "qwen-diff" in str(notebook.run(f"%qwen edit {number} more", "b", page(asking="b")).outputs)
    (message,) = told(notebook.run("%qwen apply", "c", page(asking="c")))
    (edit,) = message["edits"]
    assert (edit["cell"], edit["expected"]) == ("changed", ["x = 1"])
    assert edit["source"].startswith("x = 1\n# ")
    notebook.run(f"%qwen edit {number} more", "b")
    assert inputs(notebook.run("%qwen apply", "c")) == [(edit["source"], True)]


def test_in_a_terminal_the_code_is_the_next_line(sandbox: Sandbox, tmp_path: Path) -> None:
    script = tmp_path / "terminal.py"
    script.write_text(
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        f"shell.run_cell('%load_ext qwen_magic\\n%qwen use {sandbox.compatible_url}')\n"
        f"shell.run_cell({asked('x = 1')!r})\n"
        "print('next:', shell.rl_next_input)\n",
        encoding="utf-8",
    )
    environment = clean_environment(tmp_path) | {"QWEN_API_KEY": sandbox.key}
    run = subprocess.run(
        [sys.executable, str(script)], env=environment, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    )
    assert run.stdout.splitlines()[-1] == "next: x = 1"
