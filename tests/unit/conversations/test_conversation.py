"""What a person sees of the notebook's conversation: places, undo, names, usage, several questions at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from qwen_magic.conversations import CellRef, Conversation, Conversations, Turn
from qwen_magic.conversations.joining import take_over
from qwen_magic.conversations.usage import Prices, by_model
from qwen_magic.core.answer import FAILED, STOPPED, Answer
from qwen_magic.core.errors import InputError
from qwen_magic.core.events import Usage
from qwen_magic.core.messages import Image, Message


def said(text: str, reason: str = "stop", model: str = "qwen-plus", asked: float = 0.0, **fields: Any) -> Turn:
    answer = Answer(f"re {text}", finish_reason=reason, usage=Usage(10, 5))
    return Turn(Message.user(text), answer, model, asked, **fields)


def ask(
    conversation: Conversation, text: str, cell: CellRef | None = None, reason: str = "stop", append: bool = False
) -> list[str]:
    """Asks and keeps; returns the questions that were sent before."""
    with conversation.begin(cell, append=append) as reserved:
        reserved.keep(said(text, reason))
        return [turn.question.text for turn in reserved.context]


def run(conversation: Conversation, cell: str, run_id: str, *texts: str, reason: str = "stop") -> list[list[str]]:
    """Runs a cell that asks these questions; returns what was sent before each."""
    ref = CellRef(cell, run_id)
    contexts = [ask(conversation, text, ref, reason) for text in texts]
    conversation.runs.end_run(ref, ok=reason not in (FAILED, STOPPED))
    return contexts


def texts(conversation: Conversation) -> list[str]:
    return [turn.question.text for turn in conversation]


@pytest.fixture
def three() -> Conversation:
    conversation = Conversation()
    for cell in "abc":
        run(conversation, cell, "1", cell)
    return conversation


# --- the order rule


def test_a_question_is_sent_the_turns_before_it(three: Conversation) -> None:
    assert ask(three, "d", CellRef("d", "1")) == ["a", "b", "c"]


def test_a_cell_run_again_is_sent_what_it_was_sent_before_and_replaces_its_turn(three: Conversation) -> None:
    assert run(three, "b", "2", "b again") == [["a"]]
    assert texts(three) == ["a", "b again", "c"]


def test_who_asks_again_is_told_what_is_replaced(three: Conversation) -> None:
    with three.begin(CellRef("b", "2")) as reserved:
        assert reserved.replaces is three.turns[1]
    with three.begin(CellRef("d", "1")) as reserved:
        assert reserved.replaces is None


def test_a_cell_that_asks_more_the_second_time_puts_it_behind_its_own(three: Conversation) -> None:
    assert run(three, "a", "2", "a", "a2", "a3") == [[], ["a"], ["a", "a2"]]
    assert texts(three) == ["a", "a2", "a3", "b", "c"]


def test_a_cell_that_asks_less_drops_what_is_left_over_once_it_ended_well() -> None:
    conversation = Conversation()
    run(conversation, "a", "1", "a1", "a2", "a3")
    run(conversation, "b", "1", "b")
    ask(conversation, "a1 again", CellRef("a", "2"))
    conversation.runs.end_run(CellRef("a", "2"), ok=False)
    assert texts(conversation) == ["a1 again", "a2", "a3", "b"]
    conversation.runs.end_run(CellRef("a", "2"), ok=True)
    assert texts(conversation) == ["a1 again", "b"]


def test_a_run_of_a_cell_that_only_just_asked_is_one_step_to_undo() -> None:
    conversation = Conversation()
    run(conversation, "a", "1", "a1", "a2")
    run(conversation, "a", "2", "new")
    assert texts(conversation) == ["new"]
    conversation.undo()
    assert texts(conversation) == ["a1", "a2"]


def test_a_cell_that_asks_nothing_any_more_has_no_turn(three: Conversation) -> None:
    three.runs.end_run(CellRef("b", "2"), ok=True)
    assert texts(three) == ["a", "c"]


@pytest.mark.parametrize("reason", [FAILED, STOPPED, "length"])
def test_a_broken_off_turn_is_kept_but_is_no_context(three: Conversation, reason: str) -> None:
    ask(three, "b", CellRef("b", "2"), reason)
    assert texts(three) == ["a", "b", "c"]
    assert not three.turns[1].complete
    assert ask(three, "d", CellRef("d", "1")) == ["a", "c"]
    three.undo(), three.undo()
    assert three.turns[1].complete


def test_the_second_question_of_a_run_does_not_see_the_old_answer_to_the_first() -> None:
    conversation = Conversation()
    run(conversation, "a", "1", "a1", "a2")
    first = conversation.begin(CellRef("a", "2"))
    second = conversation.begin(CellRef("a", "2"))
    assert first.context == second.context == ()


def test_a_deleted_cell_drops_its_turn_and_finds_its_old_position_when_it_comes_back(three: Conversation) -> None:
    three.runs.drop_cells(["b", "unknown"])
    assert texts(three) == ["a", "c"]
    assert run(three, "b", "2", "b pasted") == [["a"]]
    assert texts(three) == ["a", "b pasted", "c"]


def test_without_a_cell_turns_are_appended(three: Conversation) -> None:
    assert ask(three, "x") == ["a", "b", "c"]
    assert ask(three, "y", CellRef("", "9")) == ["a", "b", "c", "x"]
    three.runs.drop_cells([""])
    assert texts(three) == ["a", "b", "c", "x", "y"]


def test_append_asks_at_the_end_each_time_and_outlives_its_cell(three: Conversation) -> None:
    scratch = CellRef("a", "2")
    ask(three, "a", scratch)
    assert ask(three, "more", scratch, append=True) == ["a", "b", "c"]
    assert ask(three, "and more", CellRef("a", "3"), append=True) == ["a", "b", "c", "more"]
    three.runs.drop_cells("a")
    assert texts(three) == ["b", "c", "more", "and more"]
    assert three.turns[-1].cell == CellRef("a", "3")


def test_a_question_that_keeps_nothing_leaves_every_turn_as_it_was(three: Conversation) -> None:
    before = three.turns
    with three.begin(CellRef("d", "1")):
        pass
    three.begin().release()
    with pytest.raises(ZeroDivisionError), three.begin(CellRef("b", "2")):
        _ = 1 / 0
    assert three.turns == before
    run(three, "e", "1", "e")
    assert run(three, "d", "2", "d") == [["a", "b", "c"]]
    assert texts(three) == ["a", "b", "c", "d", "e"]


def test_a_refused_question_does_not_count(three: Conversation) -> None:
    cell = CellRef("b", "2")
    three.begin(cell).release()
    assert ask(three, "b again", cell) == ["a"]
    assert texts(three) == ["a", "b again", "c"]


def test_a_place_is_kept_or_released_once(three: Conversation) -> None:
    reserved = three.begin()
    reserved.keep(said("x"))
    reserved.release()
    with pytest.raises(RuntimeError):
        reserved.keep(said("y"))
    assert texts(three) == ["a", "b", "c", "x"]


def test_a_turn_that_was_stopped_can_be_gone_on_with_at_its_place(three: Conversation) -> None:
    ask(three, "b", CellRef("b", "2"), STOPPED)
    with three.reopen(three.turns[1], CellRef("d", "1")) as reserved:
        assert [turn.question.text for turn in reserved.context] == ["a"]
        reserved.keep(said("b, whole"))
    three.runs.end_run(CellRef("d", "1"), ok=True)
    assert texts(three) == ["a", "b, whole", "c"]
    with pytest.raises(InputError, match="not in this conversation any more"):
        three.reopen(said("b"))


def test_going_on_in_the_very_cell_that_was_stopped_keeps_the_turn(three: Conversation) -> None:
    ask(three, "c", CellRef("c", "2"), STOPPED)
    again = CellRef("c", "3")
    three.reopen(three.turns[2], again).keep(said("c, whole"))
    three.runs.end_run(again, ok=True)
    assert texts(three) == ["a", "b", "c, whole"]


def test_going_on_and_giving_up_leaves_the_stopped_turn_where_it_is(three: Conversation) -> None:
    cell = CellRef("d", "1")
    ask(three, "d", cell, STOPPED)
    ask(three, "e", None, STOPPED)
    for turn in three.turns[3:]:
        three.reopen(turn).release()
    ask(three, "d2", cell)
    assert texts(three) == ["a", "b", "c", "d", "d2", "e"]


def test_a_summary_that_was_stopped_is_still_one_when_it_is_gone_on_with(three: Conversation) -> None:
    three.summarise(1).keep(said("Sum up", STOPPED))
    with three.reopen(three.turns[3]) as reserved:
        assert [turn.question.text for turn in reserved.context] == ["a", "b"]
        reserved.keep(said("Sum up"))
    assert ask(three, "d") == ["Sum up", "c"]


# --- what is sent


def test_the_system_prompt_comes_first_and_the_reasoning_travels_along() -> None:
    conversation = Conversation(system="Be brief.")
    conversation.begin().keep(Turn(Message.user("Why?"), Answer("So.", "thinking")))
    assert conversation.messages() == (
        Message.system("Be brief."),
        Message.user("Why?"),
        Message.assistant("So.", "thinking"),
    )


def test_a_summary_is_sent_in_the_stead_of_what_it_sums_up() -> None:
    conversation = Conversation()
    pinned = Turn(Message.user("P"), Answer("re P"), pinned=True)
    conversation.begin(CellRef("p", "1")).keep(pinned)
    for cell in "abc":
        run(conversation, cell, "1", cell)
    with conversation.summarise(1, CellRef("s", "1")) as reserved:
        assert [turn.question.text for turn in reserved.context] == ["P", "a", "b"]
        assert reserved.keep(said("Sum up")).summary
    assert ask(conversation, "d", CellRef("d", "1")) == ["P", "Sum up", "c"]
    assert run(conversation, "b", "2", "b") == [["P", "a"]], "an earlier cell is sent what it was sent"
    with conversation.summarise(1) as reserved:
        assert [turn.question.text for turn in reserved.context] == ["P", "Sum up", "c"]
        reserved.keep(said("Sum up again"))
    assert ask(conversation, "e") == ["P", "Sum up again", "d"]
    conversation.undo(), conversation.undo(), conversation.undo(), conversation.undo(), conversation.undo()
    assert ask(conversation, "f") == ["P", "a", "b", "c"]


def test_there_must_be_something_to_sum_up(three: Conversation) -> None:
    with pytest.raises(InputError, match="nothing to sum up"):
        Conversation().summarise()
    with pytest.raises(InputError, match="nothing to sum up"):
        three.summarise(3)
    three.summarise(2, CellRef("s", "1")).keep(said("Sum up"))
    with pytest.raises(InputError, match="nothing to sum up"):
        three.summarise(2)
    assert texts(three) == ["a", "b", "c", "Sum up"]


# --- undo


def test_undo_takes_back_each_kind_of_change(three: Conversation) -> None:
    states = []

    def change(deed: Callable[..., Any], *arguments: Any) -> None:
        states.append((three.turns, three.system, three.model))
        deed(*arguments)

    change(run, three, "b", "2", "b again")
    change(ask, three, "x")
    change(ask, three, "a", CellRef("a", "3"), FAILED)
    change(three.runs.drop_cells, ["c"])
    change(setattr, three, "system", "Be brief.")
    change(setattr, three, "model", "qwen-max")
    change(take_over, three, Conversation("other", system="Other."), "the load")
    change(ask, three, "y")
    change(three.reset)
    for state in reversed(states):
        assert three.undo()
        assert (three.turns, three.system, three.model) == state


def test_what_a_cell_asks_no_more_goes_without_a_step_and_comes_back_with_the_change_before(
    three: Conversation,
) -> None:
    three.runs.end_run(CellRef("a", "2"), ok=True)
    assert texts(three) == ["b", "c"]
    assert three.undo() == "the question “c”"
    assert texts(three) == ["a", "b"]


def test_undo_does_not_take_back_that_a_cell_asks_no_more_once_another_has_asked(three: Conversation) -> None:
    three.runs.end_run(CellRef("a", "2"), ok=True)
    run(three, "d", "1", "d")
    assert three.undo() == "the question “d”"
    assert texts(three) == ["b", "c"]


def test_undo_says_what_it_took_back(three: Conversation) -> None:
    assert three.undo() == "the question “c”"
    three.runs.drop_cells("a")
    assert three.undo() == "the deleted cells' turns"


def test_undo_with_nothing_to_undo_says_so() -> None:
    with pytest.raises(InputError, match="nothing to undo in 'default'"):
        Conversation().undo()


def test_undo_said_in_the_cell_itself_outlives_the_run(three: Conversation) -> None:
    run(three, "c", "2", "c again")
    three.undo(CellRef("c", "3"))
    three.runs.end_run(CellRef("c", "3"), ok=True)
    assert texts(three) == ["a", "b", "c"]


def test_a_question_that_is_being_asked_while_others_undo_is_not_lost(three: Conversation) -> None:
    one, two = three.begin(), three.begin(CellRef("b", "2"))
    three.undo(), three.undo(), three.undo()
    three.reset()
    two.keep(said("b again")), one.keep(said("x"))
    assert sorted(texts(three)) == ["b again", "x"]


# --- several at once


def test_the_order_is_that_of_beginning_and_no_question_sees_an_unfinished_one(three: Conversation) -> None:
    first, second = three.begin(), three.begin()
    assert second.context == first.context
    second.keep(said("second"))
    assert [turn.question.text for turn in three.begin().context] == ["a", "b", "c", "second"]
    first.keep(said("first"))
    assert texts(three) == ["a", "b", "c", "first", "second"]


def test_many_threads_lose_no_turn_and_every_cell_keeps_its_order() -> None:
    conversation = Conversation()
    start = threading.Barrier(8)

    def cell(number: int) -> None:
        start.wait()
        for question in range(20):
            before = ask(conversation, f"{number}.{question}", CellRef(f"cell {number}", "1"))
            assert [text for text in before if text.startswith(f"{number}.")] == [
                f"{number}.{earlier}" for earlier in range(question)
            ]
            ask(conversation, f"end {number}.{question}")
            conversation.begin(CellRef(f"cell {number}", "1")).release()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(cell, range(8)))
    assert len(conversation) == 8 * 20 * 2
    asked = [text for text in texts(conversation) if not text.startswith("end")]
    for number in range(8):
        own = [f"{number}.{question}" for question in range(20)]
        at = asked.index(own[0])
        assert asked[at : at + 20] == own


def test_those_who_observe_are_told_after_each_change_outside_the_lock(three: Conversation) -> None:
    seen: list[int] = []

    def told(conversation: Conversation) -> None:
        with ThreadPoolExecutor(1) as other_thread:
            seen.append(other_thread.submit(len, conversation).result(timeout=10))
            other_thread.submit(conversation.begin().release).result(timeout=10)

    stop = three.observe(told)
    ask(three, "d")
    three.begin().release()
    three.runs.drop_cells("a")
    three.runs.drop_cells("a")
    three.undo()
    three.reset()
    stop()
    stop()
    ask(three, "e")
    assert seen == [4, 3, 4, 0]


# --- by name


def test_conversations_are_made_when_asked_and_found_by_name() -> None:
    conversations = Conversations()
    review = conversations.get("review")
    assert conversations.find("review") is conversations.get("review") is review
    assert conversations.find() is conversations.get("default")
    assert [each.name for each in conversations] == ["review", "default"]
    assert "review" in conversations
    assert "other" not in conversations


def test_an_unknown_conversation_gets_one_line_with_the_nearest_names() -> None:
    conversations = Conversations()
    with pytest.raises(InputError, match=r"no conversation 'x'\. There is none yet: ask one with -c NAME"):
        conversations.find("x")
    conversations.get("Review"), conversations.get("数据")
    with pytest.raises(InputError, match="Did you mean Review"):
        conversations.find("revew")
    with pytest.raises(InputError, match="There are: Review, 数据"):
        conversations.find("nothing like it")


@pytest.mark.parametrize("name", ["a", "my review", "v1.2_x-3", "数据分析", "Größe", "हिन्दी", "x" * 64])
def test_names_are_of_any_script(name: str) -> None:
    assert Conversations().get(name).name == name


@pytest.mark.parametrize("name", ["", " a", "a ", "-a", "a/b", "a  b", "a\nb", "<b>", "x" * 65, "😀", "a\u202eb"])
def test_a_name_with_odd_characters_gets_one_clear_line(name: str) -> None:
    with pytest.raises(InputError, match="cannot be the name of a conversation") as caught:
        Conversations().get(name)
    assert "\n" not in str(caught.value)


def test_a_composed_and_a_decomposed_letter_are_the_same_name() -> None:
    conversations = Conversations()
    assert conversations.get("Gro\u0308ße") is conversations.get("Größe")


def test_a_fork_goes_its_own_way() -> None:
    conversations = Conversations()
    main = conversations.get()
    main.system, main.model = "Be brief.", "qwen-max"
    ask(main, "a")
    fork = conversations.fork("other")
    ask(fork, "b")
    ask(main, "c")
    assert (texts(main), texts(fork)) == (["a", "c"], ["a", "b"])
    assert (fork.system, fork.model) == ("Be brief.", "qwen-max")
    with pytest.raises(InputError, match="'other' already"):
        conversations.fork("other")
    with pytest.raises(InputError, match="'default' already"):
        conversations.fork("default")
    with pytest.raises(InputError, match="no conversation 'nobody'"):
        conversations.fork("new", "nobody")
    assert texts(main.fork("plain")) == ["a", "c"]


def test_a_cell_that_forks_may_be_run_again_and_forks_what_is_before_it() -> None:
    conversations = Conversations()
    main = conversations.get()
    run(main, "a", "1", "a")
    conversations.fork("other", cell=CellRef("f", "1"))
    run(conversations.get("other"), "x", "1", "x")
    run(main, "b", "1", "b")
    fork = conversations.fork("other", cell=CellRef("f", "2"))
    conversations.end_run(CellRef("f", "2"), ok=True)
    assert texts(fork) == ["a"]
    assert fork.undo() == "the fork"
    assert texts(fork) == ["a", "x"]


def test_conversations_are_renamed_and_dropped() -> None:
    conversations = Conversations()
    ask(conversations.get("a"), "question")
    conversations.get("b")
    assert conversations.rename("a", "c").name == "c"
    assert [each.name for each in conversations] == ["c", "b"]
    with pytest.raises(InputError, match="'b' already"):
        conversations.rename("c", "b")
    conversations.drop("c")
    with pytest.raises(InputError, match="no conversation 'c'"):
        conversations.drop("c")
    assert [(row.conversation, row.usage) for row in conversations.usage()] == [("c (dropped)", Usage(10, 5))]


def test_the_end_of_a_run_and_deleted_cells_concern_every_conversation() -> None:
    conversations = Conversations()
    for name in ("a", "b"):
        run(conversations.get(name), "cell", "1", "one", "two")
        run(conversations.get(name), "gone", "1", "three")
    conversations.drop_cells(["gone"])
    ask(conversations.get("a"), "new", CellRef("cell", "2"))
    conversations.end_run(CellRef("cell", "2"), ok=True)
    assert texts(conversations.get("a")) == ["new"]
    assert texts(conversations.get("b")) == []


def test_two_shells_share_nothing() -> None:
    one, other = Conversations(), Conversations()
    ask(one.get(), "a")
    assert len(other.get()) == 0


# --- what was spent


def test_what_was_spent_stays_spent_whatever_is_replaced(three: Conversation) -> None:
    three.reset()
    three.spending.count("qwen-plus", Usage(1, 1))
    three.spending.count("other", None)
    first, second = three.spending.rows("default")
    assert (first.model, first.questions, first.usage) == ("qwen-plus", 4, Usage(31, 16))
    assert (second.model, second.questions, second.usage) == ("other", 1, Usage())


def test_cost_is_shown_only_where_the_user_named_a_price() -> None:
    conversations = Conversations()
    for name, model in [("a", "qwen-plus-2025-07-28"), ("b", "qwen-plus-2025-07-28"), ("b", "unknown")]:
        conversations.get(name).spending.count(model, Usage(2_000_000, 1_000_000))
    assert all(row.cost is None for row in conversations.usage())
    rows = conversations.usage(Prices({"qwen-plus": (0.5, 2.0)}, "CNY"))
    assert [(row.conversation, row.cost) for row in rows] == [("a", 3.0), ("b", 3.0), ("b", None)]
    assert [(row.model, row.cost, row.questions) for row in by_model(rows)] == [
        ("qwen-plus-2025-07-28", 6.0, 2),
        ("unknown", None, 1),
    ]


# --- from Python


def test_a_conversation_shows_counts_and_never_contents() -> None:
    conversation = Conversation("review", model="qwen-vl-plus")
    picture = Image("data:image/png;base64,c2VjcmV0", "plot.png")
    conversation.begin().keep(Turn(Message.user("secret", picture), Answer("x", usage=Usage(1000, 234)), asked=5.0))
    ask(conversation, "secret", reason=STOPPED)
    assert repr(conversation) == "<Conversation 'review': 2 turns, 1,249 tokens, 1 not finished, qwen-vl-plus>"
    assert conversation.last_used == 5.0
    assert Conversation().last_used is None
    assert "c2Vj" not in repr(conversation.turns)
    assert Conversation(), "an empty conversation is still one"
    assert repr(Conversations()) == "<Conversations: none yet>"


def test_the_first_words_of_a_question_name_it() -> None:
    assert said("  a\nb ").title == "“a b”"
    assert said("x" * 80).title == f"“{'x' * 49}…”"
