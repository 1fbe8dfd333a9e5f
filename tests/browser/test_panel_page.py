"""The chat panel in JupyterLab and in Notebook 7: asking, stopping, attaching, sharing, and what stays of it."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, FilePayload, Page, expect
from support.front_ends import Notebook, box_of
from support.held_answers import HeldServer
from support.sandbox_pictures import png

from qwen_magic.sandbox.sample_answers import TOUR

LOAD = "%load_ext qwen_magic\n%qwen use sandbox\nimport qwen_magic"
CHAT = f"{LOAD}\nqwen_magic.chat()"
SLOW = "sandbox: long 20000\nsandbox: rate 20"
# A cell that runs until the test releases `free`.
BUSY = "import pathlib, time\nwhile not pathlib.Path('free').exists():\n    time.sleep(0.05)"


@pytest.fixture(params=["lab", "notebook"])
def app(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Panel:
    """What a person does with a panel."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.input = page.get_by_role("textbox", name="Your question")
        self.turns = page.locator(".qwen-turn")
        self.answers = page.locator(".qwen-answered .qwen-answer")
        self.feet = page.locator(".qwen-foot")
        self.send = page.get_by_role("button", name="Send", exact=True)
        self.stop = page.get_by_role("button", name="Stop answering")
        self.chips = page.locator(".qwen-box .qwen-chip")
        self.notice = page.locator(".qwen-notice-line")

    def ask(self, text: str) -> None:
        self.input.fill(text)
        self.input.press("Enter")

    def ask_and_wait(self, text: str) -> None:
        done = self.page.locator(".qwen-turn[data-phase=done]")
        before = done.count()
        self.ask(text)
        expect(done).to_have_count(before + 1)


@pytest.fixture
def panel(page: Page) -> Panel:
    return Panel(page)


@pytest.fixture
def opened(notebook: Callable[..., Notebook], panel: Panel) -> Callable[..., Notebook]:
    """A notebook whose first cell shows the panel; the others wait."""

    def make(*cells: str, app: str = "lab", first: str = CHAT) -> Notebook:
        made = notebook(first, *cells, app=app)
        made.run_cell(0)
        expect(panel.input).to_be_visible()
        return made

    return make


def test_a_question_is_asked_with_enter_and_its_answer_streams(
    opened: Callable[..., Notebook], panel: Panel, app: str, look: Callable[[str], None]
) -> None:
    with HeldServer(TOUR.replace("## Emphasis", "{middle}## Emphasis")) as server:
        opened(app=app, first=f"{server.load}\nimport qwen_magic\nqwen_magic.chat()")
        look(f"panel-{app}-empty")
        panel.input.fill("A tour,")
        panel.input.press("Shift+Enter")
        panel.input.press_sequentially("please.")
        panel.input.press("Enter")
        expect(panel.input).to_have_value("")
        expect(panel.answers.locator("h1")).to_have_text("A tour of markdown")
        expect(panel.stop).to_be_visible()
        look(f"panel-{app}-streaming")
        server.release()
        expect(panel.feet.last).to_contain_text("tokens in")
        expect(panel.answers.locator("mjx-container").first).to_be_visible()
        expect(panel.send).to_be_visible()
        look(f"panel-{app}-done")


def test_stop_works_though_no_cell_runs(opened: Callable[..., Notebook], panel: Panel) -> None:
    opened()
    panel.ask(SLOW)
    expect(panel.answers).to_contain_text("this is line 1")
    panel.stop.click()
    expect(panel.feet.last).to_contain_text("stopped")
    expect(panel.answers).to_contain_text("this is line 1")
    panel.ask("sandbox: silent")
    panel.stop.click()
    expect(panel.feet.last).to_contain_text("stopped")


def test_cells_run_while_the_panel_answers_and_it_answers_while_they_run(
    opened: Callable[..., Notebook], panel: Panel, page: Page
) -> None:
    made = opened("print('free', 6 * 7)", f"{BUSY}\nprint('al' + 'ready')")
    panel.ask(SLOW)
    expect(panel.answers).to_contain_text("this is line 1")
    made.run_cell(1)
    expect(page.locator(".jp-Cell").nth(1)).to_contain_text("free 42")
    panel.stop.click()
    expect(panel.feet.last).to_contain_text("stopped")
    made.run_cell(2)
    page.wait_for_function("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'")
    panel.ask("sandbox: echo\nwhile you sleep")
    expect(panel.answers.last).to_contain_text("while you sleep")
    expect(page.locator(".jp-Cell").nth(2)).not_to_contain_text("already")
    made.release("free")
    expect(page.locator(".jp-Cell").nth(2)).to_contain_text("already")


