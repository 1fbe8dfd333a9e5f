"""The order rule, held against a simple model of it, and its promise: a notebook run twice asks the same twice."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qwen_magic.conversations import CellRef, Conversation, Conversations, Turn
from qwen_magic.conversations.joining import take_over
from qwen_magic.core.answer import Answer
from qwen_magic.core.errors import InputError
from qwen_magic.core.messages import Message

CELLS = st.sampled_from("abcd")
OUTCOMES = st.sampled_from(["stop", "stop", "stop", "failed", "stopped", "released"])


def said(text: str, reason: str = "stop") -> Turn:
    return Turn(Message.user(text), Answer(f"re {text}", finish_reason=reason))


class Model:
    """The rule in lists: places in their order, and what is at them as (text, complete, run)."""

    def __init__(self) -> None:
        self.order: list[tuple[str, int]] = []
        self.at: dict[tuple[str, int], tuple[str, bool, str]] = {}
        self.undoable: list[tuple[list[Any], dict[Any, Any]]] = []
        self.ends = 0

    def place(self, cell: str, number: int) -> tuple[str, int]:
        key = (cell, number)
        if key not in self.order:
            own = [index for index, other in enumerate(self.order) if other[0] == cell]
            self.order.insert(own[-1] + 1 if own else len(self.order), key)
        return key

    def end(self) -> tuple[str, int]:
        self.ends += 1
        self.order.append(("", self.ends))
        return self.order[-1]

    def context(self, key: tuple[str, int], run: str) -> list[str]:
        before = self.order[: self.order.index(key)]
        turns = [(other, self.at[other]) for other in before if other in self.at]
        return [
            text
            for other, (text, complete, of_run) in turns
            if complete and (other[0] != key[0] or not key[0] or of_run == run)
        ]

    def remember(self) -> None:
        self.undoable.append((list(self.order), dict(self.at)))

    def drop(self, keys: list[tuple[str, int]]) -> None:
        for key in keys:
            self.at.pop(key, None)

    def undo(self) -> None:
        newer = self.order
        self.order, self.at = self.undoable.pop()
        for key in newer:
            if key[0]:
                self.place(*key)

    def texts(self) -> list[str]:
        return [self.at[key][0] for key in self.order if key in self.at]


class ConversationMachine(RuleBasedStateMachine):
    """Runs, runs again, failures, deletions, appends, undo and reset, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation = Conversation()
        self.model = Model()
        self.counter = 0

    def new(self, what: str) -> str:
        self.counter += 1
        return f"{what}{self.counter}"

    @rule(cell=CELLS, outcomes=st.lists(OUTCOMES, max_size=3), ok=st.booleans())
    def run_cell(self, cell: str, outcomes: list[str], ok: bool) -> None:
        run = self.new("run")
        number = 0
        for outcome in outcomes:
            key = self.model.place(cell, number)
            with self.conversation.begin(CellRef(cell, run)) as reserved:
                assert [turn.question.text for turn in reserved.context] == self.model.context(key, run)
                if outcome == "released":
                    continue
                text = self.new("question")
                reserved.keep(said(text, outcome))
            self.model.remember()
            self.model.at[key] = (text, outcome == "stop", run)
            number += 1
        self.conversation.runs.end_run(CellRef(cell, run), ok)
        if ok:
            self.model.drop([key for key in self.model.order if key[0] == cell and key[1] >= number])

    @rule(cell=st.none() | CELLS, complete=st.booleans())
    def append(self, cell: str | None, complete: bool) -> None:
        run, text = self.new("run"), self.new("question")
        key = self.model.end()
        with self.conversation.begin(CellRef(cell, run) if cell else None, append=True) as reserved:
            assert [turn.question.text for turn in reserved.context] == self.model.context(key, run)
            reserved.keep(said(text, "stop" if complete else "failed"))
        self.model.remember()
        self.model.at[key] = (text, complete, run)

    @rule(cells=st.sets(CELLS))
    def delete_cells(self, cells: set[str]) -> None:
        self.conversation.runs.drop_cells(cells)
        keys = [key for key in self.model.at if key[0] in cells]
        if keys:
            self.model.remember()
        self.model.drop(keys)

    @precondition(lambda self: self.model.undoable)
    @rule()
    def undo(self) -> None:
        self.conversation.undo()
        self.model.undo()

    @rule()
    def reset(self) -> None:
        self.conversation.reset()
        self.model.remember()
        self.model.order, self.model.at = [], {}

    @invariant()
    def the_turns_are_those_of_the_model(self) -> None:
        assert [turn.question.text for turn in self.conversation] == self.model.texts()

    @invariant()
    def the_context_never_has_a_question_without_an_answer(self) -> None:
        assert all(turn.complete for turn in self.conversation.context)


TestConversation = ConversationMachine.TestCase
TestConversation.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)


# --- a notebook run twice

Notebook = list[tuple[list[tuple[str, str, Any]], bool]]

NAMES = st.sampled_from(["default", "review"])
QUESTIONS = st.one_of(
    st.tuples(st.just("ask"), NAMES, OUTCOMES),
    st.tuples(st.just("ask"), NAMES, OUTCOMES),
    st.tuples(st.just("summarise"), NAMES, st.integers(0, 2)),
)
COMMANDS = st.one_of(
    st.tuples(st.just("undo"), NAMES, st.none()),
    st.tuples(st.just("reset"), NAMES, st.none()),
    st.tuples(st.just("fork"), st.just("review"), st.just("default")),
    st.tuples(st.just("load"), NAMES, st.none()),
)


