"""The code of answers in the cells of JupyterLab and Notebook 7: one cell below, the same one at every run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from support.front_ends import Notebook, Server, running_server

LOAD = "%load_ext qwen_magic\n%qwen use sandbox"
ASK = "%%qwen --code\nsandbox: echo\n```python\n{}\n```\nwords"


@pytest.fixture(params=["lab", "notebook"])
def app(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bare_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without the extension."""
    with running_server(tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("bare"), extension=False) as server:
        yield server


def cells(page: Page) -> list[dict[str, Any]]:
    return list(
        page.evaluate(
            """() => [...jupyterapp.shell.currentWidget.context.model.cells].map((cell) => ({
                id: cell.id,
                source: cell.sharedModel.getSource(),
                outputs: cell.outputs?.length,
                facts: cell.getMetadata("qwen_magic") ?? null,
            }))"""
        )
    )


def sources(page: Page) -> list[str]:
    return [cell["source"] for cell in cells(page)]


def set_source(page: Page, number: int, source: str) -> None:
    page.evaluate(
        """([number, source]) =>
            jupyterapp.shell.currentWidget.context.model.cells.get(number).sharedModel.setSource(source)""",
        [number, source],
    )


def run_to_end(page: Page, number: int) -> None:
    """Run one cell, and wait until the page has all that the kernel said of it."""
    page.evaluate(
        """async (number) => {
            jupyterapp.shell.currentWidget.content.activeCellIndex = number;
            await jupyterapp.commands.execute("notebook:run-cell");
            const { kernel } = jupyterapp.shell.currentWidget.sessionContext.session;
            await kernel.requestKernelInfo();
        }""",
        number,
    )


