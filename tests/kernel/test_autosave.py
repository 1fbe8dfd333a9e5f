"""Conversations that are saved by themselves: restarted kernels, several kernels, other names, damaged files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.kernels import Kernel

from qwen_magic.sandbox import Sandbox

ASK = "%%qwen\n"


def questions(sandbox: Sandbox) -> list[str]:
    """The questions in the context of the last request, its own last."""
    messages = [request.body for request in sandbox.requests if request.method == "POST"][-1]["messages"]
    return [message["content"].strip() for message in messages if message["role"] == "user"]


class Session:
    """A kernel that saves; `begin` is what a new one begins with."""

    def __init__(self, kernel: Kernel, sandbox: Sandbox, folder: Path) -> None:
        self.kernel = kernel
        self.sandbox = sandbox
        self.folder = folder

    def begin(self, notebook: str = "") -> Kernel:
        """The extension as a new kernel has it, in the folder; `notebook` is what the server says of it."""
        where = f"%unload_ext qwen_magic\nimport os\nos.chdir({str(self.folder)!r})"
        self.kernel.run(f"{where}\nos.environ['JPY_SESSION_NAME'] = {notebook!r}")
        self.kernel.use(self.sandbox.compatible_url, self.sandbox.key)
        assert self.kernel.run("%config QwenMagics.autosave = True").status == "ok"
        return self.kernel


@pytest.fixture
def session(kernel: Kernel, sandbox: Sandbox, tmp_path: Path) -> Session:
    return Session(kernel, sandbox, tmp_path)


def ask(kernel: Kernel, *texts: str, options: str = "") -> None:
    """Questions in cells of their own; the first letter of each is the id of its cell."""
    for text in texts:
        result = kernel.run(f"%%qwen {options}\n{text}", cell_id=text[0])
        assert result.status == "ok", result.error


def saved(folder: Path) -> dict[str, list[str]]:
    """The questions in the files of a folder, by the name of the conversation."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("**/*.json"))]
    return {file["name"]: [turn["question"]["parts"][0]["text"].strip() for turn in file["turns"]] for file in files}


def test_a_restarted_kernel_goes_on_with_what_was_saved(start_kernel: Callable[..., Kernel], sandbox: Sandbox) -> None:
    session = Session(start := start_kernel(), sandbox, start.folder)
    kernel = session.begin()
    ask(kernel, "a first")
    kernel.restart()
    loaded = kernel.run("%load_ext qwen_magic").text
    assert loaded == "A conversation was saved here before: %qwen resume goes on with it."
    session.begin()
    assert "goes on with 1 turn" in kernel.run("%qwen resume").text
    ask(kernel, "b second")
    assert questions(sandbox) == ["a first", "b second"]


@pytest.mark.parametrize("ids", [True, False], ids=["cells with ids", "without"])
def test_what_was_saved_before_a_restart_is_still_there_after_the_next_question(session: Session, ids: bool) -> None:
    kernel, sandbox = session.begin(), session.sandbox
    for text in ("a first", "b second"):
        kernel.run(ASK + text, cell_id=text[0] if ids else None)
    session.begin()
    kernel.run(ASK + "c third", cell_id="c" if ids else None)
    assert questions(sandbox) == ["c third"]
    assert "'default' goes on with 3 turns" in kernel.run("%qwen resume").text
    kernel.run(ASK + "d fourth", cell_id="d" if ids else None)
    assert questions(sandbox) == ["a first", "b second", "c third", "d fourth"]
    assert saved(session.folder) == {"default": questions(sandbox)}
    assert "here already" in kernel.run("%qwen resume").text


def test_a_cell_run_again_in_a_new_kernel_replaces_its_saved_turn_and_no_other(session: Session) -> None:
    ask(session.begin(), "a first", "b second", "c third")
    kernel = session.begin()
    ask(kernel, "b anew")
    assert kernel.run("%qwen resume").status == "ok"
    ask(kernel, "d fourth")
    assert questions(session.sandbox) == ["a first", "b anew", "c third", "d fourth"]


def test_dropped_renamed_and_reset_conversations_do_not_come_back(session: Session) -> None:
    kernel = session.begin()
    for text, name in (
        ("a first", "default"),
        ("b second", "default"),
        ("c", "Review"),
        ("d", "draft"),
        ("e", "empty"),
    ):
        ask(kernel, text, options=f"-c {name}")
    kernel.run("%qwen drop draft\n%qwen rename Review final\n%qwen reset empty\n%qwen undo", cell_id="x")
    session.begin()
    said = kernel.run("%qwen resume").text
    assert "'final' goes on with 1 turn " in said
    assert "'empty' goes on with 0 turns" in said
    assert saved(session.folder) == {"default": ["a first"], "final": ["c"], "empty": []}


def test_a_resume_that_is_undone_leaves_the_file_as_it_was(session: Session) -> None:
    ask(session.begin(), "a first", "b second")
    kernel = session.begin()
    ask(kernel, "c third")
    assert "3 turns" in kernel.run("%qwen resume").text
    kernel.run("%qwen undo")
    ask(kernel, "d fourth")
    assert questions(session.sandbox) == ["c third", "d fourth"]
    assert saved(session.folder) == {"default": ["a first", "b second", "c third", "d fourth"]}
    assert "4 turns" in kernel.run("%qwen resume").text
    kernel.run("%qwen drop default")
    assert saved(session.folder) == {}


def test_dropping_takes_nothing_out_of_a_file_that_was_not_resumed(session: Session) -> None:
    ask(session.begin(), "a first", options="-c review")
    kernel = session.begin()
    ask(kernel, "b second", options="-c review")
    assert saved(session.folder) == {"review": ["a first", "b second"]}
    kernel.run("%qwen drop review")
    assert saved(session.folder) == {"review": ["a first"]}


def test_names_that_differ_in_capitals_only_have_files_of_their_own(session: Session) -> None:
    kernel = session.begin()
    ask(kernel, "a first", options="-c review")
    ask(kernel, "b second", options="-c REVIEW")
    assert len({path.name.casefold() for path in session.folder.glob(".qwen/*/*.json")}) == 2


