"""The chat panel as its page talks to it: a real kernel, messages over a comm, the sandbox behind it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from support.faults import GOOD, FaultServer, plain
from support.kernels import Kernel
from support.waiting import wait_for

from qwen_magic.sandbox import Sandbox

WIDGET = "application/vnd.jupyter.widget-view+json"
PAGE = "page"  # the id of the cell; where a cell has one, somebody looks


class Page:
    """What the page knows of a panel: the state when it was opened, kept up to date as panel/chat.js does."""

    def __init__(self, kernel: Kernel, name: str = "") -> None:
        self.kernel = kernel
        self.result = kernel.run(f"%qwen chat {name}".strip(), PAGE)
        shown = next(output for output in self.result.outputs if output["output_type"] == "display_data")
        self.output = shown
        self.comm = shown["data"][WIDGET]["model_id"]

    @property
    def said(self) -> list[dict[str, Any]]:
        """All custom messages of the panel, in order."""
        sent = (message.content for message in self.kernel.messages if message.type == "comm_msg")
        data = (content["data"] for content in sent if content["comm_id"] == self.comm)
        return [each["content"] for each in data if each.get("method") == "custom"]

    def send(self, do: str, buffers: tuple[bytes, ...] = (), **content: Any) -> None:
        self.post({"method": "custom", "content": {"do": do, **content}}, buffers)

    def post(self, data: dict[str, Any], buffers: tuple[bytes, ...] = ()) -> None:
        """A message on the panel's comm, of whatever form."""
        client = self.kernel._client
        message = client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        client.session.send(client.shell_channel.socket, message, buffers=list(buffers))

    def ask(self, text: str, **content: Any) -> str:
        key = secrets.token_hex(4)
        self.send("ask", key=key, text=text, **content)
        return key

    def state(self) -> dict[str, Any]:
        """The whole state, asked for as a page that is loaded again asks."""
        before = len(self.said)
        self.send("hello", seen=-1)
        self.kernel.wait(lambda: any("whole" in message for message in self.said[before:]))
        return next(message["whole"] for message in self.said[before:] if "whole" in message)

    def in_order(self) -> list[dict[str, Any]]:
        """The turns as they stand."""
        state = self.state()
        return [state["turns"][key] for key in state["order"]]

    def done(self, key: str) -> dict[str, Any]:
        """Waits until the question is answered; returns its turn."""
        self.kernel.wait(lambda: any(m.get("key") == key and ended(m) for m in self.said))
        return dict(self.state()["turns"][key])

    def until(self, key: str, text: str) -> None:
        """Waits until `text` has come in the answer."""
        self.kernel.wait(lambda: text in json.dumps([m.get("patch", {}) for m in self.said if m.get("key") == key]))


def ended(message: dict[str, Any]) -> bool:
    return bool(message.get("patch", {}).get("progress", {}).get("phase") == "done")


def html(turn: dict[str, Any]) -> str:
    return "".join(turn["answer"]["blocks"]) + str(turn["answer"]["tail"])


@pytest.fixture
def open_panel(kernel: Kernel, sandbox: Sandbox) -> Callable[..., Page]:
    kernel.use(sandbox.compatible_url, sandbox.key)
    return lambda name="": Page(kernel, name)


def asked(sandbox: Sandbox) -> list[list[str]]:
    """What was sent: the contents of each request's messages."""
    bodies = (request.body for request in sandbox.requests if request.method == "POST")
    return [[message["content"] for message in body["messages"]] for body in bodies]


def test_a_question_of_the_panel_is_answered_while_the_kernel_is_idle(open_panel: Callable[..., Page]) -> None:
    page = open_panel()
    turn = page.done(page.ask("sandbox: echo\nhello there"))
    assert "hello there" in html(turn)
    assert "tokens in" in turn["foot"]["en"]
    assert "输入" in turn["foot"]["zh"]
    assert turn["text"].endswith("hello there")