def test_a_cell_and_the_panel_share_a_conversation(opened: Callable[..., Notebook], panel: Panel, page: Page) -> None:
    first = f"{LOAD}\nprices = [1, 2, 3]\n%qwen chat review"
    made = opened("%%qwen -c review -v prices\nsandbox: echo\nasked in the cell", "del prices", first=first)
    panel.ask_and_wait("sandbox: echo\nasked in the panel")
    made.run_cell(1)
    expect(panel.turns).to_have_count(2)
    expect(panel.turns.last).to_contain_text("asked in the cell")
    expect(page.locator(".qwen-title")).to_have_text("Chat: review")
    made.run_cell(2)
    panel.turns.last.get_by_role("button", name="Edit and ask again").click()
    expect(panel.chips).to_have_text(["prices"])
    panel.input.fill("sandbox: echo\nasked in the panel now")
    panel.input.press("Enter")
    expect(panel.answers.last).to_contain_text("asked in the panel now")
    expect(panel.turns.last.locator(".qwen-chip")).to_have_text(["prices"])
    panel.turns.last.get_by_role("button", name="Ask again", exact=True).click()
    expect(panel.turns).to_have_count(2)
    expect(panel.answers.last).to_contain_text("[1, 2, 3]")


def test_a_question_is_edited_asked_again_cleared_and_brought_back(
    opened: Callable[..., Notebook], panel: Panel, page: Page
) -> None:
    opened()
    panel.ask_and_wait("sandbox: echo\nthe first words")
    panel.ask_and_wait("sandbox: echo\nthe second words")
    panel.turns.first.hover()
    panel.turns.first.get_by_role("button", name="Edit and ask again").click()
    expect(panel.input).to_have_value("sandbox: echo\nthe first words")
    panel.input.fill("sandbox: echo\nother words")
    panel.input.press("Enter")
    expect(panel.answers.first).to_contain_text("other words")
    expect(panel.turns).to_have_count(2)
    panel.turns.last.get_by_role("button", name="Ask again", exact=True).click()
    expect(panel.answers.last).to_contain_text("the second words")
    expect(panel.turns).to_have_count(2)
    panel.turns.last.get_by_role("button", name="Copy this answer").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_have_count(1)
    assert "the second words" in page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="Clear the conversation").click()
    expect(panel.turns).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(panel.turns).to_have_count(2)


def test_files_and_variables_are_offered_behind_an_at_sign(
    opened: Callable[..., Notebook], panel: Panel, page: Page, look: Callable[[str], None]
) -> None:
    made = opened(first=f"prices = [1, 2, 3]\n{CHAT}")
    for name in ("plot one.txt", "plain.txt"):
        (made.path.parent / name).write_text("some words\n", encoding="utf-8")
    panel.input.press_sequentially("Look at @p")
    expect(page.locator(".qwen-offer")).to_have_text(
        [re.compile("prices"), re.compile("plain"), re.compile("plot one")]
    )
    look("panel-offers")
    panel.input.press("ArrowDown")
    panel.input.press("Enter")
    expect(panel.chips).to_have_text(["plain.txt"])
    expect(panel.input).to_have_value("Look at ")
    page.get_by_role("button", name="Attach a file or a variable").click()
    panel.input.press_sequentially("pr")
    expect(page.locator(".qwen-offer")).to_have_count(1)
    panel.input.press("Tab")
    expect(panel.chips).to_have_text(["plain.txt", "prices"])
    page.get_by_role("button", name="Remove prices").click()
    expect(panel.chips).to_have_text(["plain.txt"])


def test_a_cursor_that_has_left_the_at_sign_sends_the_question(opened: Callable[..., Notebook], panel: Panel) -> None:
    opened(first=f"data = [1, 2, 3]\n{CHAT}")
    panel.input.press_sequentially("sandbox: echo @d")
    expect(panel.page.locator(".qwen-offer").first).to_be_visible()
    panel.input.press("Home")
    panel.input.press("Enter")
    expect(panel.input).to_have_value("")
    expect(panel.turns).to_have_count(1)
    expect(panel.feet.last).to_contain_text("tokens in")


