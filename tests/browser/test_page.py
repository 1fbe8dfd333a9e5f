"""How an answer behaves on the page: its themes, its width, its buttons, its words for people who cannot see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from support.front_ends import Notebook, box_of

from qwen_magic.core.answer import Attached

SHOW = "from support.feeder import show\nfrom support.answers import *\n"
RICH_IN_THE_MIDDLE = SHOW + "show(RICH, thinking=THINKING, holds=['middle'])"


@pytest.fixture
def dark(page: Page) -> Iterator[Callable[[], None]]:
    """Turns JupyterLab dark, and light again at the end: the setting is the server's."""

    def change(theme: str) -> None:
        page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)

    yield lambda: change("JupyterLab Dark")
    change("JupyterLab Light")


def luminance(locator: Locator, of: str) -> float:
    """How light a colour of an element is, from 0 to 255."""
    colour = locator.evaluate(f"node => getComputedStyle(node).{of}")
    red, green, blue = (float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return 0.3 * red + 0.6 * green + 0.1 * blue


def test_a_dark_page_has_light_text_and_code(
    notebook: Callable[..., Notebook], page: Page, look: Callable[[str], None], dark: Callable[[], None]
) -> None:
    made = notebook(RICH_IN_THE_MIDDLE)
    dark()
    made.run()
    answer = page.locator(".qwen-answer")
    expect(answer).to_contain_text("The middle is here.")
    page.locator(".qwen-thinking summary").click()
    look("lab-dark-live")
    for part in (answer.locator("p").first, answer.locator("table td").first, page.locator(".qwen-who")):
        assert luminance(part, "color") > 130
    assert luminance(page.locator(".qwen-stop"), "backgroundColor") < 80
    made.release("middle")
    expect(page.locator(".qwen-record mjx-container")).to_have_count(3)
    look("lab-dark-record")
    assert luminance(page.locator(".qwen-record p").first, "color") > 130


def test_a_dark_page_has_a_light_table_of_data(
    notebook: Callable[..., Notebook], page: Page, look: Callable[[str], None], dark: Callable[[], None]
) -> None:
    schema = "from qwen_magic.structured.schema import make_schema\n"
    rows = """show('[{"name": "Anna"}, {"name": "Ben"}{middle}, {"name": "Eve"}]', holds=['middle'], schema="""
    made = notebook(SHOW + schema + rows + "make_schema('name', many=True))")
    dark()
    made.run()
    expect(page.locator(".qwen-answer td")).to_have_count(1)
    look("lab-dark-data-live")
    made.release("middle")
    cells = page.locator(".qwen-record td")
    expect(cells).to_have_text(["Anna", "Ben", "Eve"])
    look("lab-dark-data-record")
    assert luminance(cells.first, "color") > 130


def test_on_a_narrow_window_wide_tables_and_code_scroll_by_themselves(
    notebook: Callable[..., Notebook], page: Page, look: Callable[[str], None]
) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    made = notebook(SHOW + "show(WIDE + '\\n' + RICH, holds=['middle'])", app="notebook")
    made.run()
    expect(page.locator(".qwen-answer")).to_contain_text("The middle is here.")
    look("narrow-live")
    check_width(page, ".qwen-answer")
    made.release("middle")
    expect(page.locator(".qwen-record")).to_contain_text("A quote")
    look("narrow-record")
    check_width(page, ".qwen-record")


def check_width(page: Page, where: str) -> None:
    scrolls = "node => node.scrollWidth > node.clientWidth"
    assert page.locator(where).locator("table").first.evaluate(scrolls)
    assert page.locator(where).locator("pre").first.evaluate(scrolls)
    assert not page.locator(where).evaluate(scrolls)
    assert box_of(page.locator(where))["width"] < 400


def test_a_screen_reader_is_told_who_answers_and_that_it_has_ended_but_not_every_word(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(RICH_IN_THE_MIDDLE)
    made.run()
    answer = page.get_by_role("group", name="Answer of qwen3.8-max @ beijing")
    expect(answer).to_contain_text("The middle is here.")
    expect(answer.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    expect(answer.get_by_role("heading", name="标题 and a heading")).to_be_visible()
    spoken = page.get_by_role("status").filter(has_text="qwen3.8-max is answering")
    expect(spoken).to_have_count(1)
    assert answer.locator("[aria-live]").count() == 0
    made.release("middle")
    expect(page.get_by_role("status").filter(has_text="The answer is complete")).to_have_count(1)


def test_stop_works_from_the_keyboard(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(SHOW + "show('first words {middle} last words', holds=['middle'])")
    made.run()
    button = page.get_by_role("button", name="Stop", exact=True)
    button.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".qwen-record")).to_contain_text("stopped")


def test_code_is_copied_from_the_running_answer_and_from_the_record(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    made = notebook(RICH_IN_THE_MIDDLE)
    made.run()
    for where in (".qwen-answer", ".qwen-record"):
        expect(page.locator(where)).to_contain_text("The middle is here.")
        page.evaluate("navigator.clipboard.writeText('')")
        button = page.locator(where).get_by_role("button", name="Copy this code")
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("def fib(n: int) -> int:\n")
        assert copied.endswith("# slow\n")
        made.release("middle")


def test_two_views_of_one_answer_stay_in_step(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(SHOW + "show('first {middle} last {end}', holds=['middle', 'end'])")
    made.run()
    expect(page.locator(".qwen-answer")).to_contain_text("first")
    made.command("notebook:create-output-view")
    expect(page.locator(".qwen-answer")).to_have_count(2)
    made.release("middle")
    for view in range(2):
        expect(page.locator(".qwen-answer").nth(view)).to_contain_text("last")
    made.release("end")
    expect(page.locator(".qwen-live")).to_have_count(0)


def test_what_was_sent_beside_the_question_is_named_as_text(notebook: Callable[..., Notebook], page: Page) -> None:
    name = "<img src=x onerror=alert(1)>.pdf"
    attached = Attached(name, "document", 1, "00", "3 pages")
    made = notebook(
        "from support.feeder import show\nfrom qwen_magic.core.answer import Attached\n"
        f"show('words {{middle}}', model='<b>qwen</b>', attachments=[{attached!r}], holds=['middle'])"
    )
    made.run()
    expect(page.locator(".qwen-note")).to_have_text(f"{name} (document, 1 byte, 3 pages)")
    expect(page.locator(".qwen-who")).to_have_text("<b>qwen</b> @ beijing")
    made.release("middle")
    expect(page.locator(".qwen-record")).to_be_visible()


class TestInChinese:
    @pytest.fixture
    def browser_context_args(self, browser_context_args: dict[str, Any]) -> dict[str, Any]:
        return browser_context_args | {"locale": "zh-CN"}

    def test_the_labels_follow_the_language_of_the_browser(self, notebook: Callable[..., Notebook], page: Page) -> None:
        made = notebook(SHOW + "show('你好 {middle}', thinking='想一想', holds=['middle'])")
        made.run()
        expect(page.locator(".qwen-thinking summary")).to_have_text("思考了 1 秒")
        page.get_by_role("button", name="停止", exact=True).click()
        expect(page.locator(".qwen-record")).to_be_visible()


@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_in_a_narrow_window_an_answer_keeps_off_the_bar_of_the_selected_cell(
    notebook: Callable[..., Notebook], page: Page, app: str
) -> None:
    page.set_viewport_size({"width": 700, "height": 900})
    made = notebook(RICH_IN_THE_MIDDLE, app=app)
    made.run_cell(0)
    for where in (".qwen-answer", ".qwen-record"):
        expect(page.locator(where)).to_contain_text("The middle is here.")
        text = box_of(page.locator(where).locator("p").first)
        bar = box_of(page.locator(".jp-OutputCollapser").first)
        assert text["x"] >= bar["x"] + bar["width"] + 4
        made.release("middle")
