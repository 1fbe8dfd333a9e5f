"""The extension of JupyterLab and Notebook 7: colours, the order of cells, code into cells, the chat."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.front_ends import Notebook, running_server
from support.paths import ROOT

from qwen_magic import __version__

LOAD = "%load_ext qwen_magic\n%qwen use sandbox"
CODE = "%%qwen\nsandbox: echo\n```python\nx = 1\nprint(x)\n```"


@pytest.fixture(params=["lab", "notebook"])
def app(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def expect_language(page: Page, number: int, name: str) -> None:
    content = page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".cm-content")
    expect(content).to_have_attribute("data-language", name)


def sources(page: Page) -> list[str]:
    return list(
        page.evaluate("[...jupyterapp.shell.currentWidget.context.model.cells].map(cell => cell.sharedModel.source)")
    )


def test_a_question_is_coloured_as_markdown_and_other_cells_are_not(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook("%%qwen\nWhy is it in there?", "x is None", "\n%%qwen\nnot in Python", "%%qwenx\n1", app=app)
    for number, name in enumerate(("markdown", "python", "markdown", "python")):
        expect_language(page, number, name)
    made.restart()
    expect_language(page, 0, "markdown")
    expect_language(page, 1, "python")


def test_colours_follow_what_is_typed(notebook: Callable[..., Notebook], page: Page) -> None:
    notebook("%qwen", "x")
    expect_language(page, 0, "python")
    page.locator(".cm-content").first.click()
    page.keyboard.press("Home")
    page.keyboard.type("%")
    expect_language(page, 0, "markdown")
    page.keyboard.press("Backspace")
    expect_language(page, 0, "python")


def test_an_inserted_cell_is_sent_what_stands_before_it_on_the_page(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    echo = "%%qwen\nsandbox: echo\n"
    made = notebook(LOAD, f"{echo}first", f"{echo}last")
    made.run()
    expect(page.locator(".qwen-record")).to_have_count(2)
    page.evaluate(
        """() => jupyterapp.shell.currentWidget.context.model.sharedModel.insertCell(
            2, { cell_type: "code", source: "%%qwen\\nnew" })"""
    )
    made.run_cell(2)
    record = page.locator(".qwen-record").nth(1)
    expect(record).to_contain_text("3 (2 user, 1 assistant)")
    expect(record).to_contain_text("first")


def test_code_of_an_answer_goes_into_a_new_cell_below_and_can_be_undone(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(LOAD, CODE, "last = 1")
    made.run()
    record = page.locator(".qwen-record")
    expect(record).to_be_visible()
    record.get_by_role("button", name="Insert this code into a new cell below").click()
    assert sources(page) == [LOAD, CODE, "x = 1\nprint(x)", "last = 1"]
    made.command("notebook:undo-cell-action")
    assert sources(page) == [LOAD, CODE, "last = 1"]


def test_code_of_a_file_that_was_opened_again_has_the_same_buttons(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(LOAD, CODE, app="notebook")
    made.run()
    expect(page.locator(".qwen-record")).to_be_visible()
    made.save()
    made.shut_down()
    made.open()
    record = page.locator(".qwen-record")
    expect(record.get_by_role("button", name="Copy this code")).to_have_count(1)
    record.get_by_role("button", name="Copy this code").click()
    assert page.evaluate("navigator.clipboard.readText()") == "x = 1\nprint(x)\n"
    record.get_by_role("button", name="Insert this code into a new cell below").click()
    assert sources(page)[-1] == "x = 1\nprint(x)"


def test_code_has_its_buttons_while_the_answer_goes_on(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(
        LOAD, "%%qwen\nsandbox: echo\nsandbox: stall-mid 60\n```python\nx = 1\n```\n\n" + "more words " * 20
    )
    made.run()
    live = page.locator(".qwen-live")
    expect(live.get_by_role("button", name="Insert this code into a new cell below")).to_have_count(1)
    expect(live.get_by_role("button", name="Copy this code")).to_have_count(1)
    made.command("qwen:stop")
    record = page.locator(".qwen-record")
    expect(record).to_contain_text("stopped")
    expect(record.get_by_role("button", name="Copy this code")).to_have_count(1)


def test_the_chat_opens_at_the_side_and_answers_in_the_conversation_of_the_cells(
    notebook: Callable[..., Notebook], page: Page, app: str, look: Callable[[str], None]
) -> None:
    made = notebook(LOAD, "%%qwen\nsandbox: echo\nfrom the cell", app=app)
    made.run()
    expect(page.locator(".qwen-record")).to_be_visible()
    made.command("qwen:open-chat")
    side = page.locator(".qwen-side")
    expect(side).to_contain_text("from the cell")
    side.locator("textarea").fill("sandbox: echo\nfrom the side")
    side.locator("textarea").press("Enter")
    expect(side.locator(".qwen-answer, .qwen-record").last).to_contain_text("from the side")
    made.command("qwen:open-chat")
    expect(side).to_have_count(1)
    look(f"{app}-side")


def test_a_question_can_be_asked_again_by_its_button_and_others_have_none(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(LOAD, "%%qwen\nsandbox: echo\nfirst words")
    made.run()
    expect(page.locator(".qwen-record")).to_be_visible()
    made.select(1)
    page.locator(".jp-Cell.jp-mod-active .jp-cell-toolbar").get_by_role(
        "button", name="Run this question again"
    ).click()
    expect(page.locator(".jp-Cell").nth(1).locator(".jp-InputPrompt").first).to_have_text("[3]:")
    made.select(0)
    expect(page.get_by_role("button", name="Run this question again")).to_have_count(0)


def test_the_status_bar_has_the_last_model_and_the_tokens_of_the_notebook(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(LOAD, "%%qwen\nsandbox: echo\nsome words", "%%qwen\nsandbox: echo\nmore words")
    expect(page.locator(".qwen-status")).to_be_hidden()
    made.run()
    expect(page.locator(".qwen-record")).to_have_count(2)
    tokens = sum(
        output["metadata"]["qwen"]["usage"][name]
        for cell in made.save()["cells"]
        for output in cell["outputs"]
        if "qwen" in output["metadata"]
        for name in ("input", "output")
    )
    expect(page.locator(".qwen-status")).to_have_text(f"qwen-plus @ sandbox · {tokens} tokens")


@pytest.mark.parametrize(("app", "saved"), [("lab", False), ("notebook", True)])
def test_an_answer_that_ended_while_no_page_was_open_is_put_into_its_cell_once(
    notebook: Callable[..., Notebook], page: Page, app: str, saved: bool
) -> None:
    made = notebook(LOAD, "%%qwen\nsandbox: echo\nsandbox: stall-mid 8\n" + "all of the words " * 9)
    made.run()
    expect(page.locator(".qwen-answer p").first).to_be_visible()
    if saved:
        made.save()
    page.goto("about:blank")
    made.open()
    made.wait_for_kernel()
    record = page.locator(".qwen-record", has_text="tokens in")
    expect(record).to_have_count(1)
    outputs = page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea-output")
    expect(outputs).to_have_count(1)
    made.open()
    made.wait_for_kernel()
    expect(record).to_have_count(1)
    expect(outputs).to_have_count(1)
    assert len(made.save()["cells"][1]["outputs"]) == 1
    made.command("notebook:clear-all-cell-outputs")
    made.save()
    made.open()
    made.wait_for_kernel()
    for _ in range(3):  # what the page asked before has been answered then
        page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestCommInfo({})")
    expect(page.locator(".qwen-record")).to_have_count(0)


def test_the_extension_speaks_the_language_of_the_application(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    with running_server(tmp_path / "home", tmp_path / "notebooks", locale="zh_CN") as server:
        made = Notebook.make(page, server, "lab", (LOAD, CODE))
        made.run()
        expect(page.locator(".qwen-record")).to_contain_text("插入下方")
        assert page.evaluate("jupyterapp.commands.label('qwen:open-chat')") == "与 Qwen 对话"


def test_without_the_extension_everything_else_is_as_with_it(page: Page, tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    with running_server(tmp_path / "home", tmp_path / "notebooks", extension=False) as server:
        made = Notebook.make(page, server, "lab", (LOAD, CODE))
        made.run()
        expect(page.locator(".qwen-record").get_by_role("button", name="Copy this code")).to_be_visible()
        expect(page.locator(".qwen-insert")).to_have_count(0)
        expect_language(page, 1, "python")


def test_the_extension_has_the_version_of_the_package() -> None:
    described = json.loads((ROOT / "qwen_magic" / "labextension" / "package.json").read_text(encoding="utf-8"))
    assert described["version"].replace("-dev.", ".dev") == __version__
    shared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert "qwen_magic/labextension" in shared["targets"]["wheel"]["shared-data"]
