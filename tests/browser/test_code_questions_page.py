"""An error in JupyterLab and Notebook 7: asked about by a button, its diff shown, and kept in the file."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.front_ends import Notebook

LOAD = "%load_ext qwen_magic\n%qwen use sandbox"
BROKEN = "values = []\nmean = sum(values) / len(values)"
APPLY = "Apply this change to the cell"
FIXED = f"{BROKEN}\n# The sandbox has read 2 lines."


def sources(page: Page) -> list[str]:
    return list(
        page.evaluate("[...jupyterapp.shell.currentWidget.context.model.cells].map(cell => cell.sharedModel.source)")
    )


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_an_error_is_asked_about_by_the_button_below_it(
    notebook: Callable[..., Notebook], page: Page, app: str, look: Callable[[str], None]
) -> None:
    made = notebook(LOAD, BROKEN, "last = 1", app=app)
    made.run()
    button = page.get_by_role("button", name="Fix This Error with Qwen").last
    expect(page.locator(".qwen-fix")).to_be_visible()
    page.locator(".qwen-fix").click()
    expect(button).to_be_visible()
    diff = page.locator(".qwen-record .qwen-diff")
    expect(diff).to_contain_text("In[2]: 1 line added")
    expect(diff.locator(".gi")).to_have_text("+# The sandbox has read 2 lines.\n")
    assert sources(page) == [LOAD, BROKEN, "%qwen fix", "last = 1"]
    look(f"{app}-diff")


def test_the_command_asks_in_one_cell_however_often(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(LOAD, BROKEN, "last = 1")
    made.run()
    expect(page.locator(".qwen-fix")).to_be_visible()
    made.select(1)
    toolbar = page.locator(".jp-Cell.jp-mod-active .jp-cell-toolbar")
    expect(toolbar.get_by_role("button", name="Ask Qwen to correct")).to_be_visible()
    for count in ("[3]:", "[4]:"):
        made.command("qwen:fix-error")
        expect(page.locator(".jp-Cell").nth(2).locator(".jp-InputPrompt").first).to_have_text(count)
    expect(page.locator(".qwen-diff")).to_have_count(1)
    assert sources(page) == [LOAD, BROKEN, "%qwen fix", "last = 1"]
    saved = made.save()["cells"][2]["outputs"][-1]
    assert saved["metadata"]["qwen"]["diff"]["new"] == FIXED
    assert "```diff" in "".join(saved["data"]["text/markdown"])


def test_a_notebook_without_errors_or_without_this_package_has_no_such_button(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook("1 / 0")
    made.run()
    expect(page.locator("[data-mime-type='application/vnd.jupyter.stderr']")).to_be_visible()
    expect(page.locator(".qwen-fix")).to_have_count(0)
    made = notebook(LOAD, "x = 0\n1 / x")
    made.run()
    expect(page.locator(".qwen-fix")).to_be_visible()
    page.evaluate(
        "() => jupyterapp.shell.currentWidget.context.model.cells.get(1).sharedModel.setSource('x = 1\\n1 / x')"
    )
    made.run_cell(1)
    expect(page.locator(".qwen-fix")).to_have_count(0)


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_a_diff_is_applied_to_its_cell_also_when_the_file_was_opened_again(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook(LOAD, BROKEN, app=app)
    made.run()
    page.locator(".qwen-fix").click()
    expect(page.locator(".qwen-record .qwen-diff")).to_be_visible()
    made.save()
    made.shut_down()
    made.open()
    diff = page.locator(".qwen-record .qwen-diff")
    expect(diff.get_by_role("button")).to_have_count(2)
    diff.get_by_role("button", name=APPLY).click()
    assert sources(page) == [LOAD, FIXED, "%qwen fix"]
    expect(page.locator(".jp-Cell").nth(1).locator(".jp-InputPrompt").first).to_have_text("[ ]:")
    made.command("notebook:undo-cell-action")
    assert sources(page) == [LOAD, BROKEN, "%qwen fix"]


def test_a_cell_that_was_edited_meanwhile_is_not_overwritten(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(LOAD, BROKEN)
    made.run()
    page.locator(".qwen-fix").click()
    diff = page.locator(".qwen-record .qwen-diff")
    expect(diff).to_be_visible()
    page.evaluate("() => jupyterapp.shell.currentWidget.context.model.cells.get(1).sharedModel.setSource('mine')")
    diff.get_by_role("button", name=APPLY).click()
    expect(page.get_by_text("The cell was edited after that answer").first).to_be_visible()
    assert sources(page) == [LOAD, "mine", "%qwen fix"]


def test_a_diff_from_elsewhere_runs_nothing_and_changes_no_cell_that_it_does_not_know(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(LOAD, BROKEN)
    made.run()
    page.locator(".qwen-fix").click()
    expect(page.locator(".qwen-record .qwen-diff")).to_be_visible()
    saved = made.save()
    output = saved["cells"][2]["outputs"][-1]
    harm = '<img src=x onerror="window.harmed = true"><script>window.harmed = true</script>'
    output["data"]["text/html"] = "".join(output["data"]["text/html"]).replace("<pre>", f"<pre>{harm}")
    output["metadata"]["qwen"]["diff"] |= {"cell": saved["cells"][0]["id"], "new": "window.harmed = true"}
    made.shut_down()
    made.path.write_text(json.dumps(saved), encoding="utf-8")
    made.open()
    page.locator(".qwen-record .qwen-diff").get_by_role("button", name=APPLY).click()
    expect(page.get_by_text("The cell was edited after that answer").first).to_be_visible()
    assert sources(page) == [LOAD, BROKEN, "%qwen fix"]
    assert page.evaluate("window.harmed") is None
