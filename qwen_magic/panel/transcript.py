"""The entries of a panel: the turns of its conversation, and the questions that are being asked in the panel.

Every entry has a key that identifies it on the page, and a state that the page draws.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from ..conversations import Turn
from ..core.answer import Attached
from ..core.control_characters import one_line
from ..core.languages import translated
from ..rendering.answer_state import GrowingAnswer, heading_state, outcome_of
from ..rendering.mimebundle import round_blocks
from ..rendering.page_messages import GivenAttachment, ShownAttachment, TurnChange, TurnState
from ..rendering.page_words import in_all_languages
from ..rendering.parser import encodable
from ..rendering.views.protocol import Heading
from .saved_panel import blocks, foot, head, words

__all__ = ["Entry", "Transcript", "named"]

# The last turns, which are drawn before the panel is shown: more than a page shows at once.
DRAWN_AT_ONCE = 8


@dataclass(eq=False)
class Entry:
    """A turn of the conversation, or (without a `turn`) a question that is being asked, or was refused."""

    key: str
    state: TurnState
    turn: Turn | None = None
    replaces: Turn | None = None
    growing: GrowingAnswer | None = field(default=None, repr=False)

    @property
    def open(self) -> bool:
        """Whether it is being answered."""
        return bool(self.state["progress"]["phase"] != "done")

    def change(self, change: TurnChange) -> None:
        """Take over the fields that have changed."""
        cast("dict[str, Any]", self.state).update(change)

    def drawing(self) -> TurnChange:
        """The fields that take long to make, for a turn of a cell or an earlier one. Leaves `state` unchanged."""
        assert self.turn is not None
        answer = self.turn.answer
        return {
            "thinking": {"blocks": blocks(answer.thinking), "tail": "", "append": ""},
            "answer": {"blocks": [*round_blocks(answer), *blocks(answer.text)], "tail": "", "append": ""},
            "foot": foot(answer),
            "drawn": True,
        }


class Transcript:
    """The entries in their order; the last `at_once` are drawn (`None`: all). For one thread at a time."""

    def __init__(self, turns: Iterable[Turn], at_once: int | None = DRAWN_AT_ONCE) -> None:
        self._entries = [_kept(turn) for turn in turns]
        for entry in self.undrawn[:at_once]:
            entry.change(entry.drawing())

    def __iter__(self) -> Any:
        return iter(self._entries)

    @property
    def order(self) -> list[str]:
        return [entry.key for entry in self._entries]

    @property
    def states(self) -> dict[str, TurnState]:
        return {entry.key: entry.state for entry in self._entries}

    @property
    def undrawn(self) -> list[Entry]:
        """The turns that have yet to be drawn, the latest first."""
        return [entry for entry in reversed(self._entries) if not entry.state["drawn"]]

    def find(self, key: str) -> Entry | None:
        return next((entry for entry in self._entries if entry.key == key), None)

    def ask(self, key: str, question: str, given: list[GivenAttachment], again: Entry | None) -> Entry:
        """Add a question that is being asked, at the end or in the place of `again`; `given` are its attachments."""
        growing = GrowingAnswer()
        state = _asked(question, given, growing)
        state["cell_is_older"] = again is not None and (again.state["in_cell"] or again.state["cell_is_older"])
        entry = Entry(key, state, None, again.turn if again else None, growing)
        at = self._entries.index(again) if again else len(self._entries)
        self._entries[at : at + (again is not None)] = [entry]
        # Earlier refusals have been read by now.
        self._entries = [each for each in self._entries if each is entry or each.turn is not None or each.open]
        return entry

    def follow(self, turns: Iterable[Turn]) -> list[Entry]:
        """Take over the turns of the conversation, as they are now; returns the entries that are new."""
        known = {id(entry.turn): entry for entry in self._entries if entry.turn is not None}
        waiting = [entry for entry in self._entries if entry.turn is None]
        entries, new = [], []
        for turn in turns:
            entry = known.get(id(turn)) or _taken(waiting, lambda each, turn=turn: each.replaces is turn)
            if entry is None:
                entry = _taken(waiting, lambda each, turn=turn: _asked_here(each, turn))
                if entry is None:
                    new.append(entry := _kept(turn))
                    entry.change(entry.drawing())
                else:
                    entry.turn = turn
            entries.append(entry)
        self._entries = [*entries, *waiting]
        return new


def _taken(entries: list[Entry], fits: Any) -> Entry | None:
    """The first entry that fits, taken out of the list."""
    found = next(filter(fits, entries), None)
    if found is not None:
        entries.remove(found)
    return found


def _asked_here(entry: Entry, turn: Turn) -> bool:
    """Whether a turn that was just kept belongs to this question of the panel."""
    cell = entry.replaces.cell if entry.replaces else None
    return entry.open and turn.cell == cell and words(turn.question) == entry.state["question"]


def _asked(question: str, given: list[GivenAttachment], growing: GrowingAnswer) -> TurnState:
    """The state of a new question, before its answer begins."""
    return {
        **growing.state,
        "question": question,
        "attachments": [{"name": each["name"], "note": ""} for each in given],
        "given": given,
        "heading": heading_state(Heading("")),
        "head": "",
        "foot": in_all_languages(""),
        "text": "",
        "error": None,
        "drawn": True,
        "in_cell": False,
        "cell_is_older": False,
    }


def _kept(turn: Turn) -> Entry:
    """The entry of a turn that was asked in a cell, or earlier; it is not drawn yet."""
    answer = turn.answer
    state: TurnState = {
        "question": words(turn.question),
        "attachments": named(answer.attachments),
        "heading": heading_state(Heading(answer.model or turn.model, answer.endpoint, notes=answer.notes)),
        "thinking": {"blocks": [], "tail": "", "append": ""},
        "answer": {"blocks": [], "tail": "", "append": ""},
        "progress": {
            "phase": "done",
            "seconds": answer.seconds,
            "thought": 0,
            "notice": None,
            "outcome": outcome_of(answer),
        },
        "head": head(words(turn.question)),
        "foot": in_all_languages(""),
        "text": encodable(answer.text),
        "in_cell": turn.cell is not None,
        "given": [_snapshot(attached) for attached in answer.attachments],
        "error": None,
        "drawn": False,
        "cell_is_older": False,
    }
    return Entry(uuid.uuid4().hex, state, turn)


def _snapshot(attached: Attached) -> GivenAttachment:
    """An earlier attachment, to be attached again unchanged; the page returns it as it is."""
    return {"kind": "snapshot", "value": attached.sha256, "name": one_line(attached.name)}


def named(attachments: Iterable[Attached]) -> list[ShownAttachment]:
    return [{"name": one_line(attached.name), "note": one_line(translated(attached.facts))} for attached in attachments]
