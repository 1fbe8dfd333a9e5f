"""Fast answers: nothing is lost to the message limit of a Jupyter server, and little is sent."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect
from support.front_ends import Notebook

LINES = 1_000
BURST = f"""
from support.feeder import show
text = "\\n\\n".join(f"Line {{number:04d}} of a long answer, forty chars." for number in range({LINES}))
assert len(text) > 40_000
show(text + "{{middle}}", holds=["middle"])
"""


def test_a_burst_of_8000_chunks_arrives_whole(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(BURST)
    frames: list[str | bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    made.run()
    expect(page.locator(".qwen-answer p")).to_have_count(LINES)
    expect(page.locator(".qwen-answer p").last).to_contain_text(f"Line {LINES - 1:04d}")
    made.release("middle")
    expect(page.locator(".qwen-record p").nth(LINES - 1)).to_contain_text(f"Line {LINES - 1:04d}")
    assert len(frames) < 500
    outputs = made.save()["cells"][0]["outputs"]
    markdown = "".join(outputs[0]["data"]["text/markdown"])
    assert markdown.count("of a long answer") == LINES
