"""`%qwen fix`, `explain` and `edit` in a real kernel: what is sent of the notebook's code, and the diff that comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.kernels import Kernel, Result

from qwen_magic.sandbox import Sandbox

BROKEN = "# the mean\nvalues = []\nmean = sum(values) / len(values)"


def sent(sandbox: Sandbox) -> str:
    """The last question."""
    bodies = [request.body for request in sandbox.requests if request.method == "POST"]
    return str(bodies[-1]["messages"][-1]["content"])


def asked(sandbox: Sandbox) -> int:
    return sum(request.method == "POST" for request in sandbox.requests)


def diff_of(result: Result) -> dict[str, Any]:
    """What a page has for applying the diff."""
    found = result.saved[-1]["metadata"]["qwen"]["diff"]
    assert isinstance(found, dict)
    return found


def test_the_last_cell_that_failed_comes_back_as_a_diff(notebook: Kernel, sandbox: Sandbox) -> None:
    failed = notebook.run(BROKEN, cell_id="a")
    assert failed.error.startswith("ZeroDivisionError")
    notebook.run("other = 1", cell_id="b")
    result = notebook.run("%qwen fix It should be 0 for none.", cell_id="c")
    assert result.status == "ok", result.error
    prompt = sent(sandbox)
    assert f"```python\n{BROKEN}\n```" in prompt
    assert "line 3, in <module>\n    mean = sum(values) / len(values)\nZeroDivisionError: division by zero" in prompt
    assert "- `values`: list, 0 items" in prompt
    assert "The person thinks:\n\nIt should be 0 for none." in prompt
    assert "ipykernel" not in prompt
    assert diff_of(result) == {"cell": "a", "old": BROKEN, "new": f"{BROKEN}\n# The sandbox has read 3 lines."}
    assert "\n mean = sum(values) / len(values)\n+# The sandbox has read 3 lines." in result.text
    assert notebook.value("_qwen.diff.new").startswith(BROKEN)


def test_a_dry_run_shows_all_that_would_be_sent_and_sends_nothing(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(BROKEN, cell_id="a")
    for line in ("%qwen fix --dry-run Is it empty?", "%qwen --dry-run fix Is it empty?"):
        result = notebook.run(line, cell_id="b")
        assert "ZeroDivisionError: division by zero" in result.text
        assert "Is it empty?" in result.text
    assert not asked(sandbox)


def test_options_of_a_question_stand_on_either_side(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("1 / 0", cell_id="a")
    notebook.run("%qwen --set temperature=0.5 fix --set top_p=0.5 -o fixed", cell_id="b")
    body = sandbox.requests[-1].body
    assert (body["temperature"], body["top_p"]) == (0.5, 0.5)
    assert notebook.value("fixed.diff.old") == "1 / 0"


@pytest.mark.parametrize("line", ["%qwen fix", "%qwen explain", "%qwen explain error"])
def test_without_an_error_nothing_is_sent(fresh_kernel: Kernel, sandbox: Sandbox, line: str) -> None:
    fresh_kernel.use(sandbox.compatible_url, sandbox.key)
    result = fresh_kernel.run(line, cell_id="b")
    assert result.status == "ok"
    assert "there is no error to ask about" in result.text
    assert not asked(sandbox)


def test_a_cell_that_runs_well_again_has_no_error_left(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("n = 1\nn / 0", cell_id="a")
    notebook.run("n = 1\nn / 1", cell_id="a")
    assert "there is no error to ask about" in notebook.run("%qwen fix", cell_id="b").text
    assert not asked(sandbox)


def test_what_failed_before_the_extension_was_loaded_is_found(fresh_kernel: Kernel, sandbox: Sandbox) -> None:
    fresh_kernel.run(BROKEN, cell_id="a")
    fresh_kernel.use(sandbox.compatible_url, sandbox.key)
    result = fresh_kernel.run("%qwen fix", cell_id="b")
    assert diff_of(result)["old"] == BROKEN


def test_an_error_in_a_function_of_another_cell_may_be_mended_there(notebook: Kernel, sandbox: Sandbox) -> None:
    function = "def mean(values):\n    return sum(values) / len(values)"
    notebook.run(function, cell_id="a")
    notebook.run("mean([])", cell_id="b")
    notebook.run("%qwen fix --dry-run", cell_id="c")
    result = notebook.run("%qwen fix", cell_id="c")
    prompt = sent(sandbox)
    assert f"```python\n{function}\n```" in prompt
    assert "Where the mistake is in another cell, answer with that one." in prompt
    assert diff_of(result)["cell"] == "b"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("x = = 1", "line 1\n    x = = 1\n        ^\nSyntaxError: invalid syntax"),
        ("%%time\nx = 0\n1 / x", "line 3, in <module>\n    1 / x\nZeroDivisionError"),
        ("\n\nx = 0\n%time 1 / x", "ZeroDivisionError: division by zero"),
        ("x = 0\n!true\n1 / x", "line 3, in <module>\n    1 / x\nZeroDivisionError"),
        ("%no_such_magic", "UsageError: Line magic function `%no_such_magic` not found."),
        ("import asyncio\nawait asyncio.sleep(0)\n1 / 0", "line 3, in <module>\n    1 / 0\nZeroDivisionError"),
        ("raise ExceptionGroup('all', [ValueError('one')])", "  [1]\n  ValueError: one"),
    ],
)
def test_any_failing_cell_is_sent_as_the_person_sees_it(
    notebook: Kernel, sandbox: Sandbox, cell: str, words: str
) -> None:
    failed = notebook.run(cell, cell_id="a").status == "error"
    result = notebook.run("%qwen fix", cell_id="b")
    if not failed:  # %time of older IPythons shows the error, and the cell ends well
        assert "%time" in cell
        assert "there is no error to ask about" in result.text
        return
    assert words in sent(sandbox)
    assert diff_of(result)["old"] == cell.rstrip("\n")


def test_an_error_in_a_file_of_the_folder_has_its_lines(notebook: Kernel, sandbox: Sandbox) -> None:
    Path(notebook.folder, "shapes_of_mine.py").write_text("def area(r):\n    return 3 * r.size\n", encoding="utf-8")
    notebook.run("import shapes_of_mine\nshapes_of_mine.area(2)", cell_id="a")
    notebook.run("%qwen explain", cell_id="b")
    assert "  shapes_of_mine.py, line 2, in area\n" in sent(sandbox)
    assert "> 2     return 3 * r.size" in sent(sandbox)
    assert str(notebook.folder) not in sent(sandbox)


def test_an_interrupted_cell_is_asked_about_only_with_words(notebook: Kernel, sandbox: Sandbox) -> None:
    run = notebook.send("print('begun')\nwhile True: pass", cell_id="a")
    run.first_output()
    notebook.interrupt()
    assert run.result().error.startswith("KeyboardInterrupt")
    assert "was interrupted: it has no error." in notebook.run("%qwen fix", cell_id="b").text
    assert not asked(sandbox)
    notebook.run("%qwen fix It never ends.", cell_id="b")
    assert "while True: pass\nKeyboardInterrupt" in sent(sandbox)


def test_an_error_of_this_package_says_what_to_do_and_is_not_sent(notebook: Kernel, sandbox: Sandbox) -> None:
    assert notebook.run("%%qwen -f missing.pdf\nSum it up", cell_id="a").status == "error"
    result = notebook.run("%qwen fix", cell_id="b")
    assert "failed with an error of qwen_magic" in result.text
    assert "missing.pdf" in result.text
    assert not asked(sandbox)


def test_a_fix_that_fails_itself_leaves_the_error_to_be_asked_about(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(BROKEN, cell_id="a")
    assert notebook.run("%qwen fix sandbox: denied", cell_id="b").status == "error"
    assert diff_of(notebook.run("%qwen fix", cell_id="b"))["old"] == BROKEN


def test_a_cut_answer_becomes_a_diff_when_it_is_continued(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(BROKEN, cell_id="a")
    cut = notebook.run("%qwen fix sandbox: length 20", cell_id="b")
    assert "diff" not in cut.saved[-1]["metadata"]["qwen"]
    whole = notebook.run("%qwen continue", cell_id="c")
    assert diff_of(whole)["new"] == f"{BROKEN}\n# The sandbox has read 3 lines."


def test_a_secret_in_the_cell_is_refused_and_one_in_a_variable_stays_here(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("password = 'correct horse battery'", cell_id="a")
    notebook.run("int(password)", cell_id="b")
    notebook.run("%qwen explain", cell_id="c")
    assert "correct horse" not in sent(sandbox)
    notebook.run("key = 'sk-0123456789abcdef0123456789abcdef'\nint(key)", cell_id="b")
    result = notebook.run("%qwen fix", cell_id="c")
    assert "holds what looks like a key" in result.error
    assert asked(sandbox) == 1


def test_an_explanation_is_part_of_the_conversation_under_its_cell(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(BROKEN, cell_id="a")
    explained = notebook.run("%qwen explain", cell_id="b")
    assert "diff" not in explained.saved[-1]["metadata"]["qwen"]
    notebook.run("%%qwen\nAnd in other words?", cell_id="c")
    assert [m["role"] for m in sandbox.requests[-1].body["messages"]] == ["user", "assistant", "user"]
    notebook.run("%qwen explain", cell_id="b")
    assert [m["role"] for m in sandbox.requests[-1].body["messages"]] == ["user"]


def test_a_variable_or_a_function_is_explained_by_its_name(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("def twice(x):\n    return 2 * x\nprices = {'tea': 3}", cell_id="a")
    notebook.run("%qwen explain twice", cell_id="b")
    assert "def twice(x):\n    return 2 * x" in sent(sandbox)
    notebook.run("%qwen explain prices", cell_id="b")
    assert "'tea': 3" in sent(sandbox)
    result = notebook.run("%qwen explain recursion", cell_id="b")
    assert "There is no recursion in the notebook. To ask it: %qwen -- explain recursion" in result.error
    assert asked(sandbox) == 2


def test_a_cell_is_changed_by_its_number(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%load_ext qwen_magic", cell_id="a")
    notebook.run("chart = 'line'", cell_id="plot")
    number = notebook.value("len(In) - 1")
    for line in (f'%qwen edit {number} "make it a bar chart"', f"%qwen edit [{number}] make it a bar chart"):
        result = notebook.run(line, cell_id="c")
        assert "Change it: make it a bar chart\n" in sent(sandbox)
        assert diff_of(result)["cell"] == "plot"
        assert diff_of(result)["old"] == "chart = 'line'"


def test_the_cell_above_is_changed_where_no_number_is_given(notebook: Kernel, sandbox: Sandbox) -> None:
    order = {"qwen_magic": {"cells": ["first", "text", "asks", "last"]}}
    for cell in ("last", "first"):
        notebook.run(f"name = {cell!r}", cell_id=cell)
    notebook.run("other = 1", cell_id="last")
    result = notebook.run("%qwen edit make it longer", cell_id="asks", metadata=order)
    assert diff_of(result)["old"] == "name = 'first'"
    result = notebook.run("%qwen edit make it longer", cell_id="elsewhere")
    assert diff_of(result)["cell"] == "asks"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%qwen edit", "There is nothing to change."),
        ("%qwen edit 7", "There is nothing to change."),
        ("%qwen edit 4711 shorter", "No cell In[4711] has run in this kernel."),
        ("%qwen --schema 'a int' fix", "takes no --schema"),
    ],
)
def test_what_cannot_be_asked_is_one_line(notebook: Kernel, sandbox: Sandbox, line: str, words: str) -> None:
    result = notebook.run(line, cell_id="a")
    assert words in result.error
    assert not asked(sandbox)


def test_tab_offers_the_commands_and_the_names(notebook: Kernel) -> None:
    assert "fix" in notebook.complete("%qwen fi")
    notebook.run("prices = 1")
    assert {"error", "prices"} <= set(notebook.complete("%qwen explain "))