def test_what_is_asked_in_a_cell_is_context_of_the_panel_and_the_other_way_round(
    open_panel: Callable[..., Page], kernel: Kernel, sandbox: Sandbox
) -> None:
    page = open_panel("review")
    page.done(page.ask("sandbox: echo\nfrom the panel"))
    kernel.run("%%qwen -c review\nsandbox: echo\nfrom the cell", "cell")
    state = page.state()
    assert [state["turns"][key]["text"] for key in state["order"]] == ["from the panel", "from the cell"]
    assert len(asked(sandbox)[-1]) == 3


def test_stop_ends_the_answer_and_what_came_is_no_context(open_panel: Callable[..., Page], sandbox: Sandbox) -> None:
    page = open_panel()
    key = page.ask("sandbox: long 50000\nsandbox: rate 50")
    page.until(key, "this is line 1")
    page.send("stop", key=key)
    turn = page.done(key)
    assert turn["progress"]["outcome"] == "stopped"
    assert "stopped" in turn["foot"]["en"]
    assert "已停止" in turn["foot"]["zh"]
    page.done(page.ask("sandbox: echo\nnext"))
    assert len(asked(sandbox)[-1]) == 1


def test_stop_works_while_the_service_is_silent(open_panel: Callable[..., Page]) -> None:
    page = open_panel()
    key = page.ask("sandbox: silent")
    page.kernel.wait(lambda: any(m.get("set", {}).get("heading") for m in page.said))
    page.send("stop", key=key)
    assert page.done(key)["progress"]["outcome"] == "stopped"


def test_a_question_asked_again_takes_its_own_place(open_panel: Callable[..., Page], sandbox: Sandbox) -> None:
    page = open_panel()
    first = page.ask("sandbox: echo\none")
    page.done(first)
    page.done(page.ask("sandbox: echo\ntwo"))
    page.done(page.ask("sandbox: echo\nanother", again=first))
    state = page.state()
    assert [state["turns"][key]["text"] for key in state["order"]] == ["another", "two"]
    assert asked(sandbox)[-1] == ["sandbox: echo\nanother"]


def test_a_question_that_cannot_be_asked_says_why_and_stands_in_nobodys_way(open_panel: Callable[..., Page]) -> None:
    page = open_panel()
    turn = page.done(page.ask("   "))
    assert turn["error"]["en"].startswith("There is no question.")
    page.done(page.ask("sandbox: echo\nhello"))
    assert len(page.state()["order"]) == 1


def test_an_answer_that_breaks_off_is_kept_and_says_so(open_panel: Callable[..., Page]) -> None:
    page = open_panel()
    key = page.ask("sandbox: long 3000\nsandbox: stop-early 300")
    page.kernel.wait(lambda: any(m.get("set", {}).get("error") for m in page.said))
    turn = page.done(key)
    assert turn["error"]["en"].startswith("The answer broke off before its end.")
    assert "this is line 1" in html(turn)
    assert turn["progress"]["outcome"] == "failed"


def test_cleared_turns_come_back_with_undo(open_panel: Callable[..., Page]) -> None:
    page = open_panel()
    page.done(page.ask("sandbox: echo\nhello"))
    page.send("clear")
    assert page.state()["order"] == []
    page.send("undo")
    assert len(page.state()["order"]) == 1


def test_shown_again_it_is_the_same_panel(open_panel: Callable[..., Page]) -> None:
    page = open_panel()
    page.done(page.ask("sandbox: echo\nhello"))
    again = open_panel()
    assert again.comm == page.comm
    assert "hello" in again.output["data"]["text/html"]


def test_messages_are_numbered_and_each_finished_block_is_sent_once(open_panel: Callable[..., Page]) -> None:
    page = open_panel()
    key = page.ask("sandbox: long 4000\nsandbox: rate 200")
    page.done(key)
    numbers = [message["seq"] for message in page.said if "seq" in message]
    assert numbers == list(range(1, len(numbers) + 1))
    blocks = [block for m in page.said for block in m.get("patch", {}).get("answer", {}).get("blocks", ())]
    assert sum("this is line 7." in block for block in blocks) == 1