def notebooks(deeds: st.SearchStrategy[Any]) -> st.SearchStrategy[Notebook]:
    return st.lists(st.tuples(st.lists(deeds, max_size=3), st.booleans()), max_size=7)


def saved() -> Conversation:
    conversation = Conversation()
    conversation.begin().keep(said("loaded"))
    conversation.begin(CellRef("cell 1", "before the restart")).keep(said("loaded for cell 1"))
    return conversation


class Shell:
    """Does what a notebook's cells say, and notes every context that is sent; an error leaves the cell."""

    def __init__(self) -> None:
        self.conversations = Conversations()
        self.sent: list[list[str]] = []

    def run_all(self, notebook: Notebook, run: str) -> list[list[list[str]]]:
        return [self.run_cell(notebook, index, f"{run}.{index}") for index in range(len(notebook))]

    def run_cell(self, notebook: Notebook, index: int, run: str) -> list[list[str]]:
        self.sent = []
        deeds, ok = notebook[index]
        cell = CellRef(f"cell {index}", run)
        for number, (deed, name, how) in enumerate(deeds):
            getattr(self, deed)(name, how, cell, f"{index}.{number}")
        self.conversations.end_run(cell, ok)
        return self.sent

    def note(self, context: tuple[Turn, ...]) -> None:
        self.sent.append([turn.question.text for turn in context])

    def ask(self, name: str, outcome: str, cell: CellRef, text: str) -> None:
        with self.conversations.get(name).begin(cell) as reserved:
            self.note(reserved.context)
            if outcome != "released":
                reserved.keep(said(text, outcome))

    def summarise(self, name: str, keeps: int, cell: CellRef, text: str) -> None:
        with self.conversations.get(name).summarise(keeps, cell) as reserved:
            self.note(reserved.context)
            reserved.keep(said(text))

    def undo(self, name: str, _: None, cell: CellRef, text: str) -> None:
        self.conversations.get(name).undo(cell)

    def reset(self, name: str, _: None, cell: CellRef, text: str) -> None:
        self.conversations.get(name).reset(cell)

    def fork(self, new: str, source: str, cell: CellRef, text: str) -> None:
        self.conversations.fork(new, source, cell)

    def load(self, name: str, _: None, cell: CellRef, text: str) -> None:
        take_over(self.conversations.get(name), saved(), "the load", cell)


ASK, UNDO, LOAD = ("ask", "default", "stop"), ("undo", "default", None), ("load", "default", None)


@settings(max_examples=300, deadline=None)
@given(notebooks(QUESTIONS | COMMANDS))
# What the second cell loses at its end, as it was loaded for it, is not what the third cell's undo takes back.
@example([([ASK], False), ([], True), ([UNDO, ASK, LOAD], False)])
def test_a_notebook_run_twice_in_one_kernel_asks_the_same_twice(notebook: Notebook) -> None:
    shell = Shell()
    try:
        first = shell.run_all(notebook, "first")
    except InputError:
        return  # a notebook that does not run to its end
    assert shell.run_all(notebook, "second") == first
    assert shell.run_all(notebook, "third") == first


@settings(max_examples=300, deadline=None)
@given(notebooks(QUESTIONS), st.lists(st.integers(0, 6), max_size=8))
def test_a_cell_run_again_at_any_time_is_sent_what_it_was_sent_first(notebook: Notebook, again: list[int]) -> None:
    shell = Shell()
    try:
        first = shell.run_all(notebook, "first")
    except InputError:
        return
    for run, index in enumerate(index for index in again if index < len(notebook)):
        assert shell.run_cell(notebook, index, f"again {run}") == first[index]
    assert shell.run_all(notebook, "second") == first


# --- the order of the notebook's cells


@settings(max_examples=300, deadline=None)
@given(
    notebooks(QUESTIONS),
    st.lists(st.integers(0, 6), max_size=12),
    st.permutations(range(7)),
    st.sets(st.integers(0, 6)),
)
def test_where_the_order_is_known_running_all_asks_what_it_asks_after_a_restart(
    notebook: Notebook, before: list[int], order: list[int], saved_later: set[int]
) -> None:
    """Whatever ran before, in any order, also while some cells were not in the file yet."""
    rows = [index for index in order if index < len(notebook)]

    def run_all(shell: Shell, run: str) -> list[list[list[str]]]:
        return [shell.run_cell(notebook, index, f"{run}.{index}") for index in rows]

    restarted, lived_in = Shell(), Shell()
    lived_in.conversations.cell_order = lambda: [f"cell {index}" for index in rows if index not in saved_later]
    try:
        expected = run_all(restarted, "first")
        for number, index in enumerate(index for index in before if index < len(notebook)):
            lived_in.run_cell(notebook, index, f"before {number}")
    except InputError:
        return
    lived_in.conversations.cell_order = lambda: [f"cell {index}" for index in rows]
    assert run_all(lived_in, "all") == expected
    assert run_all(lived_in, "again") == expected
