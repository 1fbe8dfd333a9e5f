"""An answer in JupyterLab and in Notebook 7: while it comes, when it is stopped, and after it has ended."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect
from support.front_ends import Notebook, box_of

SHOW = "from support.feeder import show\nfrom support.answers import *\n"
LONG = "show('Some words in a paragraph.\\n\\n' * 100 + '{middle}', holds=['middle'])"


@pytest.fixture(params=["lab", "notebook"])
def app(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_text_is_on_the_page_before_the_answer_has_ended(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook(SHOW + "show('first words {middle} and last words', holds=['middle'])", app=app)
    made.run()
    expect(page.locator(".qwen-answer")).to_contain_text("first words")
    expect(page.locator(".qwen-live")).to_contain_text("qwen3.8-max @ beijing")
    made.release("middle")
    expect(page.locator(".qwen-record")).to_contain_text("and last words")
    expect(page.locator(".qwen-live")).to_have_count(0)


def test_everything_that_markdown_has_is_rendered_while_it_streams_and_in_the_record(
    notebook: Callable[..., Notebook], page: Page, app: str, look: Callable[[str], None]
) -> None:
    made = notebook(SHOW + "show(RICH, thinking=THINKING, holds=['middle'])", app=app)
    made.run()
    answer = page.locator(".qwen-answer")
    expect(answer).to_contain_text("The middle is here.")
    look(f"{app}-light-live")
    check_rendering(answer)
    thinking = page.locator(".qwen-thinking")
    expect(thinking.locator("summary")).to_have_text(re.compile(r"Thought for \d+ s"))
    expect(thinking.locator("strong")).to_be_hidden()
    thinking.locator("summary").click()
    expect(thinking.locator("strong")).to_have_text("everything")
    thinking.locator("summary").click()
    # The record has the thinking in itself, folded.
    tops = "nodes => nodes.filter(node => !node.closest('details')).map(node => node.getBoundingClientRect().top)"
    before = answer.locator("h1, p, table, pre").evaluate_all(tops)
    made.release("middle")
    record = page.locator(".qwen-record")
    expect(record).to_contain_text("A quote")
    expect(record.locator("mjx-container")).to_have_count(3)
    look(f"{app}-light-record")
    check_rendering(record)
    after = record.locator("h1, p, table, pre").evaluate_all(tops)
    jump = max(abs(new - old) for new, old in zip(after, before, strict=False))
    assert jump <= 8, f"the text jumped by {jump} pixels"


CODE = "```python\\nx = 1\\n```\\n\\n- item\\n\\n  ```sh\\n  " + "ls " * 100 + "\\n  ```\\n\\nbetween\\n\\n"


def test_code_is_as_high_live_and_in_the_record_and_in_a_file_from_elsewhere_without_our_style_sheet(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(SHOW + f"show('{CODE}{{middle}}words', holds=['middle'])")
    height = "nodes => nodes.map(node => node.getBoundingClientRect().height)"
    made.run()
    code = page.locator(".qwen-answer .highlight")
    expect(code.last).to_contain_text("ls ls")
    expect(code.get_by_role("button", name="Copy this code")).to_have_count(2)
    live = code.evaluate_all(height)
    made.release("middle")
    code = page.locator(".qwen-record .highlight")
    expect(code).to_have_count(2)
    assert code.evaluate_all(height) == live
    made.save()
    made.shut_down()
    made.path.write_text(made.path.read_text(encoding="utf-8").replace("words", "other words"), encoding="utf-8")
    page.route("**/extensions/qwen-magic/**", lambda route: route.abort())  # as where it is not installed
    made.open()
    expect(page.locator(".qwen-record")).to_contain_text("other words")
    assert code.evaluate_all(height) == pytest.approx(live, abs=4)
    assert page.locator(".qwen-record pre").last.evaluate("pre => pre.scrollWidth > pre.clientWidth")
    expect(page.locator(".qwen-record")).to_have_css("padding-left", "8px")


def check_rendering(answer: Locator) -> None:
    """What a person must be able to see in RICH, whoever shows it."""
    expect(answer.locator("mjx-container")).to_have_count(3)
    expect(answer.locator("h1")).to_contain_text("标题")
    expect(answer.locator("strong:not(details *)")).to_have_text("注意：")
    expect(answer).to_contain_text("prices of $5 and $6")
    expect(answer.locator("table th")).to_have_count(3)
    expect(answer.locator("li.task-list-item")).to_have_text(["☑ done", re.compile("☐ not done")])
    colour = "node => getComputedStyle(node).color"
    keyword, name = answer.locator("pre span", has_text="def").first, answer.locator("pre span", has_text="fib").first
    assert keyword.evaluate(colour) != name.evaluate(colour)
    assert box_of(answer.locator("mjx-container").first)["width"] > 20


def test_stop_keeps_what_has_arrived(notebook: Callable[..., Notebook], page: Page, app: str) -> None:
    made = notebook(SHOW + LONG, app=app)
    made.run()
    expect(page.locator(".qwen-answer")).to_contain_text("Some words")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".qwen-record")).to_contain_text("stopped")
    expect(page.locator(".qwen-record")).to_contain_text("Some words")
    output = made.save()["cells"][0]["outputs"][0]
    assert output["metadata"]["qwen"]["finish_reason"] == "stopped"


# What front-ends are missing that are neither JupyterLab nor Notebook 7.
NO_INTERRUPT = "() => (jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.interrupt = undefined)"
REFUSED = """() => {
    const { kernel } = jupyterapp.shell.currentWidget.context.sessionContext.session;
    kernel.interrupt = () => Promise.reject(new Error("not allowed"));
}"""


def test_where_the_page_cannot_interrupt_the_kernel_there_is_no_stop(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook(SHOW + "show('first words {middle} and last words', holds=['middle'])", app=app)
    page.evaluate(NO_INTERRUPT)
    made.run()
    expect(page.locator(".qwen-answer")).to_contain_text("first words")
    expect(page.locator(".qwen-bar")).to_contain_text("qwen3.8-max @ beijing")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    made.release("middle")
    expect(page.locator(".qwen-record")).to_contain_text("and last words")


def test_a_stop_that_is_refused_says_what_to_do_instead(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(SHOW + "show('first words {middle} and last words', holds=['middle'])")
    page.evaluate(REFUSED)
    made.run()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".qwen-bar")).to_contain_text("interrupt the kernel")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    made.release("middle")
    expect(page.locator(".qwen-record")).to_contain_text("and last words")


def test_a_saved_answer_is_there_again_without_a_kernel_and_without_a_widget(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook(SHOW + "show(RICH.replace('{middle}', ''), thinking=THINKING)", app=app)
    made.run()
    expect(page.locator(".qwen-record")).to_contain_text("A quote")
    saved = made.save()
    assert [set(output["data"]) for output in saved["cells"][0]["outputs"]] == [
        {"text/html", "text/markdown", "text/plain"}
    ]
    assert "widgets" not in saved["metadata"]
    page.route("**/api/sessions**", lambda route: route.abort() if route.request.method == "POST" else route.fallback())
    made.shut_down()
    made.open()
    check_rendering(page.locator(".qwen-record"))
    expect(page.locator("body")).not_to_contain_text("Error displaying widget")


def test_an_answer_that_was_saved_in_its_middle_is_there_with_a_new_kernel(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook(SHOW + "show('**first** words {middle} and last words', holds=['middle'])", app=app)
    made.run()
    expect(page.locator(".qwen-answer")).to_contain_text("first words")
    [output] = made.save()["cells"][0]["outputs"]
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert "first words" in "".join(output["data"]["text/plain"])
    assert "%qwen last" in "".join(output["data"]["text/plain"])
    expect(page.locator(".qwen-answer")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    made.shut_down()
    made.open()
    made.wait_for_kernel()
    expect(page.locator(".qwen-record strong")).to_have_text("first")
    expect(page.locator(".qwen-record")).to_contain_text("%qwen last shows all of it")
    expect(page.locator("body")).not_to_contain_text("Error displaying widget")


def test_saving_again_and_again_keeps_the_answer_on_the_page_and_the_end_in_the_file(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(SHOW + "show('first {middle} second {end} third', holds=['middle', 'end'])")
    made.run()
    for hold, seen in (("middle", "first"), ("end", "second")):
        expect(page.locator(".qwen-answer")).to_contain_text(seen)
        assert seen in str(made.save()["cells"][0]["outputs"])
        made.release(hold)
    expect(page.locator(".qwen-record")).to_contain_text("third")
    [output] = made.save()["cells"][0]["outputs"]
    assert "first second third" in " ".join("".join(output["data"]["text/markdown"]).split())
    assert "%qwen last" not in str(output)


def test_a_page_that_is_loaded_again_in_mid_answer_has_the_whole_answer_in_the_end(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    made = notebook(SHOW + "show('first words {middle} and last words', holds=['middle'])", app=app)
    made.run()
    expect(page.locator(".qwen-answer")).to_contain_text("first words")
    made.save()
    made.open()
    expect(page.locator(".qwen-record")).to_contain_text("first words")
    made.release("middle")
    expect(page.locator(".qwen-record")).to_contain_text("first words and last words")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    [output] = made.save()["cells"][0]["outputs"]
    assert output["metadata"]["qwen"]["finish_reason"] == "stop"
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}


def test_after_a_restart_of_the_kernel_an_open_answer_has_broken_off(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(SHOW + "show('first words {middle} and last words', holds=['middle'])")
    made.run()
    expect(page.locator(".qwen-answer")).to_contain_text("first words")
    page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()")
    expect(page.locator(".qwen-bar")).to_contain_text("The answer broke off")
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    assert "first words" in str(made.save()["cells"][0]["outputs"])


def test_nbconvert_makes_a_page_of_it_that_reads_well(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(SHOW + "show(RICH.replace('{middle}', ''))")
    made.run()
    expect(page.locator(".qwen-record")).to_contain_text("A quote")
    made.save()
    command = [sys.executable, "-m", "nbconvert", "--to", "html", str(made.path)]
    subprocess.run(command, check=True, capture_output=True)
    html = made.path.with_suffix(".html").read_text(encoding="utf-8")
    assert "widget-view" not in html
    page.route("**/*", lambda route: route.abort() if route.request.url.startswith("http") else route.fallback())
    page.goto(made.path.with_suffix(".html").as_uri())
    record = page.locator(".qwen-record")
    expect(record.locator("table th")).to_have_count(3)
    expect(record.locator("strong:not(details *)")).to_have_text("注意：")
