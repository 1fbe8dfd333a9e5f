"""One conversation, as the user works with it: turns, system prompt, model, undo, forks, and files.

The mechanisms are in other modules: `changes` (state, undo, observers), `turn_places` and `ordering` (where a turn
stands), `reservation` (a question that is being asked), `cell_runs` (events of the notebook), `joining` (two
conversations), `context_window` (what fits the model), `serialization` and `exporting` (files), `usage` (tokens).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os import PathLike
from threading import Lock
from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.events import Usage
from ..core.forks import renewed_in_children
from ..core.messages import Message
from ..core.translatable import _
from .cell_runs import CellRuns
from .changes import Changes, State
from .ordering import Slots, insert, kept
from .reservation import Reservation, Reservations
from .turn_places import TurnPlaces
from .turns import CellRef, Turn, in_context
from .usage import Spending

if TYPE_CHECKING:
    from .serialization import Saved

__all__ = ["Conversation"]


class Conversation:
    """A conversation: `name`, the turns in their order, and, if they were set, a system prompt and a model.

    `len()` and iteration are over the turns, complete or not. All methods may be called from any thread. Every change
    can be undone by `undo` and is reported to observers. `runs` is for the notebook's events; `places`, `changes` and
    `spending` are for `Conversations`.
    """

    def __init__(self, name: str = "default", *, system: str | None = None, model: str | None = None) -> None:
        self.name = name
        # The new name of the conversation that had this name before.
        self.predecessor = ""
        # The cells that made this a fork: run again, they may make it anew.
        self.forked_in: frozenset[str] = frozenset()
        self.spending = Spending()
        self.changes = Changes(State({}, system, model))
        self.places = TurnPlaces(self.changes)
        self.runs = CellRuns(self.changes, self.places)
        self._reservations = Reservations(
            self.changes, self.places, lambda turn: self.spending.count(turn.model, turn.answer.usage)
        )
        # The one who saves last saves the newest.
        self._saving = Lock()
        renewed_in_children(self)

    def after_fork(self) -> None:
        """In a forked child: a new lock, since a thread of the parent may have been saving."""
        self._saving = Lock()

    # --- reading

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns in their order, complete or not."""
        return kept(self.changes.state.slots)

    @property
    def context(self) -> tuple[Turn, ...]:
        """The turns that would be sent with a question at the end."""
        return in_context(turn for turn in self.turns if turn.complete)

    def messages(self) -> tuple[Message, ...]:
        """The messages that would be sent before a question at the end, the system prompt first."""
        system = (Message.system(self.system),) if self.system else ()
        return (*system, *(message for turn in self.context for message in turn.messages))

    @property
    def usage(self) -> Usage:
        """The tokens that the present turns took, as the service counted them."""
        return sum((turn.answer.usage or Usage() for turn in self.turns), Usage())

    @property
    def last_used(self) -> float | None:
        """When the last question was asked, in seconds since 1970; `None` when there is none."""
        return max((turn.asked for turn in self.turns), default=None)

    def __len__(self) -> int:
        return len(self.turns)

    def __bool__(self) -> bool:
        """Always true, so that `conversation or other` does not pass over an empty one."""
        return True

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def __repr__(self) -> str:
        open_turns = sum(not turn.complete for turn in self.turns)
        facts = [f"{len(self)} turn{'s' * (len(self) != 1)}", f"{self.usage.total:,} tokens"]
        facts += [f"{open_turns} not finished"] if open_turns else []
        facts += [self.model] if self.model else []
        return f"<Conversation {self.name!r}: {', '.join(facts)}>"

    # --- asking

    def begin(self, cell: CellRef | None = None, *, append: bool = False) -> Reservation:
        """Reserves the place of the next question of this run of the cell.

        `append` (or no cell) takes a new place at the end. The reservation is kept or released by whoever asks.
        """
        return self._reservations.begin(cell, append)

    def reopen(self, turn: Turn, cell: CellRef | None = None) -> Reservation:
        """Reserves the place of a turn that is there already, to go on with its answer; `cell` is who goes on.

        Raises `InputError` when the turn is not there any more.
        """
        return self._reservations.reopen(turn, cell)

    def summarise(self, keeps: int = 2, cell: CellRef | None = None) -> Reservation:
        """Reserves the place of a summary of all but the last `keeps` turns; ask `context_window.SUMMARISE` there.

        The reservation's context is what is to be summed up. Raises `InputError` when that is nothing.
        """
        return self._reservations.summarise(self.name, keeps, cell)

    # --- changing

    @property
    def system(self) -> str | None:
        """The system prompt that every question is sent, if there is one."""
        return self.changes.state.system

    @system.setter
    def system(self, text: str | None) -> None:
        with self.changes.changing():
            self.changes.step(_("the system prompt"), None, self.changes.state._replace(system=text or None))

    @property
    def model(self) -> str | None:
        """The model that is asked here, if it is another than the shell's."""
        return self.changes.state.model

    @model.setter
    def model(self, name: str | None) -> None:
        with self.changes.changing():
            self.changes.step(_("the model"), None, self.changes.state._replace(model=name or None))

    def reset(self, cell: CellRef | None = None) -> None:
        """Forgets all turns; the system prompt and the model stay. `cell` is the cell that resets, if any."""
        with self.changes.changing(), self.places.arranging():
            state = self.changes.state._replace(slots=self.places.cleared(cell))
            self.changes.step(_("the reset"), cell, state)

    def undo(self, cell: CellRef | None = None) -> str:
        """Brings back what the last change replaced, and returns the description of that change.

        `cell` is the run of the cell that undoes, if any: turns of that cell which come back survive the end of its
        run. Questions that are being asked at the time keep their places. Raises `InputError` when there is nothing to
        undo.
        """
        with self.changes.changing():
            step = self.changes.last_step()
            if step is None:
                raise InputError(_("There is nothing to undo in {name!r}.", name=self.name))
            slots = step.before.slots
            for place in self.changes.state.slots:
                slots = insert(slots, place)
            self.changes.state = step.before._replace(slots=self.places.in_order(slots))
            self.places.spare(cell)
            return step.what

    def fork(self, name: str, cell: CellRef | None = None) -> Conversation:
        """A new conversation with the same turns; made in a cell, with those before that cell."""
        copy = Conversation(name)
        self.places.fork_into(copy.places, cell)
        if cell is not None and cell.id:
            copy.forked_in = frozenset({cell.id})
        return copy

    def observe(self, callback: Callable[[Conversation], None]) -> Callable[[], None]:
        """Calls `callback(conversation)` after each change, in the thread that made it, outside the lock.

        Returns a function that ends this. An exception of the callback is raised to the caller that made the change,
        which is kept.
        """
        return self.changes.observe(lambda: callback(self))

    # --- files

    def save(self, path: str | PathLike[str], *, contents: bool = False) -> None:
        """Writes the conversation into a file, in one piece or not at all; `contents` saves the pictures too.

        The format is described in `serialization`. Raises `InputError` when the file cannot be written.
        """
        from .serialization import save

        with self._saving:
            save(self.saved(), path, contents=contents)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Conversation:
        """The conversation that `save` wrote. Raises `InputError` when the file holds none."""
        from .serialization import load

        return cls.from_saved(load(path))

    def export(self, path: str | PathLike[str]) -> None:
        """Writes the transcript for people to read, as `.md` or as one `.html` page. Raises `InputError`."""
        from .exporting import export

        export(self.saved(), path)

    def transcript(self) -> str:
        """The transcript as markdown that is safe to show."""
        from .exporting import transcript

        return transcript(self.saved())

    def saved(self) -> Saved:
        """The conversation as a value, which does not change any more."""
        from .serialization import Saved

        with self.changes.lock:
            slots, system, model, _ = self.changes.state
            placed = tuple((place if place.cell else None, turn) for place, turn in slots.items() if turn is not None)
            return Saved(self.name, system, model, placed)

    @classmethod
    def from_saved(cls, saved: Saved) -> Conversation:
        """A conversation with what such a value holds."""
        conversation = cls(saved.name)
        slots: Slots = {place or conversation.places.next(None): turn for place, turn in saved.turns}
        conversation.changes.state = State(slots, saved.system, saved.model)
        return conversation
