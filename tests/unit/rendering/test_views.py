"""What a front-end gets to see of an answer, from a real kernel: with a page, and with nobody looking."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from support.paths import ROOT

from qwen_magic.core.answer import Answer
from qwen_magic.core.events import TextDelta
from qwen_magic.rendering.answer_state import GrowingAnswer
from qwen_magic.rendering.markdown import render
from qwen_magic.rendering.views.choice import Deferred, choose_view

WIDGET = "application/vnd.jupyter.widget-view+json"
BLOCKS = 50
ASK = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from qwen_magic.core.answer import Answer
from qwen_magic.core.events import ReasoningDelta, TextDelta
from qwen_magic.rendering.views.choice import choose_view
from qwen_magic.rendering.views.protocol import Heading

text = "".join(f"Paragraph number {{number}}.\\n\\n" for number in range({BLOCKS}))
view = choose_view(get_ipython(), get_ipython().get_parent()["metadata"])
view.start(Heading("qwen-plus", "beijing"))
view.update([ReasoningDelta("Let me think.")])
for start in range(0, len(text), 10):
    view.update([TextDelta(text[start:start + 10])])
"""
FINISH = "view.finish(Answer(text, 'Let me think.', 'qwen-plus', 'beijing'))"
PAGE = {"cellId": "one", "deletedCells": []}


@pytest.fixture(scope="module")
def kernel() -> Iterator[BlockingKernelClient]:
    manager, client = start_new_kernel()
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client: BlockingKernelClient, code: str, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell as a front-end does that sends this metadata; returns the kernel's messages for it."""
    message = client.session.msg(
        "execute_request",
        {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "stop_on_error": True},
        metadata=metadata,
    )
    client.shell_channel.send(message)
    return messages_of(client, message)


def messages_of(client: BlockingKernelClient, request: dict[str, Any]) -> list[dict[str, Any]]:
    """All that the kernel publishes until it has done `request`."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            message = client.get_iopub_msg(timeout=1)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
            continue
        if message["msg_type"] == "error":
            pytest.fail("\n".join(message["content"]["traceback"]))
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return found
        found.append(message)
    pytest.fail("The kernel did not finish.")


def of_type(messages: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [message["content"] for message in messages if message["msg_type"] in names]


def test_a_page_gets_a_widget_with_words_for_front_ends_without_widgets_and_then_the_record(
    kernel: BlockingKernelClient,
) -> None:
    messages = run(kernel, ASK + FINISH, PAGE)
    [shown] = of_type(messages, "display_data")
    assert shown["data"][WIDGET]["model_id"]
    assert shown["data"]["text/plain"].startswith("qwen-plus is answering…")
    assert "%qwen last" in shown["data"]["text/html"]
    [record] = of_type(messages, "update_display_data")
    assert record["transient"]["display_id"] == shown["transient"]["display_id"]
    assert set(record["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert f"Paragraph number {BLOCKS - 1}." in record["data"]["text/html"]
    assert record["metadata"]["qwen"]["finish_reason"] == "stop"


def test_a_finished_block_is_sent_once(kernel: BlockingKernelClient) -> None:
    messages = run(kernel, ASK + FINISH, PAGE)
    patches = [message["data"]["content"] for message in of_type(messages, "comm_msg") if "content" in message["data"]]
    sent = [block for patch in patches for block in patch.get("answer", {}).get("blocks", ())]
    assert sum("Paragraph number 7." in block for block in sent) == 1


BURST = """
text = "".join(f"Paragraph number {number}.\\n\\n" for number in range(2_000))
view = choose_view(get_ipython(), get_ipython().get_parent()["metadata"])
view.start(Heading("qwen-plus", "beijing"))
view.update([ReasoningDelta("Let me think."), TextDelta(text)])
"""


def test_of_a_burst_the_page_has_the_beginning_while_the_rest_is_parsed(kernel: BlockingKernelClient) -> None:
    messages = run(kernel, ASK + BURST + FINISH, PAGE)
    patches = [message["data"]["content"] for message in of_type(messages, "comm_msg") if "content" in message["data"]]
    burst = [patch["answer"]["blocks"] for patch in patches if "answer" in patch][-4:]
    assert max(map(len, burst)) < 1_000
    [_, record] = of_type(messages, "display_data", "update_display_data")[-2:]
    assert record["data"]["text/html"].count("<p>Paragraph") == record["data"]["text/markdown"].count("Para") == 2_000


def test_a_page_that_is_loaded_again_gets_everything_that_came_before(kernel: BlockingKernelClient) -> None:
    messages = run(kernel, ASK, PAGE)
    shown = of_type(messages, "display_data")[0]
    request = kernel.session.msg(
        "comm_msg", {"comm_id": shown["data"][WIDGET]["model_id"], "data": {"method": "request_state"}}
    )
    kernel.shell_channel.send(request)
    [reply] = of_type(messages_of(kernel, request), "comm_msg")
    state = reply["data"]["state"]["shown"]
    text = "".join(state["answer"]["blocks"]) + state["answer"]["tail"]
    assert all(f"Paragraph number {number}." in text for number in range(BLOCKS))
    assert "Let me think." in "".join(state["thinking"]["blocks"]) + state["thinking"]["tail"]
    assert state["progress"]["phase"] == "answering"
    run(kernel, FINISH, PAGE)


def test_the_widget_is_gone_when_the_next_cell_runs(kernel: BlockingKernelClient) -> None:
    shown = of_type(run(kernel, ASK + FINISH, PAGE), "display_data")[0]
    closed = [message["comm_id"] for message in of_type(run(kernel, "1 + 1", PAGE), "comm_close")]
    assert shown["data"][WIDGET]["model_id"] in closed


def test_where_nobody_looks_there_is_one_display_and_nothing_else(kernel: BlockingKernelClient) -> None:
    messages = run(kernel, ASK + FINISH, {})
    [shown] = of_type(messages, "display_data")
    assert set(shown["data"]) == {"text/html", "text/markdown", "text/plain"}
    assert not of_type(messages, "update_display_data", "comm_open", "comm_msg", "stream")


def test_without_a_kernel_the_answer_goes_to_the_terminal() -> None:
    view = choose_view(None, {})
    assert isinstance(view, Deferred)
    assert view.name == "TerminalView"


def test_what_had_arrived_and_was_not_shown_yet_is_there_at_the_end() -> None:
    text = "One [a] **two**\n\n- three\n- four\n\n```python\nx = 1\n```\n\n[a]: https://example.com\n"
    for shown in range(len(text)):
        growing = GrowingAnswer()
        growing.take([TextDelta(text[:shown])])
        growing.end(Answer(text))
        assert growing.html == render(text)