def test_ten_runs_are_one_cell_which_is_replaced_and_undone(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook(LOAD, ASK.format("x = 1"), "last = 1", app=app)
    run_to_end(page, 0)
    run_to_end(page, 1)
    assert sources(page)[2:] == ["x = 1", "last = 1"]
    run_to_end(page, 2)
    (code,) = [cell for cell in cells(page) if cell["source"] == "x = 1"]
    for number in range(2, 10):
        set_source(page, 1, ASK.format(f"x = {number}\nx"))
        run_to_end(page, 1)
    now = cells(page)
    assert [cell["source"] for cell in now][2:] == ["x = 9\nx", "last = 1"]
    assert (now[2]["id"], now[2]["outputs"]) == (code["id"], 0)
    made.command("notebook:undo-cell-action")
    assert sources(page)[2] == "x = 8\nx"
    set_source(page, 1, ASK.format("x = 11"))
    run_to_end(page, 1)
    assert sources(page)[2:] == ["x = 11", "last = 1"]


def test_many_runs_at_once_are_one_cell(notebook: Callable[..., Notebook], page: Page) -> None:
    notebook(LOAD, "%%qwen --code=each\nsandbox: code 2\nwords")
    run_to_end(page, 0)
    page.evaluate(
        """() => {
            jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
            for (let run = 0; run < 3; run++) void jupyterapp.commands.execute("notebook:run-cell");
        }"""
    )
    run_to_end(page, 1)
    now = cells(page)
    assert len(now) == 4
    assert [cell["facts"]["number"] for cell in now[2:]] == [0, 1]


def test_the_cell_is_the_same_after_the_file_was_closed_and_the_kernel_is_gone(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook(LOAD, ASK.format("x = 1"), app=app)
    run_to_end(page, 0)
    run_to_end(page, 1)
    assert made.save()["cells"][2]["metadata"]["qwen_magic"]["code_of"] == made.save()["cells"][1]["id"]
    made.shut_down()
    made.open()
    made.wait_for_kernel()
    set_source(page, 1, ASK.format("x = 2"))
    run_to_end(page, 0)
    run_to_end(page, 1)
    assert sources(page)[2:] == ["x = 2"]


def test_edits_are_shown_as_a_diff_and_replaced_by_apply(
    notebook: Callable[..., Notebook], page: Page, app: str, look: Callable[[str], None]
) -> None:
    made = notebook(LOAD, ASK.format("x = 1"), app=app)
    run_to_end(page, 0)
    run_to_end(page, 1)
    set_source(page, 2, "x = 2  # mine")
    run_to_end(page, 1)
    assert sources(page)[2] == "x = 2  # mine"
    diff = page.locator(".qwen-diff")
    expect(diff).to_contain_text("-x = 2  # mine")
    look(f"{app}-diff")
    diff.get_by_role("button", name="Apply this change to the cell").click()
    assert sources(page)[2] == "x = 1"
    made.command("notebook:undo-cell-action")
    assert sources(page)[2] == "x = 2  # mine"
    made.command("notebook:insert-cell-below")
    set_source(page, 2, "%qwen apply")
    run_to_end(page, 2)
    assert sources(page)[2:] == ["%qwen apply", "x = 1"]


def test_a_change_of_a_cell_is_applied_by_its_button_and_by_a_command(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook(LOAD, "x = 1", "%qwen edit 2 more", "%qwen apply", app=app)
    for number in range(3):
        run_to_end(page, number)
    changed = "x = 1\n# The sandbox has read 1 lines."
    page.locator(".qwen-diff").get_by_role("button", name="Apply this change to the cell").click()
    assert sources(page)[1] == changed
    made.command("notebook:undo-cell-action")
    assert sources(page)[1] == "x = 1"
    run_to_end(page, 3)
    assert sources(page)[1:] == [changed, "%qwen edit 2 more", "%qwen apply"]
    set_source(page, 1, "mine")
    run_to_end(page, 3)
    expect(page.locator(".jp-toast, .Toastify__toast")).to_contain_text("edited after that answer")
    assert sources(page)[1] == "mine"


def test_edits_made_while_the_answer_comes_are_kept(notebook: Callable[..., Notebook], page: Page) -> None:
    notebook(LOAD, ASK.format("x = 1"))
    run_to_end(page, 0)
    run_to_end(page, 1)
    set_source(page, 1, ASK.format("x = 2").replace("words", "sandbox: stall 2"))
    page.evaluate("() => void jupyterapp.commands.execute('notebook:run-cell')")
    expect(page.locator(".qwen-live")).to_be_visible()
    set_source(page, 2, "mine")
    expect(page.locator(".jp-toast, .Toastify__toast")).to_contain_text("edited meanwhile")
    assert sources(page)[2:] == ["mine"]


def test_copies_halves_and_moved_cells_have_code_of_their_own(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(LOAD, ASK.format("x = 1"), "last = 1")
    run_to_end(page, 0)
    run_to_end(page, 1)
    made.select(1)
    made.command("notebook:duplicate-below")
    assert sources(page)[2] == sources(page)[1]
    set_source(page, 2, ASK.format("copy = 1"))
    run_to_end(page, 2)
    assert sources(page)[3:] == ["copy = 1", "x = 1", "last = 1"]
    # The first one is moved to the end, and its code stays where it is.
    made.select(1)
    for _ in range(4):
        made.command("notebook:move-cell-down")
    set_source(page, 5, ASK.format("x = 2"))
    run_to_end(page, 5)
    assert sources(page)[2:5] == ["copy = 1", "x = 2", "last = 1"]
    # A cell that is split has new ids for both halves; the one that asks goes on with the code.
    set_source(page, 5, ASK.format("x = 3") + "\nmore")
    page.evaluate(
        """() => {
            const { content } = jupyterapp.shell.currentWidget;
            content.activeCellIndex = 5;
            content.activeCell.editor.setCursorPosition({ line: 6, column: 0 });
            return jupyterapp.commands.execute("notebook:split-cell-at-cursor");
        }"""
    )
    assert sources(page)[5:] == [ASK.format("x = 3"), "more"]
    run_to_end(page, 5)
    assert sources(page)[2:] == ["copy = 1", "x = 3", "last = 1", ASK.format("x = 3"), "more"]


def test_code_goes_into_the_notebook_that_asked(
    notebook: Callable[..., Notebook], server: Server, page: Page, context: BrowserContext
) -> None:
    made = notebook(LOAD, ASK.format("x = 1"))
    run_to_end(page, 0)
    made.save()
    # A copy of the file has the same ids. It is opened on the same kernel, and another one on its own.
    second, other = context.new_page(), context.new_page()
    copy = made.path.with_name("copy.ipynb")
    shutil.copy(made.path, copy)
    kernel = page.evaluate("jupyterapp.shell.currentWidget.sessionContext.session.kernel.id")
    copied = Notebook(second, server, "lab", copy)
    copied.open()
    copied.wait_for_kernel()
    second.evaluate("(id) => jupyterapp.shell.currentWidget.sessionContext.changeKernel({ id })", kernel)
    copied.wait_for_kernel()
    Notebook.make(other, server, "notebook", (LOAD, ASK.format("y = 1")))
    run_to_end(other, 0)
    run_to_end(other, 1)
    run_to_end(second, 1)
    assert sources(second)[2:] == ["x = 1"]
    assert sources(other)[2:] == ["y = 1"]
    assert len(sources(page)) == 2
    set_source(page, 1, ASK.format("x = 2"))
    run_to_end(page, 1)
    assert sources(page)[2:] == ["x = 2"]
    assert sources(second)[2:] == ["x = 1"]


def test_what_is_read_only_is_left_alone(notebook: Callable[..., Notebook], page: Page) -> None:
    notebook(LOAD, ASK.format("x = 1"))
    run_to_end(page, 0)
    run_to_end(page, 1)
    page.evaluate("jupyterapp.shell.currentWidget.context.model.cells.get(2).setMetadata('editable', false)")
    set_source(page, 1, ASK.format("x = 2"))
    run_to_end(page, 1)
    expect(page.locator(".jp-OutputArea").nth(1)).to_contain_text("cannot be edited")
    page.evaluate("jupyterapp.shell.currentWidget.context.model.readOnly = true")
    run_to_end(page, 1)
    expect(page.locator(".jp-OutputArea").nth(1)).to_contain_text("This notebook cannot be changed")
    assert sources(page)[2:] == ["x = 1"]


def test_without_the_extension_the_code_is_the_next_input(bare_server: Server, page: Page, app: str) -> None:
    made = Notebook.make(page, bare_server, app, (LOAD, ASK.format("x = 1")))
    run_to_end(page, 0)
    run_to_end(page, 1)
    assert sources(page)[2:] == ["x = 1"]
    run_to_end(page, 1)
    assert sources(page)[2:] == ["x = 1"]
    made.command("notebook:insert-cell-below")
    set_source(page, 2, "%qwen apply")
    run_to_end(page, 2)
    assert sources(page)[2:] == ["x = 1", "x = 1"]
    assert "qwen_magic" not in json.dumps([cell["metadata"] for cell in made.save()["cells"]])