def test_two_questions_at_once_lose_nothing(open_panel: Callable[..., Page], kernel: Kernel) -> None:
    page = open_panel()
    key = page.ask("sandbox: long 2000\nsandbox: rate 60")
    page.until(key, "this is line 1")
    kernel.run("%%qwen\nsandbox: echo\nfrom a cell meanwhile", "cell")
    page.done(key)
    state = page.state()
    assert len(state["order"]) == 2
    assert "this is line" in state["turns"][key]["text"]


# A variable that is described while a panel's answer ends, beside a picture that the model does not see.
MEANWHILE = """\
from PIL import Image
Image.new("RGB", (64, 48)).save("dots.png")
class Waits:
    def __repr__(self):
        while asking.last is None:
            time.sleep(0.01)
        return "waited"
import time
asking = get_ipython().magics_manager.registry["QwenMagics"].assistant
waits = Waits()
_qwen = mine = "what was there before"
"""


def test_a_cell_that_fails_gets_no_answer_of_a_panel(open_panel: Callable[..., Page], kernel: Kernel) -> None:
    page = open_panel()
    kernel.run(MEANWHILE)
    key = page.ask("sandbox: stall 1\nHello")
    failed = kernel.run("%%qwen -v waits -i dots.png -m qwen-max -o mine\nWhat?", "cell")
    assert "qwen-max does not see images" in failed.error
    assert page.done(key)["text"]
    assert kernel.value("[_qwen, mine]") == ["what was there before"] * 2


def test_a_cell_gets_its_own_answer_whatever_a_panel_is_answered(
    open_panel: Callable[..., Page], kernel: Kernel
) -> None:
    page = open_panel()
    key = page.ask("sandbox: stall 1\nHello")
    kernel.run("%%qwen -o mine\nsandbox: echo\nof the cell", "cell")
    page.done(key)
    assert kernel.value("[_qwen.text.strip(), mine.text.strip()]") == ["of the cell"] * 2


def test_what_can_be_attached_is_offered(open_panel: Callable[..., Page], kernel: Kernel) -> None:
    (kernel.folder / "report one.txt").write_text("words", encoding="utf-8")
    (kernel.folder / "report.csv").write_text("a,b", encoding="utf-8")
    kernel.run("import math as repo\nreport_data = [1]\ndef report_it(): ...")
    page = open_panel()
    page.send("offer", text="repo")
    kernel.wait(lambda: any("offers" in message for message in page.said))
    offers = next(message["offers"] for message in page.said if "offers" in message)
    assert [(offer["kind"], offer["value"]) for offer in offers] == [
        ("variable", "report_data"),
        ("file", "report one.txt"),
        ("file", "report.csv"),
    ]
    page.send("offer", text="*.csv")
    kernel.wait(lambda: page.said[-1].get("text") == "*.csv")
    assert page.said[-1]["offers"] == [{"kind": "file", "value": "*.csv", "note": "× 1"}]
    # In a large folder, to count these would take seconds at each letter.
    page.send("offer", text="**/*.csv")
    kernel.wait(lambda: page.said[-1].get("text") == "**/*.csv")
    assert page.said[-1]["offers"] == [{"kind": "file", "value": "**/*.csv", "note": ""}]


def test_an_upload_arrives_whole_and_under_its_own_name(open_panel: Callable[..., Page], kernel: Kernel) -> None:
    page = open_panel()
    for piece in (b"first ", b"second"):
        page.send("upload", (piece,), id="one", name="../../a: b.txt")
    kernel.wait(lambda: any(message.get("size") == 12 for message in page.said))
    path = page.said[-1]["path"]
    assert path.replace("\\", "/").endswith("/1/a_ b.txt")
    page.send("upload", (b"third",), id="two", name="年度报告" * 40 + ".txt")
    kernel.wait(lambda: page.said[-1].get("uploaded") == "two")
    assert page.said[-1]["path"].endswith("年度报告.txt")
    assert kernel.value(f"open({path!r}).read()") == "first second"