def test_two_kernels_of_one_notebook_lose_nothing_of_each_other(
    session: Session, fresh_kernel: Kernel, sandbox: Sandbox
) -> None:
    notebook = str(session.folder / "nb.ipynb")
    one, two = session.begin(notebook), Session(fresh_kernel, sandbox, session.folder).begin(notebook)
    ask(one, "a of one")
    ask(two, "b of two")
    ask(one, "c of one")
    ask(two, "d of two")
    assert sorted(saved(session.folder / ".qwen" / "nb")["default"]) == ["a of one", "b of two", "c of one", "d of two"]
    one.run("%qwen undo")
    assert sorted(saved(session.folder / ".qwen" / "nb")["default"]) == ["a of one", "b of two", "d of two"]


def test_notebooks_of_one_name_in_two_folders_are_kept_apart(session: Session) -> None:
    for name in ("x", "y"):
        (session.folder / name).mkdir()
        ask(session.begin(str(session.folder / name / "nb.ipynb")), f"a {name}")
    for name in ("x", "y"):
        assert saved(session.folder / name / ".qwen" / "nb") == {"default": [f"a {name}"]}
    for name in ("x", "y"):
        ask(session.begin(f"/not/here/{name}/nb.ipynb"), f"a {name}")
    assert len(list(session.folder.glob(".qwen/*/default.json"))) == 2


def test_a_renamed_notebook_finds_what_was_saved_under_its_old_name(session: Session) -> None:
    ask(session.begin(str(session.folder / "old name.ipynb")), "a first")
    kernel = session.begin(str(session.folder / "new.ipynb"))
    assert "%qwen resume NAME takes another notebook's: 'old name'." in kernel.run("%qwen resume").error
    assert "Nothing was saved" in kernel.run("%qwen resume ..").error
    assert "goes on with 1 turn" in kernel.run("%qwen resume 'old name'").text
    ask(kernel, "b second")
    assert saved(session.folder / ".qwen" / "new") == {"default": ["a first", "b second"]}
    assert saved(session.folder / ".qwen" / "old name") == {"default": ["a first"]}


def test_without_a_notebook_each_session_saves_under_a_name_of_its_own(session: Session) -> None:
    script = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from qwen_magic.magics.autosave import folder_of\n"
        "from pathlib import Path\n"
        "print(folder_of(get_ipython(), Path('x')).name, folder_of(InteractiveShell(), Path('x')).name)"
    )
    of_kernel, *of_terminal = session.begin().run(script).text.split()
    assert of_kernel == "kernel"
    assert of_terminal[-1] == str(session.kernel.value("__import__('os').getpid()"))


