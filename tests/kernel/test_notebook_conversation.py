"""The notebook is the conversation: cells with ids in a real kernel, and what the sandbox really received."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.kernels import Kernel, Result

from qwen_magic.sandbox import Sandbox

ASK = "%%qwen\n"


def raw(sandbox: Sandbox) -> list[bytes]:
    """The bytes of the questions that arrived."""
    return [request.raw for request in sandbox.requests if request.method == "POST"]


def shown(result: Result) -> str:
    """The answer as a notebook shows it, with its footer."""
    return str(result.saved[-1]["data"]["text/markdown"])


def questions(sandbox: Sandbox) -> list[str]:
    """The questions in the context of the last request, its own last."""
    messages = [request.body for request in sandbox.requests if request.method == "POST"][-1]["messages"]
    return [message["content"].strip() for message in messages if message["role"] == "user"]


NOTEBOOK = [
    ("setup", "import qwen_magic\nn = 2"),
    ("a", ASK + "First, with n = {{ n }}"),
    ("b", "for word in ('one', 'two'):\n    qwen_magic.ask(f'In a loop: {word}', show=False)"),
    ("c", "%qwen a line beside code\nx = 1\n%qwen another line"),
    ("d", "%%qwen -c review\nIn another conversation"),
    ("e", "%%qwen --alone\nAlone"),
    ("f", "%%qwen --think --set temperature=0.5\nThe last one"),
]


def run_all(kernel: Kernel) -> None:
    for cell, code in NOTEBOOK:
        result = kernel.run(code, cell_id=cell)
        assert result.status == "ok", result.error


def test_a_notebook_run_twice_sends_the_same_bytes(notebook: Kernel, sandbox: Sandbox) -> None:
    run_all(notebook)
    first = raw(sandbox)
    sandbox.clear()
    run_all(notebook)
    assert raw(sandbox) == first
    assert len(first) == 8


def test_a_cell_run_again_is_sent_what_it_was_sent_before(notebook: Kernel, sandbox: Sandbox) -> None:
    for cell in "abc":
        notebook.run(f"{ASK}Question {cell}", cell_id=cell)
    before = raw(sandbox)[1]
    notebook.run(f"{ASK}Question b", cell_id="b")
    assert raw(sandbox)[-1] == before


def test_a_look_or_an_appended_question_leaves_the_cells_turn_where_it_is(notebook: Kernel, sandbox: Sandbox) -> None:
    for cell in "ab":
        notebook.run(f"{ASK}Question {cell}", cell_id=cell)
    for code in ("%%qwen --dry-run\nWhat if?", "%%qwen --append\nAnd then?"):
        assert notebook.run(code, cell_id="a").status == "ok"
    notebook.run(f"{ASK}Next", cell_id="c")
    assert questions(sandbox) == ["Question a", "Question b", "And then?", "Next"]


def test_later_turns_stay_when_a_cell_is_run_again(notebook: Kernel, sandbox: Sandbox) -> None:
    for cell in "abc":
        notebook.run(f"{ASK}Question {cell}", cell_id=cell)
    notebook.run(f"{ASK}Question B", cell_id="b")
    notebook.run(f"{ASK}Question d", cell_id="d")
    assert questions(sandbox) == ["Question a", "Question B", "Question c", "Question d"]


def test_a_replaced_turn_is_said_and_undo_brings_it_back(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(ASK + "Old", cell_id="a")
    again = notebook.run(ASK + "New", cell_id="a")
    assert "replaced" in str([message.content for message in again.comms])
    assert "replaced" not in str(again.saved)
    notebook.run("%qwen undo", cell_id="b")
    notebook.run(ASK + "Next", cell_id="c")
    assert questions(sandbox) == ["Old", "Next"]


def test_deleted_cells_drop_their_turns(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(ASK + "Kept", cell_id="a")
    notebook.run(ASK + "Deleted", cell_id="b")
    notebook.run(ASK + "Next", cell_id="c", deleted=["b"])
    assert questions(sandbox) == ["Kept", "Next"]


def test_a_copied_cell_is_a_new_one(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(ASK + "Same words", cell_id="a")
    notebook.run(ASK + "Same words", cell_id="a-copy")
    assert questions(sandbox) == ["Same words", "Same words"]


def test_append_asks_on_from_one_cell(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%%qwen --append\nOne", cell_id="a")
    notebook.run("%%qwen --append\nTwo", cell_id="a")
    assert questions(sandbox) == ["One", "Two"]


def test_appending_can_be_the_rule(fresh_kernel: Kernel, sandbox: Sandbox) -> None:
    fresh_kernel.use(sandbox.compatible_url, sandbox.key)
    fresh_kernel.run("%config QwenMagics.append = True")
    for word in ("One", "Two"):
        fresh_kernel.run(ASK + word, cell_id="a")
    assert questions(sandbox) == ["One", "Two"]


def test_without_cell_ids_turns_are_appended(notebook: Kernel, sandbox: Sandbox) -> None:
    for word in ("One", "Two", "Two"):
        notebook.run(ASK + word)
    assert questions(sandbox) == ["One", "Two", "Two"]


def test_colab_names_its_cells_in_another_way(notebook: Kernel, sandbox: Sandbox) -> None:
    for word in ("Old", "New"):
        notebook.run(ASK + word, metadata={"colab": {"cell_id": "x"}})
    notebook.run(ASK + "Next", metadata={"colab": {"cell_id": "y"}})
    assert questions(sandbox) == ["New", "Next"]


def test_a_cell_that_fails_keeps_what_its_later_questions_said(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%qwen number one\n%qwen number two", cell_id="a")
    notebook.run("%qwen one again\nraise ValueError", cell_id="a")
    notebook.run(ASK + "Next", cell_id="b")
    assert questions(sandbox) == ["one again", "number two", "Next"]


def test_a_run_that_failed_is_not_context(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(ASK + "First", cell_id="a")
    notebook.run(ASK + "sandbox: cut", cell_id="a")
    notebook.run(ASK + "Next", cell_id="b")
    assert questions(sandbox) == ["Next"]


# --- commands


def test_conversations_are_listed_and_shown(notebook: Kernel) -> None:
    notebook.run("%%qwen -c review\nIs it good?", cell_id="a")
    notebook.run(ASK + "Hello", cell_id="b")
    listed = notebook.run("%qwen chats", cell_id="c").text
    assert "review" in listed
    assert "default" in listed
    assert "Is it good?" in notebook.run("%qwen show review", cell_id="d").text


def test_after_a_conversation_was_renamed_the_next_question_says_where_it_goes(
    notebook: Kernel, sandbox: Sandbox
) -> None:
    notebook.run(ASK + "One", cell_id="a")
    assert "ask it with -c 'my side'" in notebook.run("%qwen rename default 'my side'", cell_id="b").text
    notebook.run("%qwen show", cell_id="c")
    said = shown(notebook.run(ASK + "Two", cell_id="d"))
    assert "a new conversation 'default': \\-c 'my side' goes on" in said or "-c 'my side' goes on" in said
    assert questions(sandbox) == ["Two"]
    assert "new conversation" not in shown(notebook.run(ASK + "Three", cell_id="e"))


def test_reset_fork_rename_and_drop(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(ASK + "One", cell_id="a")
    notebook.run("%qwen fork branch", cell_id="b")
    notebook.run("%qwen rename branch side", cell_id="c")
    notebook.run("%%qwen -c side\nTwo", cell_id="d")
    assert questions(sandbox) == ["One", "Two"]
    notebook.run("%qwen reset", cell_id="e")
    notebook.run(ASK + "Three", cell_id="f")
    assert questions(sandbox) == ["Three"]
    assert notebook.run("%qwen drop side", cell_id="g").status == "ok"
    result = notebook.run("%qwen show sid", cell_id="h")
    assert result.status == "error"


def test_a_conversation_has_a_system_prompt_and_a_model(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%qwen system You are a pirate.", cell_id="a")
    notebook.run("%qwen -c other model qwen-max", cell_id="b")
    notebook.run(ASK + "Hello", cell_id="c")
    body = sandbox.requests[-1].body
    assert body["messages"][0] == {"role": "system", "content": "You are a pirate."}
    notebook.run("%%qwen -c other\nHello", cell_id="d")
    assert sandbox.requests[-1].body["model"] == "qwen-max"


def test_compact_sends_a_summary_in_the_stead_of_old_turns(notebook: Kernel, sandbox: Sandbox) -> None:
    for number in range(5):
        notebook.run(f"{ASK}Question {number}", cell_id=f"cell-{number}")
    assert notebook.run("%qwen compact", cell_id="compact").status == "ok"
    notebook.run(ASK + "Next", cell_id="next")
    asked = questions(sandbox)
    assert "Question 0" not in asked
    assert asked[-3:] == ["Question 3", "Question 4", "Next"]


def test_a_conversation_is_saved_and_loaded(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(ASK + "Remember this", cell_id="a")
    assert notebook.run("%qwen save chat.json", cell_id="b").status == "ok"
    assert sandbox.key not in (notebook.folder / "chat.json").read_text(encoding="utf-8")
    notebook.run("%qwen reset", cell_id="c")
    assert notebook.run("%qwen load chat.json", cell_id="d").status == "ok"
    notebook.run(ASK + "Next", cell_id="e")
    assert questions(sandbox) == ["Remember this", "Next"]
    for name in ("chat.md", "chat.html"):
        assert notebook.run(f"%qwen export {name}").status == "ok"
        assert "Remember this" in (notebook.folder / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("file", ["'my chat.json'", '"my chat.json"', "./chat.json"])
def test_files_and_names_with_spaces_go_in_quotes(notebook: Kernel, sandbox: Sandbox, file: str) -> None:
    notebook.run(ASK + "One", cell_id="a")
    assert "-c 'my side'" in notebook.run("%qwen fork 'my side'", cell_id="b").text
    assert notebook.run(f"%qwen save {file} 'my side'", cell_id="c").status == "ok"
    assert notebook.run("%qwen rename 'my side' \"b c\"", cell_id="d").status == "ok"
    assert notebook.run(f"%qwen load {file} 'd e'", cell_id="e").status == "ok"
    assert notebook.run("%qwen export 'my export.md' 'd e'", cell_id="f").status == "ok"
    assert "One" in (notebook.folder / "my export.md").read_text(encoding="utf-8")
    assert "One" in notebook.run("%qwen show 'b c'", cell_id="g").text
    assert len(sandbox.requests) == 1


def test_a_system_prompt_may_stand_in_quotes(notebook: Kernel) -> None:
    assert "'default': Be  brief" in notebook.run("%qwen system 'Be  brief'").text
    assert 'You\'re "it"' in notebook.run('%qwen system You\'re "it"').text
    assert "'default': none" in notebook.run("%qwen system 'none'").text


def test_what_is_no_saved_conversation_is_not_overwritten(notebook: Kernel) -> None:
    notebook.run(ASK + "One", cell_id="a")
    for name in ("notes.ipynb", "locked.md"):
        (notebook.folder / name).write_text("mine", encoding="utf-8")
    (notebook.folder / "locked.md").chmod(0o444)
    assert "is no saved conversation. Take another name." in notebook.run("%qwen save notes.ipynb").error
    assert "locked.md cannot be written: It is read-only." in notebook.run("%qwen export locked.md").error
    for name in ("notes.ipynb", "locked.md"):
        assert (notebook.folder / name).read_text(encoding="utf-8") == "mine"
    for _ in range(2):
        assert notebook.run("%qwen save again.json").status == "ok"


def test_a_conversation_renamed_onto_itself_stays(notebook: Kernel) -> None:
    assert notebook.run("%qwen rename default default").status == "ok"
    assert notebook.run("%qwen show").status == "ok"


def test_a_restarted_kernel_goes_on_where_autosave_left_it(
    start_kernel: Callable[..., Kernel], sandbox: Sandbox
) -> None:
    kernel = start_kernel()
    kernel.use(sandbox.compatible_url, sandbox.key)
    kernel.run("%config QwenMagics.autosave = True")
    kernel.run(ASK + "Before the restart", cell_id="a")
    kernel.restart()
    kernel.use(sandbox.compatible_url, sandbox.key)
    resumed = kernel.run("%qwen resume")
    assert resumed.status == "ok", resumed.error
    kernel.run(ASK + "After it", cell_id="b")
    assert questions(sandbox) == ["Before the restart", "After it"]


def test_nothing_is_saved_by_itself_unless_it_is_wanted(notebook: Kernel) -> None:
    notebook.run(ASK + "Hello", cell_id="a")
    assert not (notebook.folder / ".qwen").exists()
    assert "autosave" in notebook.run("%qwen resume").error


def test_usage_counts_tokens_and_costs_at_the_persons_prices(fresh_kernel: Kernel, sandbox: Sandbox) -> None:
    notebook = fresh_kernel
    notebook.use(sandbox.compatible_url, sandbox.key)
    notebook.run(ASK + "Hello", cell_id="a")
    assert "cost" not in notebook.run("%qwen usage").text
    notebook.run("%config QwenMagics.prices = {'qwen-plus': (0.8, 2.0)}\n%config QwenMagics.currency = 'CNY'")
    priced = notebook.run("%qwen usage").text
    assert "cost CNY" in priced
    assert "qwen-plus" in priced


def test_a_context_over_the_window_leaves_out_whole_old_turns(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("import qwen_magic")
    for number in range(4):
        notebook.run(
            f"qwen_magic.ask('{number} ' + 'word ' * 8000, model='qwen-max', show=False)", cell_id=f"c{number}"
        )
    result = notebook.run("%%qwen -m qwen-max\nNext", cell_id="last")
    assert "left out" in shown(result)
    assert questions(sandbox)[-1] == "Next"
    assert len(questions(sandbox)) < 5


def test_questions_of_two_threads_lose_nothing(notebook: Kernel) -> None:
    result = notebook.run(
        "import qwen_magic, threading\n"
        "def ask(n):\n"
        "    qwen_magic.ask(f'sandbox: echo\\nthread {n}', show=False)\n"
        "threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]\n"
        "[thread.start() for thread in threads]\n"
        "[thread.join() for thread in threads]\n"
        "chat = qwen_magic.conversation()\n"
        "print(len(chat), sorted(turn.answer.text.strip() for turn in chat) == [f'thread {n}' for n in range(8)])"
    )
    assert result.text.strip() == "8 True", result.text


def test_a_conversation_of_ones_own_needs_no_cell(notebook: Kernel, sandbox: Sandbox, tmp_path: Path) -> None:
    review = (
        "from qwen_magic import Conversation, ask, chats\n"
        "review = Conversation('review', system='Answer in one sentence.')\n"
        "def talk():\n"
        "    for word in ('one', 'two'):\n"
        "        ask(word, chat=review, show=False)"
    )
    assert notebook.run(review, cell_id="a").status == "ok"
    for _ in range(2):
        assert notebook.run("talk()", cell_id="b").status == "ok"
    assert questions(sandbox) == ["one", "two", "one", "two"]
    assert b'"messages":[{"role":"system","content":"Answer in one sentence."}' in raw(sandbox)[-1]
    assert notebook.value("'review' in chats(), len(chats().get())") == (False, 0)
    path = str(tmp_path / "review.json")
    kept = f"review.undo(); review.save({path!r}); print(len(Conversation.load({path!r})))"
    assert notebook.run(kept, cell_id="c").text.strip() == "3"


def test_python_sums_up_forks_renames_and_drops_as_the_commands_do(notebook: Kernel, sandbox: Sandbox) -> None:
    for number in range(4):
        notebook.run(f"%%qwen -c review\nQuestion {number}", cell_id=f"q{number}")
    done = notebook.run(
        "from qwen_magic import chats, compact, conversation\n"
        "chats().fork('draft', 'review')\n"
        "chats().rename('draft', 'second')\n"
        "compact('second', show=False)\n"
        "chats().drop('review')\n"
        "print([chat.name for chat in chats()], any(turn.summary for turn in conversation('second')))",
        cell_id="python",
    )
    assert done.text.strip() == "['second'] True", done.text
