"""What happens between two cells, so that the next answer is there sooner; seen from a real kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from support.kernels import Kernel, Message

from qwen_magic.sandbox import Sandbox

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
QUESTION = "%%qwen --alone\nsandbox: echo\nhello"


def ready(kernel: Kernel, sandbox: Sandbox) -> None:
    """The extension loaded by a cell, and all done that is done when the kernel has nothing to do."""
    kernel.use(sandbox.compatible_url, sandbox.key)
    kernel.run("1 + 1", "first")
    kernel.wait(lambda: opened(kernel))


def opened(kernel: Kernel) -> list[str]:
    """The comms that were opened so far."""
    return [message.content["comm_id"] for message in kernel.messages if message.type == "comm_open"]


def closed(kernel: Kernel) -> list[str]:
    return [message.content["comm_id"] for message in kernel.messages if message.type == "comm_close"]


def until_idle(messages: Sequence[Message]) -> Sequence[Message]:
    """What a cell sends before it is over; what is prepared for the next one has the same parent, and comes later."""
    states = [message.content.get("execution_state") for message in messages]
    return messages[: states.index("idle")]


def views(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The widgets that are displayed."""
    data = [message.content["data"] for message in messages if message.type == "display_data"]
    return [each[WIDGET_VIEW] for each in data if WIDGET_VIEW in each]


def test_the_first_question_imports_nothing_heavy_and_opens_no_widget(fresh_kernel: Kernel, sandbox: Sandbox) -> None:
    ready(fresh_kernel, sandbox)
    fresh_kernel.run("import sys; before = set(sys.modules)", "second")
    prepared = opened(fresh_kernel)
    asked = fresh_kernel.run(QUESTION, "third")
    types = [message.type for message in until_idle(asked.messages)]
    assert "comm_open" not in types
    assert "update_display_data" in types
    assert [view["model_id"] for view in views(asked.messages)] == prepared
    imported = fresh_kernel.value("sorted({name.partition('.')[0] for name in set(sys.modules) - before})")
    assert set(imported) <= {"qwen_magic"}


def test_the_widget_that_waits_is_closed_when_the_extension_is_unloaded(fresh_kernel: Kernel, sandbox: Sandbox) -> None:
    ready(fresh_kernel, sandbox)
    fresh_kernel.run("%unload_ext qwen_magic", "second")
    assert closed(fresh_kernel) == opened(fresh_kernel)


def test_where_nobody_looks_nothing_is_prepared(fresh_kernel: Kernel, sandbox: Sandbox) -> None:
    fresh_kernel.use(sandbox.compatible_url, sandbox.key)
    fresh_kernel.run("1 + 1")
    magics = "get_ipython().magics_manager.registry['QwenMagics']"
    assert fresh_kernel.value(f"{magics}._idle._waiting is None")
    assert not opened(fresh_kernel)


def test_what_describes_a_table_is_imported_when_its_library_is(fresh_kernel: Kernel, sandbox: Sandbox) -> None:
    ready(fresh_kernel, sandbox)
    fresh_kernel.run("import sys")
    assert not fresh_kernel.value("'narwhals' in sys.modules or 'pandas' in sys.modules")
    fresh_kernel.run("import pandas", "second")
    fresh_kernel.wait(lambda: fresh_kernel.value("'qwen_magic.attachments.dataframes' in sys.modules"))