@pytest.mark.parametrize("name", [".env", ".netrc", "id_rsa", "server.key", "credentials"])
def test_a_dropped_file_that_keeps_secrets_is_known_by_its_name(
    open_panel: Callable[..., Page], kernel: Kernel, sandbox: Sandbox, name: str
) -> None:
    page = open_panel()
    page.send("upload", (b"user = me",), id="one", name=name)
    kernel.wait(lambda: any("path" in message for message in page.said))
    given = [{"kind": "file", "value": page.said[-1]["path"], "name": name}]
    key = page.ask("what is this?", attachments=given)
    kernel.wait(lambda: any(m.get("key") == key and "error" in m.get("set", {}) for m in page.said))
    assert page.state()["turns"][key]["error"]["en"].startswith(f"{name} looks like a file that keeps secrets.")
    assert not asked(sandbox)


def test_a_variable_that_is_typed_behind_an_at_sign_goes_along(
    open_panel: Callable[..., Page], kernel: Kernel, sandbox: Sandbox
) -> None:
    kernel.run("numbers = [41, 42, 43]")
    page = open_panel()
    turn = page.done(page.ask("what is @numbers?"))
    assert [each["name"] for each in turn["attachments"]] == ["numbers"]
    assert "[41, 42, 43]" in str(asked(sandbox)[-1])


def test_what_is_attached_goes_along_and_is_named(
    open_panel: Callable[..., Page], kernel: Kernel, sandbox: Sandbox
) -> None:
    (kernel.folder / "notes.txt").write_text("milk and honey", encoding="utf-8")
    kernel.run("numbers = [1, 2, 3]")
    page = open_panel()
    given = [
        {"kind": "file", "value": "notes.txt", "name": "notes.txt"},
        {"kind": "variable", "value": "numbers", "name": "numbers"},
    ]
    turn = page.done(page.ask("sandbox: echo\nwhat is this?", attachments=given))
    assert [each["name"] for each in turn["attachments"]] == ["notes.txt", "numbers"]
    assert turn["question"] == "sandbox: echo\nwhat is this?"
    assert "milk and honey" in json.dumps(asked(sandbox)[-1])
    turn = page.done(page.ask("hello", attachments=[given[0] | {"value": "nowhere.txt"}]))
    assert "There is no file nowhere.txt" in turn["error"]["en"]
    assert "没有文件 nowhere.txt" in turn["error"]["zh"]


def test_what_a_cell_had_attached_goes_along_again_as_it_was_then(
    open_panel: Callable[..., Page], kernel: Kernel, sandbox: Sandbox
) -> None:
    for name in ("notes.txt", "more.txt"):
        (kernel.folder / name).write_text(f"milk and honey in {name}", encoding="utf-8")
    kernel.run("%%qwen -f notes.txt\nsandbox: echo\nwhat is in these, and in @more.txt?", "cell")
    (kernel.folder / "notes.txt").unlink()
    (kernel.folder / "more.txt").write_text("nothing", encoding="utf-8")
    page = open_panel()
    state = page.state()
    [key], [turn] = state["order"], state["turns"].values()
    given = turn["given"]
    assert [each["name"] for each in given] == ["notes.txt", "more.txt"]
    page.done(page.ask(turn["question"], attachments=given, again=key))
    assert asked(sandbox)[-1] == asked(sandbox)[-2]
    [key] = page.state()["order"]
    turn = page.done(page.ask("sandbox: echo\nother words", attachments=given[:1], again=key))
    assert [each["name"] for each in turn["attachments"]] == ["notes.txt"]
    assert "milk and honey" in json.dumps(asked(sandbox)[-1])