def test_a_folder_that_is_dropped_is_refused_in_one_line_and_the_question_can_be_sent(
    opened: Callable[..., Notebook], panel: Panel, page: Page, tmp_path: Path
) -> None:
    folder, file = tmp_path / "reports", tmp_path / "notes.txt"
    folder.mkdir()
    file.write_text("milk", encoding="utf-8")
    opened()
    box = box_of(page.locator(".qwen-panel"))
    browser = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(folder), str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + 50, "y": box["y"] + 50}
        browser.send("Input.dispatchDragEvent", {"type": kind, "data": data, **place})
    expect(panel.notice).to_contain_text("reports is a folder")
    expect(panel.chips).to_have_text(["notes.txt"])
    panel.ask_and_wait("sandbox: echo\nand it is sent")
    expect(panel.answers.last).to_contain_text("and it is sent")


def test_a_file_that_cannot_be_read_is_taken_off_and_the_question_can_be_sent(
    opened: Callable[..., Notebook], panel: Panel, page: Page
) -> None:
    opened()
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File(["words"], "gone.txt", { type: "text/plain" }));
            Blob.prototype.arrayBuffer = () => Promise.reject(new DOMException("gone", "NotFoundError"));
            document.querySelector(".qwen-panel").dispatchEvent(
                new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(panel.notice).to_contain_text("gone.txt could not be read")
    expect(panel.chips).to_have_count(0)
    panel.ask_and_wait("sandbox: echo\nand it is sent")


def test_escape_stops_the_answer(opened: Callable[..., Notebook], panel: Panel) -> None:
    opened()
    panel.ask(SLOW)
    expect(panel.answers).to_contain_text("this is line 1")
    panel.input.press("Escape")
    expect(panel.feet.last).to_contain_text("stopped")


def test_a_cells_question_that_is_asked_again_is_scrolled_to_and_the_cell_is_said_to_be_older(
    opened: Callable[..., Notebook], panel: Panel, page: Page
) -> None:
    made = opened("%%qwen\nsandbox: echo\nasked in the cell", first=CHAT)
    made.run_cell(1)
    expect(panel.turns).to_have_count(1)
    for _ in range(3):
        panel.ask_and_wait("sandbox: tour")
    first = panel.turns.first
    first.scroll_into_view_if_needed()
    first.hover()
    first.get_by_role("button", name="Edit and ask again").click()
    page.locator(".qwen-scroll").evaluate("node => (node.scrollTop = node.scrollHeight)")
    panel.ask("sandbox: echo\nasked in the panel")
    expect(first.locator(".qwen-answer")).to_contain_text("asked in the panel")
    expect(first.locator(".qwen-answer")).to_be_in_viewport()
    expect(first.get_by_text("still shows its older answer")).to_be_visible()
    expect(panel.turns).to_have_count(4)
    expect(panel.turns.last.get_by_text("older answer")).to_be_hidden()


def test_what_a_cell_of_the_notebook_has_is_not_saved_again_in_the_panel(
    opened: Callable[..., Notebook], panel: Panel
) -> None:
    made = opened("%%qwen\nsandbox: echo\nkept in the cell", first=CHAT)
    made.run_cell(1)
    expect(panel.turns).to_have_count(1)
    panel.ask_and_wait("sandbox: echo\nkept in the panel")
    html = saved_html(made)
    assert html.count("kept in the panel") == 2, "question and answer"
    assert html.count("kept in the cell") == 1, "the question"
    assert "where the answer is" in html


def test_without_a_subshell_a_busy_kernel_is_named_and_the_question_waits(
    notebook: Callable[..., Notebook], panel: Panel, page: Page
) -> None:
    made = notebook(LOAD, "qwen_magic.chat()", BUSY)
    made.run_cell(0)
    made.wait_for_kernel()
    page.evaluate(
        """() => {
            jupyterapp.serviceManager.kernels.commsOverSubshells = "disabled";
            jupyterapp.shell.currentWidget.sessionContext.session.kernel.commsOverSubshells = "disabled";
        }"""
    )
    made.run_cell(1)
    expect(panel.input).to_be_visible()
    made.run_cell(2)
    page.wait_for_function("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'")
    panel.ask("sandbox: echo\nwhen you are free")
    expect(page.locator(".qwen-turn-status")).to_contain_text("The kernel is busy")
    made.release("free")
    expect(panel.answers).to_contain_text("when you are free")


def test_files_come_from_this_computer_and_pictures_from_the_clipboard(
    opened: Callable[..., Notebook], panel: Panel, page: Page, look: Callable[[str], None]
) -> None:
    opened()
    chooser = page.locator(".qwen-composer input[type=file]")
    chooser.set_input_files({"name": "../big table.csv", "mimeType": "text/csv", "buffer": b"a,b\n" * 600_000})
    expect(panel.chips).to_have_text(["big table.csv"])
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(100)], "image.png", { type: "image/png" }));
            const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
            document.querySelector(".qwen-input").dispatchEvent(event);
            const drop = new DataTransfer();
            drop.items.add(new File(["dropped"], "dropped.txt", { type: "text/plain" }));
            document.querySelector(".qwen-panel").dispatchEvent(
                new DragEvent("drop", { dataTransfer: drop, bubbles: true, cancelable: true }));
        }"""
    )
    expect(panel.chips).to_have_text(["big table.csv", "image.png", "dropped.txt"])
    page.get_by_role("button", name="Remove image.png").click()
    panel.ask_and_wait("sandbox: echo\nwhat is in these?")
    expect(panel.turns.locator(".qwen-chip-name")).to_have_text(
        [re.compile("big table.csv"), re.compile("dropped.txt")]
    )
    look("panel-attached")


def test_five_megabytes_are_refused_in_one_line_and_a_composition_is_not_sent(
    opened: Callable[..., Notebook], panel: Panel, page: Page
) -> None:
    opened()
    page.evaluate("() => navigator.clipboard.writeText('word '.repeat(1_048_576))")
    panel.input.focus()
    page.keyboard.press("Control+V")
    expect(panel.notice).to_contain_text("5.0 MB of text")
    expect(panel.input).to_have_value("")
    panel.input.fill("你好")
    page.evaluate(
        """() => document.querySelector(".qwen-input").dispatchEvent(
            new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))"""
    )
    expect(panel.input).to_have_value("你好")
    expect(panel.turns).to_have_count(0)
    panel.ask_and_wait("sandbox: echo\nit still works")


def test_the_models_are_those_of_the_endpoint_and_the_choice_is_the_conversations(
    opened: Callable[..., Notebook], panel: Panel, page: Page
) -> None:
    made = opened("%qwen model")
    picker = page.get_by_role("combobox", name="Model")
    picker.focus()
    expect(picker.locator("option", has_text=re.compile("^qwen-max$"))).to_have_count(1)
    expect(picker.locator("option", has_text=re.compile("embedding|-mt-|-ocr"))).to_have_count(0)
    picker.select_option("qwen-max")
    panel.ask_and_wait("sandbox: echo\nhello")
    expect(panel.feet.last).to_contain_text("qwen-max @ sandbox")
    made.run_cell(1)
    expect(page.locator(".jp-Cell").nth(1)).to_contain_text("Model of 'default': qwen-max")


def test_an_answer_that_breaks_off_says_so_and_a_refused_question_too(
    opened: Callable[..., Notebook], panel: Panel
) -> None:
    opened()
    panel.ask("sandbox: long 3000\nsandbox: stop-early 300")
    expect(panel.turns.first.locator(".qwen-error")).to_contain_text("broke off")
    expect(panel.answers.first).to_contain_text("this is line 1")
    expect(panel.feet.first).to_contain_text("failed")
    panel.ask("sandbox: denied")
    expect(panel.turns.last.locator(".qwen-error")).to_be_visible()
    panel.ask_and_wait("sandbox: echo\nand on it goes")
    expect(panel.answers.last).to_contain_text("and on it goes")


def test_two_views_of_one_panel_stay_in_step(
    opened: Callable[..., Notebook], panel: Panel, page: Page, look: Callable[[str], None]
) -> None:
    made = opened()
    made.command("notebook:create-output-view")
    expect(page.locator(".qwen-panel")).to_have_count(2)
    panel.input.first.fill("sandbox: echo\nto both of you")
    panel.input.first.press("Enter")
    for view in range(2):
        expect(page.locator(".qwen-panel").nth(view).locator(".qwen-answer")).to_contain_text("to both of you")
    expect(panel.input.nth(1)).to_be_in_viewport()
    look("panel-two-views")


def test_a_page_that_is_loaded_again_has_the_transcript_and_the_running_answer(
    opened: Callable[..., Notebook], panel: Panel, app: str
) -> None:
    with HeldServer("One.", "Two {middle} and more.", "Three.") as server:
        made = opened(app=app, first=f"{server.load}\nimport qwen_magic\nqwen_magic.chat()")
        panel.ask_and_wait("before the reload")
        panel.ask("while it is loaded")
        expect(panel.answers.last).to_contain_text("Two")
        made.save()
        made.open()
        expect(panel.answers.first).to_contain_text("One.")
        expect(panel.answers.last).to_contain_text("Two")
        expect(panel.stop).to_be_visible()
        server.release()
        expect(panel.answers.last).to_contain_text("and more.")
        expect(panel.feet.last).to_contain_text("tokens in")
        panel.ask_and_wait("after the reload")


def test_a_saved_panel_is_a_static_record_without_a_kernel(
    opened: Callable[..., Notebook], panel: Panel, page: Page, app: str
) -> None:
    made = opened(app=app)
    panel.ask_and_wait("sandbox: tour")
    output = made.save()["cells"][0]["outputs"][-1]
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert "A tour of markdown" in saved_html(made)
    page.route("**/api/sessions**", lambda route: route.abort() if route.request.method == "POST" else route.fallback())
    made.shut_down()
    made.open()
    record = page.locator(".qwen-record")
    expect(record.locator("h1")).to_have_text("A tour of markdown")
    expect(record.locator("blockquote").first).to_have_text("sandbox: tour")
    expect(record.locator("mjx-container").first).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Error displaying widget")


def test_after_a_restart_the_panel_says_that_it_is_gone(
    opened: Callable[..., Notebook], panel: Panel, page: Page, look: Callable[[str], None]
) -> None:
    opened()
    panel.ask(SLOW)
    expect(panel.answers).to_contain_text("this is line 1")
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    expect(panel.notice).to_contain_text("The kernel was restarted")
    expect(panel.input).to_be_disabled()
    expect(page.locator(".qwen-turn[data-phase=done]")).to_have_count(1)
    look("panel-gone")


MANY = """
from qwen_magic.conversations import Turn
from qwen_magic.core.answer import Answer
from qwen_magic.core.messages import Message
chat = qwen_magic.conversation("many")
words = "Some **words** of an answer, and `code`. " * 20
text = f"# Heading\\n\\n{words}\\n\\n```python\\nx = 1\\n```\\n\\n- one\\n- two\\n\\n{words}\\n"
for number in range(200):
    with chat.begin() as place:
        place.keep(Turn(Message.user(f"Question {number}"), Answer(text, model="qwen-plus"), "qwen-plus"))
