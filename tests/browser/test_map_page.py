"""A map in the page: the widget with its first rows, Stop, the record, and what the next run asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from support.faults import FaultServer, Step, plain
from support.front_ends import Notebook

ROWS = "rows = ['one', 'two', 'three', 'four', 'five']"
MAP = "%%qwen --map rows -o out --schema 'topic, score int'\nReview: {{ value }}"


def data(topic: str) -> tuple[Step, ...]:
    """A response whose answer is data."""
    text = json.dumps({"topic": topic, "score": 7})
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 3}
    return (plain("200 OK", json.dumps({"choices": [choice], "usage": usage}).encode()),)


def test_stop_keeps_the_answers_and_the_next_run_asks_only_the_rest(
    notebook: Callable[..., Notebook], page: Page, look: Callable[[str], None], tmp_path: Path
) -> None:
    with FaultServer(data("first"), data("second"), ["hang"]) as server:
        server.listing = plain("200 OK", b'{"data": [{"id": "qwen-plus"}]}')
        cache = f"import os\nos.environ['QWEN_MAGIC_CACHE'] = {str(tmp_path)!r}"
        made = notebook(f"{cache}\n{ROWS}\n%load_ext qwen_magic\n%qwen use {server.url}", MAP)
        made.run()
        expect(page.locator(".qwen-map-line")).to_contain_text("2 of 5 rows")
        expect(page.locator(".qwen-map-first th")).to_have_text(["", "topic", "score"])
        expect(page.locator(".qwen-map-first tr")).to_have_count(3)
        look("map-live")
        page.get_by_role("button", name="Stop", exact=True).click()
        cell = page.locator(".jp-Cell").nth(1)
        expect(cell).to_contain_text("2 of 5 rows answered")
        expect(cell).to_contain_text("Stopped.")
        expect(cell).to_contain_text("They are kept: run it again to go on.")
        expect(page.locator(".qwen-map")).to_have_count(0)
        look("map-stopped")
        server.play(data("rest"))
        made.run_cell(1)
        expect(cell).to_contain_text("5 of 5 rows answered")
        expect(cell).to_contain_text("2 from the cache")
        look("map-record")
        assert len(server.requests) == 3
    (output,) = made.save()["cells"][1]["outputs"]
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert "topic</th>" in "".join(output["data"]["text/html"])