def test_what_was_attached_in_another_session_is_named_and_not_at_hand(
    open_panel: Callable[..., Page], kernel: Kernel
) -> None:
    kernel.run("numbers = [1, 2, 3]")
    kernel.run("%%qwen -v numbers\nsandbox: echo\nhello", "cell")
    kernel.run("%qwen save chat.json")
    kernel.run("%unload_ext qwen_magic\n%load_ext qwen_magic\n%qwen load chat.json")
    page = open_panel()
    state = page.state()
    [key], [turn] = state["order"], state["turns"].values()
    turn = page.done(page.ask(turn["question"], attachments=turn["given"], again=key))
    assert turn["error"]["en"].startswith("numbers was attached in another session")
    # The turn that was asked again comes back to its place just after the refusal.
    assert wait_for(lambda: [turn["error"] is None for turn in page.in_order()] == [True, False])


def test_where_nobody_looks_the_transcript_is_shown_and_no_widget(
    open_panel: Callable[..., Page], kernel: Kernel
) -> None:
    page = open_panel()
    page.done(page.ask("sandbox: echo\n**hello** <b>there</b>"))
    [output] = kernel.run("import qwen_magic; qwen_magic.chat()").outputs
    assert set(output["data"]) == {"text/html", "text/plain"}
    assert "<strong>hello</strong>" in output["data"]["text/html"]
    assert "<b>there" not in output["data"]["text/html"]


def test_a_name_that_is_none_is_refused(kernel: Kernel) -> None:
    result = kernel.run("import qwen_magic; qwen_magic.chat('a/b')", PAGE)
    assert result.error.startswith("InputError")


def test_a_note_that_comes_with_the_end_stands_below_the_answer(kernel: Kernel) -> None:
    with FaultServer(GOOD) as server:
        server.listing = plain("200 OK", b'{"data": [{"id": "some-model"}]}')
        kernel.use(server.url, "sk-0123456789abcdef")
        kernel.run("%config QwenMagics.think = True")
        page = Page(kernel, "")
        turn = page.done(page.ask("Well?"))
    assert "one two" in html(turn)
    assert "thinking was asked for, and none came" in turn["foot"]["en"]
    assert "已要求思考" in turn["foot"]["zh"]


@pytest.mark.parametrize(
    "message",
    [
        {"do": "ask", "key": [], "text": "x"},
        {"do": "ask", "key": "k", "text": 7},
        {"do": "ask", "key": "k", "text": "x", "attachments": [{"name": "x"}]},
        {"do": "ask", "key": "k", "text": "x", "attachments": [{"kind": "file", "value": 1, "name": "x"}]},
        {"do": "ask", "key": "k", "text": "x", "again": {}},
        {"do": "ask", "key": "../k", "text": "x"},
        {"do": "model", "model": {"a": 1}},
        {"do": "upload", "id": [], "name": "x"},
        {"do": "stop"},
        {"do": []},
        {"do": "__init__"},
        "ask",
    ],
    ids=str,
)
def test_a_message_that_is_none_changes_nothing_and_is_named(
    open_panel: Callable[..., Page], message: dict[str, Any] | str
) -> None:
    page = open_panel()
    before = page.state()
    page.post({"method": "custom", "content": message})
    page.kernel.wait(lambda: "error" in page.said[-1])
    assert page.said[-1]["error"]["en"].startswith("The page sent what is no message of this panel (")
    assert page.state() == before
    assert page.done(page.ask("sandbox: echo\nstill here"))["text"] == "still here"


def test_a_question_that_is_sent_twice_is_asked_once(open_panel: Callable[..., Page], sandbox: Sandbox) -> None:
    page = open_panel()
    for _ in range(2):
        page.send("ask", key="same", text="sandbox: echo\nonce")
    page.done("same")
    page.done(page.ask("sandbox: echo\nnext"))
    assert [turn["text"] for turn in page.in_order()] == ["once", "next"]


@pytest.mark.parametrize("state", [{"panel": {}}, {"panel": None}, {"_esm": "alert(1)"}], ids=str)
def test_a_page_does_not_change_the_state_of_a_panel(open_panel: Callable[..., Page], state: dict[str, Any]) -> None:
    page = open_panel()
    before = page.state()
    page.post({"method": "update", "state": state})
    assert page.state() == before
    assert page.done(page.ask("sandbox: echo\nstill here"))["text"] == "still here"