"""


def test_two_hundred_turns_open_quickly_and_do_not_slow_typing(
    opened: Callable[..., Notebook], panel: Panel, page: Page
) -> None:
    made = opened("qwen_magic.chat('many')", first=f"{LOAD}\n{MANY}\nqwen_magic.chat()")
    page.evaluate(
        """() => {
            window.opened = new Promise((resolve) => new MutationObserver(() => {
                if (document.querySelectorAll(".qwen-turn").length >= 200) resolve(performance.now());
            }).observe(document.body, { childList: true, subtree: true }));
            window.began = performance.now();
        }"""
    )
    made.run_cell(1)
    print(f"200 turns after {page.evaluate('async () => (await window.opened) - window.began'):.0f} ms")
    big = page.locator(".qwen-scroll").last
    expect(panel.turns.nth(199)).to_contain_text("Question 199")
    page.wait_for_function(
        "node => node.scrollTop > 5_000 && node.scrollTop + node.clientHeight > node.scrollHeight - 40",
        arg=big.element_handle(),
    )
    expect(page.get_by_role("button", name="Go to the latest")).to_have_count(0)
    assert panel.answers.count() < 60, "only the turns that are near are drawn"
    typing = page.evaluate(
        """async () => {
            const input = [...document.querySelectorAll(".qwen-input")].at(-1);
            input.focus();
            const times = [];
            for (let i = 0; i < 20; i++) {
                const began = performance.now();
                document.execCommand("insertText", false, "x");
                input.getBoundingClientRect();
                times.push(performance.now() - began);
                await new Promise(requestAnimationFrame);
            }
            return times.sort((a, b) => a - b)[10];
        }"""
    )
    print(f"a letter takes {typing:.1f} ms")
    page.locator(".qwen-scroll").last.evaluate("node => node.scrollTop = 0")
    expect(panel.turns.first.locator("h1")).to_be_visible()


def test_nothing_that_the_model_wrote_runs_or_fetches(
    opened: Callable[..., Notebook], panel: Panel, page: Page
) -> None:
    wrong: list[str] = []

    def dialog(opened: Dialog) -> None:
        wrong.append(opened.message)
        opened.dismiss()

    page.on("dialog", dialog)
    made = opened()
    home = page.url.split("/lab")[0]
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(home) else None)
    panel.ask_and_wait("<img src=x onerror=alert(1)>\nsandbox: html")
    expect(panel.answers.locator("script, iframe, img[src^=http], [onerror], [onclick], style, form")).to_have_count(0)
    expect(page.locator(".qwen-question img")).to_have_count(0)
    assert "<img src=x" not in saved_html(made)
    assert [each for each in wrong if not each.startswith(("data:", "blob:"))] == []


def test_it_fits_a_narrow_dark_window(
    opened: Callable[..., Notebook], panel: Panel, page: Page, look: Callable[[str], None]
) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    opened(app="notebook")
    page.evaluate("() => jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    panel.ask_and_wait("sandbox: tour")
    look("panel-narrow")
    box = box_of(page.locator(".qwen-panel"))
    assert box["width"] < 400
    assert not page.locator(".qwen-scroll").evaluate("node => node.scrollWidth > node.clientWidth")
    page.evaluate("() => jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' })")


def saved_html(made: Notebook) -> str:
    """The HTML of the panel's output, as it is in the file."""
    return "".join(made.save()["cells"][0]["outputs"][-1]["data"]["text/html"])


