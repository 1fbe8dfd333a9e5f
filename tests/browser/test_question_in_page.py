"""A question from the cell magic to the page: the extension, the offline sandbox, the stream, the view."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect
from support.front_ends import Notebook
from support.held_answers import HeldServer

from qwen_magic.sandbox.sample_answers import THOUGHTS, TOUR

LOAD = "%load_ext qwen_magic\n%qwen use sandbox"


def ask(*directives: str) -> str:
    return "%%qwen\n" + "\n".join(f"sandbox: {directive}" for directive in directives)


def test_a_question_streams_into_its_cell_and_leaves_a_record(
    notebook: Callable[..., Notebook], page: Page, look: Callable[[str], None]
) -> None:
    with HeldServer(TOUR.replace("## Emphasis", "{middle}## Emphasis"), thinking=THOUGHTS) as server:
        notebook(server.load, "%%qwen\nA tour, please.").run()
        expect(page.locator(".qwen-live .qwen-answer h1")).to_have_text("A tour of markdown")
        expect(page.locator(".qwen-thinking summary")).to_contain_text("Thought for")
        look("tour-live")
        server.release()
        expect(page.locator(".qwen-record h1")).to_have_text("A tour of markdown")
        expect(page.locator(".qwen-live")).to_have_count(0)


def test_a_question_to_the_sandbox_is_saved_as_a_static_record(
    notebook: Callable[..., Notebook], page: Page, look: Callable[[str], None]
) -> None:
    made = notebook(LOAD, ask("tour"))
    made.run()
    expect(page.locator(".qwen-record")).to_be_visible()
    look("tour-record")
    output = made.save()["cells"][1]["outputs"][-1]
    assert set(output["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert output["metadata"]["qwen"]["finish_reason"] == "stop"


def test_what_stop_has_left_can_be_continued(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(LOAD, ask("long 20000", "rate 20"))
    made.run()
    expect(page.locator(".qwen-answer p").first).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".qwen-record")).to_contain_text("stopped")
    expect(page.locator(".jp-Cell").nth(1)).to_contain_text("%qwen continue goes on from there.")


def test_a_wait_for_a_busy_service_is_said(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(LOAD, ask("echo", "429 1", "retry-after 8") + "\nhello there")
    made.run()
    expect(page.locator(".qwen-notice")).to_contain_text("trying again in 8 s")
    expect(page.locator(".qwen-record")).to_contain_text("hello there")


def test_an_answer_that_breaks_off_stays_with_its_error_below_it(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(LOAD, ask("long 500", "cut 200"))
    made.run()
    expect(page.locator(".qwen-record p").first).to_be_visible()
    expect(page.locator(".jp-Cell").nth(1)).to_contain_text("StreamCut")
    expect(page.locator(".qwen-live")).to_have_count(0)


def test_the_last_answer_can_be_shown_again_after_the_page_was_loaded_again(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    with HeldServer("Some words that take a while {middle} to come, all of them.") as server:
        made = notebook(server.load, "%%qwen\nHello?", "%qwen last")
        made.run_cell(0)
        made.run_cell(1)
        expect(page.locator(".qwen-answer p").first).to_be_visible()
        made.open()
        server.release()
        made.wait_for_kernel()
        made.run_cell(2)
        expect(page.locator(".qwen-record").last).to_contain_text("all of them.")


def test_what_goes_along_is_shown_while_the_answer_comes_and_in_the_record(
    notebook: Callable[..., Notebook], page: Page
) -> None:
    with HeldServer("first words {middle} and last words") as server:
        make = f"{server.load}\nwith open('notes & <b>.md', 'w', encoding='utf-8') as file:\n    file.write('milk')"
        notebook(make, "%%qwen -f 'notes & <b>.md'\nWhat is missing?").run()
        line = "notes & <b>.md (text, 4 bytes)"
        expect(page.locator(".qwen-live .qwen-note").filter(has_text=line)).to_be_visible()
        server.release()
        record = page.locator(".qwen-record")
        expect(record).to_contain_text("and last words")
        expect(record.locator("p").first).to_have_text(line)
