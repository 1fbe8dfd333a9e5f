"""One conversation, alive: it is asked, changed, undone and followed, also from several threads at once.

The order of turns is in `ordering`, what fits the model in `context_window`, files in `serialization` and `exporting`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from threading import Lock, RLock
from typing import TYPE_CHECKING, NamedTuple

from ..core.errors import InputError
from ..core.events import Usage
from ..core.forks import renewed_in_children
from ..core.messages import Message
from .ordering import NOWHERE, Place, Slots, arranged, before, end_of, insert, joined, kept, of_cells, remove, until
from .reservation import Reservation
from .turns import CellRef, Turn, in_context, split
from .usage import Spent

if TYPE_CHECKING:
    from .serialization import Saved

__all__ = ["Conversation"]

# Enough to take back an afternoon's mistake; each step holds the old order only, the turns are shared.
UNDO_STEPS = 100


class State(NamedTuple):
    """All that undo brings back."""

    slots: Slots
    system: str | None
    model: str | None
    restored: tuple[Saved, ...] = ()


class Step(NamedTuple):
    """What one change was, the run that made it, and what was there before."""

    what: str
    cell: CellRef | None
    before: State


class Conversation:
    """A conversation: `name`, the turns in their order, and, if they were set, a system prompt and a model.

    `len()` and iteration are over the turns, complete or not. All methods may be called from any thread. Every change
    is undone by `undo`, and those who `observe` are told of it.
    """

    def __init__(self, name: str = "default", *, system: str | None = None, model: str | None = None) -> None:
        self.name = name
        # Says the ids of the notebook's cells in their order; nothing where that is not known.
        self.cell_order: Callable[[], Sequence[str]] = tuple
        # What the conversation is called now that had this name before.
        self.predecessor = ""
        # The cells that made this a fork: run again, they may make it anew.
        self.forked_in: frozenset[str] = frozenset()
        self._lock = RLock()
        # The one who saves last saves the newest.
        self._saving = Lock()
        self._state = State({}, system, model)
        self._cells: Sequence[str] = ()
        self._history: deque[Step] = deque(maxlen=UNDO_STEPS)
        self._asked: dict[CellRef, int] = {}
        self._spared: dict[CellRef, int] = {}
        self._spent: dict[str, Spent] = {}
        self._observers: list[Callable[[Conversation], None]] = []
        renewed_in_children(self)

    def after_fork(self) -> None:
        """A forked child has a copy of its own, which nobody there follows."""
        self._lock, self._saving = RLock(), Lock()
        self._observers = []

    # --- reading

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns in their order, complete or not."""
        return kept(self._state.slots)

    @property
    def context(self) -> tuple[Turn, ...]:
        """The turns that a question at the end would be sent."""
        return in_context(turn for turn in self.turns if turn.complete)

    def messages(self) -> tuple[Message, ...]:
        """What a question at the end would be sent before its own words, the system prompt first."""
        system = (Message.system(self.system),) if self.system else ()
        return (*system, *(message for turn in self.context for message in turn.messages))

    @property
    def usage(self) -> Usage:
        """The tokens that the present turns took, as the service counted them."""
        return sum((turn.answer.usage or Usage() for turn in self.turns), Usage())

    @property
    def spent(self) -> tuple[Spent, ...]:
        """What was spent here in this kernel, a row for each model; also for turns that are gone."""
        with self._lock:
            return tuple(row._replace(conversation=self.name) for row in self._spent.values())

    @property
    def last_used(self) -> float | None:
        """When the last question was asked, in seconds since 1970; `None` when there is none."""
        return max((turn.asked for turn in self.turns), default=None)

    @property
    def restored(self) -> tuple[Saved, ...]:
        """What was restored here, and not undone."""
        return self._state.restored

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
        with self._arranging():
            if append:
                self._spare(cell)
            return self._reserve(self._next_place(None if append else cell), cell)

    def reopen(self, turn: Turn, cell: CellRef | None = None) -> Reservation:
        """Reserves the place of a turn that is there already, to go on with its answer; `cell` is who goes on.

        Raises `InputError` when the turn is not there any more.
        """
        with self._arranging():
            place = next((place for place, other in self._state.slots.items() if other is turn), None)
            if place is None:
                raise InputError(f"The question {turn.title} is not in this conversation any more.")
            self._spare(cell)
            reserved = self._reserve(place, turn.cell, turn.keeps if turn.summary else None)
            reserved.reopened = True
            return reserved

    def summarise(self, keeps: int = 2, cell: CellRef | None = None) -> Reservation:
        """Reserves the place of a summary of all but the last `keeps` turns; ask `budget.SUMMARISE` there.

        The reservation's context is what is to be summed up. Raises `InputError` when that is nothing.
        """
        with self._arranging():
            reserved = self._reserve(self._next_place(cell), cell, keeps)
            if all(turn.summary or turn.pinned for turn in reserved.context):
                reserved.release()
                raise InputError(
                    f"There is nothing to sum up in {self.name!r} yet.",
                    f"The last {keeps} turns are kept as they are, and so are the pinned ones.",
                )
            return reserved

    def spare(self, cell: CellRef | None) -> None:
        """What older runs of the cell asked stays, although this run does not ask it again."""
        with self._lock:
            self._spare(cell)

    def end_run(self, cell: CellRef, ok: bool) -> None:
        """The cell's run is over. If it ended well, what older runs left behind its last question goes.

        That is no step of its own: `undo` takes back what somebody did, and this goes back with it.
        """
        with self._changing():
            first = max(self._asked.get(cell, 0), self._spared.pop(cell, 0))
            left_over = [place for place in of_cells(self._state.slots, [cell.id]) if place.number >= first]
            if ok and left_over:
                self._state = self._emptied(left_over)

    def count(self, model: str, usage: Usage | None) -> None:
        """Adds a question to what was spent; `keep` does so by itself, a question asked alone is counted here."""
        with self._lock:
            self._spent[model] = self._spent.get(model, Spent(self.name, model)).plus(usage)

    # --- changing

    @property
    def system(self) -> str | None:
        """The system prompt that every question is sent, if there is one."""
        return self._state.system

    @system.setter
    def system(self, text: str | None) -> None:
        with self._changing():
            self._change("the system prompt", None, self._state._replace(system=text or None))

    @property
    def model(self) -> str | None:
        """The model that is asked here, if it is another than the shell's."""
        return self._state.model

    @model.setter
    def model(self, name: str | None) -> None:
        with self._changing():
            self._change("the model", None, self._state._replace(model=name or None))

    def reset(self, cell: CellRef | None = None) -> None:
        """Forgets all turns; the system prompt and the model stay. `cell` is where it was said, if in a cell."""
        with self._changing(), self._arranging():
            self._change("the reset", cell, self._state._replace(slots=self._cleared(cell)))

    def drop_cells(self, ids: Iterable[str]) -> None:
        """Drops the turns of deleted cells. A cell that comes back finds its old position."""
        with self._changing():
            if places := of_cells(self._state.slots, ids):
                self._change("the deleted cells' turns", None, self._emptied(places))

    def undo(self, cell: CellRef | None = None) -> str:
        """Brings back what the last change replaced, and says what that change was.

        `cell` is where it was said, if in a cell: what comes back to that very cell outlives its run. Questions that
        are being asked at the time keep their places. Raises `InputError` when there is nothing to undo.
        """
        with self._changing():
            if not self._history:
                raise InputError(f"There is nothing to undo in {self.name!r}.")
            step = self._history.pop()
            slots = step.before.slots
            for place in self._state.slots:
                slots = insert(slots, place)
            self._state = step.before._replace(slots=arranged(slots, self._cells))
            self._spare(cell)
            return step.what

    def fork(self, name: str, cell: CellRef | None = None) -> Conversation:
        """A new conversation with the same turns; made in a cell, with those before that cell."""
        with self._arranging():
            copy = Conversation(name)
            copy.cell_order, copy._cells = self.cell_order, self._cells
            copy._state = self._state
            copy._asked = dict(self._asked)
            if cell is not None and cell.id:
                copy._state = self._state._replace(slots=self._before_next(cell))
                copy.forked_in = frozenset({cell.id})
            copy._spare(cell)
            return copy

    def take_over(self, other: Conversation, what: str, cell: CellRef | None = None) -> None:
        """Replaces all by what `other` holds; `what` names the change for `undo`, `cell` is where it was said.

        A turn whose place is one that stays where it is, before that cell, is bound to no cell from now on.
        """
        with self._changing(), self._arranging():
            slots = self._cleared(cell)
            for place, turn in other._state.slots.items():
                own = place.cell and place not in slots
                slots[place if own else self._next_place(None)] = turn
            self._change(
                what, cell, State(arranged(slots, self._cells), other.system, other.model, self._state.restored)
            )
            self.forked_in |= other.forked_in
            self._spare(cell)

    def restore(self, saved: Saved, cell: CellRef | None = None) -> None:
        """Adds the turns that were saved, in front of those that are here.

        Where both have a turn of one place, the last one stays that is whole. `cell` is where it was said, if in a
        cell.
        """
        with self._changing(), self._arranging():
            here = set(self.turns)
            older: Slots = {
                place or self._next_place(None): turn for place, turn in saved.turns if place or turn not in here
            }
            slots = arranged(joined(older, self._state.slots), self._cells)
            restored = (*self._state.restored, saved)
            system, model = self.system or saved.system, self.model or saved.model
            self._change("the resume", cell, State(slots, system, model, restored))
            self._spare(cell)

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
        """The conversation as a value."""
        from .serialization import Saved

        with self._lock:
            slots, system, model, _ = self._state
            placed = tuple((place if place.cell else None, turn) for place, turn in slots.items() if turn is not None)
            return Saved(self.name, system, model, placed)

    @classmethod
    def from_saved(cls, saved: Saved) -> Conversation:
        conversation = cls(saved.name)
        slots: Slots = {place or conversation._next_place(None): turn for place, turn in saved.turns}
        conversation._state = State(slots, saved.system, saved.model)
        return conversation

    # --- following

    def observe(self, callback: Callable[[Conversation], None]) -> Callable[[], None]:
        """Calls `callback(conversation)` after each change, in the thread that made it, outside the lock.

        Returns a function that ends it. What the callback raises reaches whoever made the change, which stands.
        """
        with self._lock:
            self._observers.append(callback)

        def stop() -> None:
            with self._lock:
                if callback in self._observers:
                    self._observers.remove(callback)

        return stop

    # --- inside the lock

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One change: made inside the lock, told outside of it."""
        with self._lock:
            old = self._state
            yield
            observers = tuple(self._observers) if self._state is not old else ()
        for observer in observers:
            observer(self)

    @contextmanager
    def _arranging(self) -> Iterator[None]:
        """Inside the lock, with the places as the notebook's cells stand now. The order may be read from a file."""
        cells = self.cell_order()
        with self._lock:
            # Where the order is not known any more, the last one that was known stays.
            self._cells = cells or self._cells
            self._state = self._state._replace(slots=arranged(self._state.slots, self._cells))
            yield

    def _with(self, place: Place) -> Slots:
        """The places with this one among them."""
        return arranged(insert(self._state.slots, place), self._cells)

    def _change(self, what: str, cell: CellRef | None, state: State) -> None:
        self._history.append(Step(what, cell, self._state))
        self._state = state

    def _emptied(self, places: Iterable[Place]) -> State:
        """The state without the turns at these places."""
        return self._state._replace(slots={**self._state.slots, **dict.fromkeys(places)})

    def _next_place(self, cell: CellRef | None) -> Place:
        ref = cell if cell is not None and cell.id else NOWHERE
        number = self._asked.get(ref, 0)
        self._asked[ref] = number + 1
        return Place(ref.id, number)

    def _before_next(self, cell: CellRef) -> Slots:
        """All that is before the place of this command, which from now on is remembered."""
        place = self._next_place(cell)
        self._state = self._state._replace(slots=self._with(place))
        return until(self._state.slots, place)

    def _cleared(self, cell: CellRef | None) -> Slots:
        """The places that a command in this cell remembers, all empty."""
        if cell is None or not cell.id:
            return {}
        place = self._next_place(cell)
        return dict.fromkeys((*until(self._with(place), place), place))

    def _spare(self, cell: CellRef | None) -> None:
        """The cell's turns, as they are now, are not what an older run left."""
        if cell is not None:
            self._spared[cell] = end_of(self._state.slots, cell.id)

    def _reserve(self, place: Place, cell: CellRef | None, keeps: int | None = None) -> Reservation:
        slots = self._with(place)
        self._state = self._state._replace(slots=slots)
        context = in_context(before(slots, place, cell.run if cell else ""))
        if keeps is not None:
            context, _ = split(context, keeps)
        return Reservation(self, place, cell, context, slots[place], keeps)

    def keep(self, reserved: Reservation, turn: Turn) -> None:
        with self._changing():
            self._state = self._state._replace(slots=self._with(reserved.place))
            slots = {**self._state.slots, reserved.place: turn}
            self._change(f"the question {turn.title}", reserved.cell, self._state._replace(slots=slots))
            self.count(turn.model, turn.answer.usage)

    def release(self, reserved: Reservation) -> None:
        place, cell = reserved.place, reserved.cell
        with self._lock:
            if reserved.reopened:
                return
            if not place.cell:
                self._state = self._state._replace(slots=remove(self._state.slots, [place]))
            elif cell is not None and self._asked.get(cell) == place.number + 1:
                self._asked[cell] = place.number