class TestInChinese:
    @pytest.fixture
    def browser_context_args(self, browser_context_args: dict[str, Any]) -> dict[str, Any]:
        return browser_context_args | {"locale": "zh-CN"}

    def test_the_words_follow_the_language_of_the_browser(
        self, notebook: Callable[..., Notebook], page: Page, look: Callable[[str], None]
    ) -> None:
        made = notebook(CHAT)
        made.run()
        page.get_by_role("textbox", name="你的问题").fill("sandbox: denied")
        page.get_by_role("button", name="发送", exact=True).click()
        expect(page.locator(".qwen-error")).to_contain_text("此账号无权使用该模型或服务。服务返回：")
        look("panel-zh")
        page.get_by_role("textbox", name="你的问题").fill("sandbox: 429 1\nsandbox: retry-after 8\nsandbox: echo\n你好")
        page.get_by_role("button", name="发送", exact=True).click()
        expect(page.locator(".qwen-notice").last).to_contain_text("8 秒后重试：服务返回：")
        expect(page.locator(".qwen-answered").last).to_contain_text("你好")
        expect(page.locator(".qwen-foot").last).to_contain_text(re.compile(r"输入 \d+ tokens，输出 \d+ · .* 秒"))
        image = FilePayload(name="点.png", mimeType="image/png", buffer=png())
        page.locator(".qwen-composer input[type=file]").set_input_files(image)
        page.get_by_role("textbox", name="你的问题").fill("sandbox: echo\n这是什么？")
        page.get_by_role("button", name="发送", exact=True).click()
        expect(page.locator(".qwen-turn").last).to_contain_text("由 qwen3-vl-plus 回答，因为 qwen-plus 不支持图片")
        look("panel-zh-note")

    def test_what_goes_wrong_is_told_in_the_language_of_the_browser(
        self, notebook: Callable[..., Notebook], page: Page, look: Callable[[str], None]
    ) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            port = nobody.getsockname()[1]
        notebook(f"{CHAT}\n%qwen use http://127.0.0.1:{port}/v1").run()
        question = page.get_by_role("textbox", name="你的问题")
        question.fill("有人吗？")
        question.press("Enter")
        expect(page.locator(".qwen-error")).to_contain_text(re.compile(f"^无法连接到 127.0.0.1:{port}（.*）。"))
        expect(page.locator(".qwen-error")).to_contain_text("请确认服务器正在运行，且端口正确。")
        chooser = page.locator(".qwen-composer input[type=file]")
        chooser.set_input_files({"name": "数据.zip", "mimeType": "application/zip", "buffer": b"BZh91AY"})
        expect(page.locator(".qwen-box .qwen-chip-name")).to_have_text("数据.zip")
        question.fill("这是什么？")
        question.press("Enter")
        refused = "数据.zip 是压缩包（bzip2）。请解压后附加其中需要的文件。"
        expect(page.locator(".qwen-turn").last.locator(".qwen-error")).to_have_text(refused)
        look("panel-zh-errors")
