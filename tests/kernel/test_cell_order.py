"""A cell is sent the turns of the cells that stand before it in the notebook, where its file says which those are."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.kernels import Kernel

from qwen_magic.sandbox import Sandbox

ASK = "%%qwen\n"


class Notebook:
    """A notebook in a file, as JupyterLab saves it, and a kernel that runs its cells."""

    def __init__(self, kernel: Kernel, sandbox: Sandbox, path: Path) -> None:
        self.kernel = kernel
        self.sandbox = sandbox
        self.path = path

    def save(self, *cells: str, indent: int = 1, ids: bool = True) -> None:
        """Write the file with these cells; the change is seen even within the clock's resolution."""
        written: list[dict[str, Any]] = [
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": [f"{ASK}{cell}"]}
            | ({"id": cell} if ids else {})
            for cell in cells
        ]
        notebook = {"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        self.path.write_text(json.dumps(notebook, indent=indent, sort_keys=True) + "\n", encoding="utf-8")
        self.changes = getattr(self, "changes", 0) + 1
        os.utime(self.path, ns=(self.changes, self.changes))

    def run(self, *cells: str) -> list[str]:
        """Run these cells, and return what the last one was sent."""
        for cell in cells:
            result = self.kernel.run(ASK + cell, cell_id=cell)
            assert result.status == "ok", result.error
        messages = self.sandbox.requests[-1].body["messages"]
        return [message["content"].strip() for message in messages if message["role"] == "user"]

    def run_all(self, *cells: str) -> list[bytes]:
        """Run the notebook from the top, and return all that was sent."""
        self.sandbox.clear()
        self.run(*cells)
        return [request.raw for request in self.sandbox.requests if request.method == "POST"]


@pytest.fixture
def notebook(kernel: Kernel, sandbox: Sandbox, tmp_path: Path) -> Iterator[Notebook]:
    path = tmp_path / "nb.ipynb"
    kernel.run(f"import os; os.environ['JPY_SESSION_NAME'] = {str(path)!r}")
    kernel.use(sandbox.compatible_url, sandbox.key)
    yield Notebook(kernel, sandbox, path)
    kernel.run("import os; del os.environ['JPY_SESSION_NAME']")


@pytest.mark.parametrize("indent", [1, 2])
def test_a_cell_that_was_inserted_is_sent_what_stands_before_it(notebook: Notebook, indent: int) -> None:
    notebook.save("a", "b", "c", indent=indent)
    notebook.run("a", "b", "c")
    notebook.save("a", "new", "b", "c", indent=indent)
    assert notebook.run("new") == ["a", "new"]
    assert notebook.run("b") == ["a", "new", "b"]
    assert notebook.run("new") == ["a", "new"]


def test_after_a_restart_everything_is_sent_as_before(notebook: Notebook) -> None:
    notebook.save("a", "b", "c")
    notebook.run("c", "a", "c", "b")
    notebook.save("a", "new", "b", "c")
    notebook.run("new")
    lived = notebook.run_all("a", "new", "b", "c")
    assert notebook.run_all("a", "new", "b", "c") == lived
    notebook.kernel.run("%reload_ext qwen_magic")
    notebook.kernel.use(notebook.sandbox.compatible_url, notebook.sandbox.key)
    assert notebook.run_all("a", "new", "b", "c") == lived


def test_cells_that_were_moved_take_their_turns_along(notebook: Notebook) -> None:
    notebook.save("a", "b", "c")
    notebook.run("a", "b", "c")
    notebook.save("c", "b", "a")
    assert notebook.run("b") == ["c", "b"]


def test_a_cell_that_is_not_saved_yet_is_asked_at_the_end_until_it_is(notebook: Notebook) -> None:
    notebook.save("a", "b")
    notebook.run("a", "b")
    assert notebook.run("new") == ["a", "b", "new"]
    notebook.save("a", "new", "b")
    assert notebook.run("new") == ["a", "new"]


@pytest.mark.parametrize("content", ["", '{"cells": [\n  {\n   "id": "c"', "[]", '{"cells": 7}', "[" * 100_000 + "}"])
def test_a_file_that_is_being_written_or_is_none_changes_nothing(notebook: Notebook, content: str) -> None:
    notebook.save("a", "b", "c")
    notebook.run("c", "a")
    notebook.path.write_text(content, encoding="utf-8")
    assert notebook.run("b") in (["a", "b"], ["a", "c", "b"])
    notebook.path.unlink()
    assert notebook.run("b") in (["a", "b"], ["a", "c", "b"])


@pytest.mark.parametrize("ids", [True, False])
def test_where_the_file_does_not_say_it_the_order_is_that_of_the_first_runs(notebook: Notebook, ids: bool) -> None:
    if not ids:
        notebook.save("b", "a", ids=False)
    notebook.run("a", "b")
    assert notebook.run("new") == ["a", "b", "new"]
    assert notebook.run("b") == ["a", "b"]


def test_a_front_end_may_say_the_order_itself(notebook: Notebook) -> None:
    notebook.save("a", "b")
    notebook.run("a", "b")
    notebook.kernel.run("import qwen_magic; qwen_magic.chats().cell_order = lambda: ['a', 'new', 'b']")
    assert notebook.run("new") == ["a", "new"]


def test_a_fork_is_made_of_what_stands_before_its_cell(notebook: Notebook) -> None:
    notebook.save("a", "fork", "b")
    notebook.run("a", "b")
    assert notebook.kernel.run("%qwen fork side", cell_id="fork").status == "ok"
    notebook.kernel.run("%%qwen -c side\nother", cell_id="x")
    messages = notebook.sandbox.requests[-1].body["messages"]
    assert [message["content"].strip() for message in messages if message["role"] == "user"] == ["a", "other"]