def test_a_cell_that_goes_to_another_folder_takes_no_conversation_along(session: Session, tmp_path: Path) -> None:
    kernel = session.begin()
    ask(kernel, "a first")
    (tmp_path / "elsewhere").mkdir()
    kernel.run(f"%cd {tmp_path}/elsewhere")
    ask(kernel, "b second")
    assert saved(session.folder / ".qwen") == {"default": ["a first", "b second"]}
    assert not (tmp_path / "elsewhere" / ".qwen").exists()


def complaints(result: Any, path: Path) -> list[str]:
    """What a cell says of the folder that a conversation cannot be saved in."""
    shown = (output.get("data", {}).get("text/plain", "") for output in result.outputs)
    return [text for text in shown if str(path.parent) in text]


@pytest.mark.parametrize("hindrance", ["damaged", "link", "folder", "pipe", "no folder"])
def test_what_cannot_be_saved_is_said_once_and_nothing_is_touched(session: Session, hindrance: str) -> None:
    path, target = session.folder / ".qwen" / "nb" / "default.json", session.folder / "target"
    path.parent.mkdir(parents=True)

    def replace_folder() -> None:
        path.parent.rmdir()
        path.parent.write_text("mine")

    hinder: dict[str, Callable[[], Any]] = {
        "damaged": lambda: path.write_text('{"format": "qwen_magic conversation", "turns": ['),
        "link": lambda: path.symlink_to(target),
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "no folder": replace_folder,
    }
    if hindrance == "pipe" and not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes with a name here")
    hinder[hindrance]()
    kernel = session.begin(str(session.folder / "nb.ipynb"))
    first = kernel.run(ASK + "Hello", cell_id="a")
    assert first.status == "ok"
    (told,) = complaints(first, path)
    assert "\n" not in told
    assert not complaints(kernel.run(ASK + "More", cell_id="b"), path)
    assert not target.exists()
    if hindrance == "damaged":
        assert path.read_text().endswith('"turns": [')
        assert "is damaged" in kernel.run("%qwen resume").error


# --- a conversation whose texts are hostile


DEEP = "*a " * 140 + "b" + " a*" * 140


def test_a_conversation_with_hostile_texts_is_shown_listed_and_exported(session: Session) -> None:
    texts = [DEEP, "[" * 3000, "> " * 400 + "x", "half \ud800 of a pair", "\x1b[31m\x00 red", "- " * 300 + "x"]
    turns = [
        {
            "question": {"role": "user", "parts": [{"type": "text", "text": text}]},
            "answer": {"text": text, "model": text[:40], "reasoning": text},
            "asked": asked,
        }
        for text, asked in zip(texts, (0, -1e9, 9e15, 60, 1, 2), strict=True)
    ]
    head = {"format": "qwen_magic conversation", "version": 1, "name": "hostile", "system": DEEP, "model": None}
    (session.folder / "hostile.json").write_text(json.dumps(head | {"turns": turns}), encoding="utf-8")
    kernel = session.begin()
    commands = ("load hostile.json", "show hostile", "export a.md hostile", "export a.html hostile", "chats", "usage")
    for command in (*commands, "-c hostile system", "undo hostile", "load hostile.json", "save b.json hostile"):
        result = kernel.run(f"%qwen {command}")
        assert result.status == "ok", (command, result.error)
    assert (session.folder / "a.html").stat().st_size > len(DEEP)
    ask(kernel, "and now", options="-c hostile")


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", '"half \\ud800"'), ("name", '"../x"'), ("system", "[" * 5000 + "]" * 5000), ("turns", "1e999")],
)
def test_a_file_that_holds_no_conversation_is_one_line_and_the_kernel_goes_on(
    session: Session, field: str, value: str
) -> None:
    head = {"format": "qwen_magic conversation", "version": 1, "name": "x", "system": None, "model": None, "turns": []}
    content = json.dumps(head | {field: "HERE"}).replace('"HERE"', value)
    kernel = session.begin(str(session.folder / "nb.ipynb"))
    (session.folder / ".qwen" / "nb").mkdir(parents=True)
    for path, command in (("chat.json", "load chat.json"), (".qwen/nb/chat.json", "resume")):
        (session.folder / path).write_text(content, encoding="utf-8")
        result = kernel.run(f"%qwen {command}")
        (shown,) = [output for output in result.outputs if output["output_type"] == "error"]
        assert len(shown["traceback"]) == 1
        assert "\n" not in shown["traceback"][0]
    assert kernel.run("%qwen chats").status == "ok"
