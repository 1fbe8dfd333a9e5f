"""Answers that no page has saved are kept by the kernel, for a page that is opened again."""

from __future__ import annotations

from typing import Any

import pytest
from support.kernels import Kernel

from qwen_magic.sandbox import Sandbox

ASK = "%%qwen\nsandbox: echo\n"


@pytest.fixture
def page(kernel: Kernel, sandbox: Sandbox) -> Kernel:
    kernel.use(sandbox.compatible_url, sandbox.key)
    return kernel


def missed(kernel: Kernel) -> dict[str, list[dict[str, Any]]]:
    """What the kernel sends to a page that is opened now."""
    comm = kernel.open_comm("qwen_magic.answers")
    answers: dict[str, list[dict[str, Any]]] = comm.received()["answers"]
    return answers


def test_a_page_that_is_opened_gets_the_displays_of_each_cells_last_run(page: Kernel) -> None:
    page.run(ASK + "old", cell_id="one")
    shown = page.run(ASK + "new", cell_id="one").outputs[-1]
    page.run("import qwen_magic; qwen_magic.ask('first'); qwen_magic.ask('second');", cell_id="two")
    answers = missed(page)
    assert [len(displays) for displays in answers.values()] == [1, 2]
    assert answers["one"][0]["data"] == shown["data"]
    assert answers["one"][0]["metadata"] == shown["metadata"]


def test_what_a_page_has_saved_is_not_kept(page: Kernel) -> None:
    page.run(ASK + "saved", cell_id="saved")
    page.run(ASK + "open", cell_id="open")
    comm = page.open_comm("qwen_magic.answers")
    answers = comm.received()["answers"]
    comm.send({"saved": [answers["saved"][0]["metadata"]["qwen"]["request_id"], "another"]})
    assert set(missed(page)) == {"open"}


def test_an_answer_that_was_stopped_or_failed_is_kept_as_well(page: Kernel) -> None:
    page.run("%%qwen\nsandbox: echo\nsandbox: cut 5\nmany words here", cell_id="cut")
    (display,) = missed(page)["cut"]
    assert display["metadata"]["qwen"]["finish_reason"] != "stop"


def test_nothing_is_listed_after_the_extension_is_unloaded(page: Kernel) -> None:
    missed(page)
    page.run("%unload_ext qwen_magic")
    page.run("from comm import get_comm_manager; manager = get_comm_manager()")
    assert page.value("'qwen_magic.answers' in manager.targets") is False
    names = page.value("[comm.target_name for comm in manager.comms.values()]")
    assert "qwen_magic.answers" not in names
