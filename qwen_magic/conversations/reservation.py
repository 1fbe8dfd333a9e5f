"""The places of questions that are being asked: reserved when a question begins, kept or released at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from ..core.errors import InputError
from ..core.translatable import _
from .changes import Changes
from .ordering import Place, before, remove
from .turn_places import TurnPlaces
from .turns import CellRef, Turn, in_context, split

__all__ = ["Reservation", "Reservations"]


class Reservation:
    """The context of a question that is being asked, and the place of its turn.

    `context` is the complete turns to send, `replaces` the turn that is at the place now. As a context manager it
    releases the place at the end, unless the turn was kept.
    """

    def __init__(
        self,
        owner: Reservations,
        place: Place,
        cell: CellRef | None,
        context: tuple[Turn, ...],
        replaces: Turn | None,
        keeps: int | None = None,
    ) -> None:
        self.place = place
        self.cell = cell
        self.context = context
        self.replaces = replaces
        # For the place of a summary: how many turns stay beside it.
        self.keeps = keeps
        # Whether the place existed before, and its turn is continued.
        self.reopened = False
        self.open = True
        self._owner = owner

    def keep(self, turn: Turn) -> Turn:
        """Puts the turn at its place, complete or not; returns it as it is kept, with its cell."""
        self._close()
        turn = replace(turn, cell=self.cell)
        if self.keeps is not None:
            turn = replace(turn, summary=True, keeps=self.keeps)
        self._owner.keep(self, turn)
        return turn

    def release(self) -> None:
        """Keeps nothing: every turn is as it was. No effect after `keep`."""
        if self.open:
            self._close()
            self._owner.release(self)

    def _close(self) -> None:
        if not self.open:
            raise RuntimeError("This place was kept or released already.")
        self.open = False

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


class Reservations:
    """Reserves places in one conversation, from any thread. `kept` is called with each turn that is kept."""

    def __init__(self, changes: Changes, places: TurnPlaces, kept: Callable[[Turn], None]) -> None:
        self._changes = changes
        self._places = places
        self._kept = kept

    def begin(self, cell: CellRef | None, append: bool) -> Reservation:
        """The place of the next question of this run of the cell; with `append` (or no cell) a new one at the end."""
        with self._places.arranging():
            if append:
                self._places.spare(cell)
            return self._reserve(self._places.next(None if append else cell), cell)

    def reopen(self, turn: Turn, cell: CellRef | None) -> Reservation:
        """The place of a turn that is there already. Raises `InputError` when it is not there any more."""
        with self._places.arranging():
            place = next((place for place, other in self._changes.state.slots.items() if other is turn), None)
            if place is None:
                raise InputError(_("The question {title} is not in this conversation any more.", title=turn.title))
            self._places.spare(cell)
            reserved = self._reserve(place, turn.cell, turn.keeps if turn.summary else None)
            reserved.reopened = True
            return reserved

    def summarise(self, name: str, keeps: int, cell: CellRef | None) -> Reservation:
        """The place of a summary of all but the last `keeps` turns of the conversation called `name`.

        Raises `InputError` when that is nothing.
        """
        with self._places.arranging():
            reserved = self._reserve(self._places.next(cell), cell, keeps)
            if all(turn.summary or turn.pinned for turn in reserved.context):
                reserved.release()
                raise InputError(
                    _("There is nothing to sum up in {name!r} yet.", name=name),
                    _("The last {keeps} turns are kept as they are, and so are the pinned ones.", keeps=keeps),
                )
            return reserved

    def keep(self, reserved: Reservation, turn: Turn) -> None:
        """Puts the turn at the reserved place, as one undo step."""
        changes = self._changes
        with changes.changing():
            changes.state = changes.state._replace(slots=self._places.including(reserved.place))
            slots = {**changes.state.slots, reserved.place: turn}
            changes.step(
                _("the question {title}", title=turn.title), reserved.cell, changes.state._replace(slots=slots)
            )
            self._kept(turn)

    def release(self, reserved: Reservation) -> None:
        """Releases the place without a turn: the place of a cell stays, empty; one of no cell is removed."""
        changes, place = self._changes, reserved.place
        with changes.lock:
            if reserved.reopened:
                return
            if not place.cell:
                changes.state = changes.state._replace(slots=remove(changes.state.slots, [place]))
            elif reserved.cell is not None:
                self._places.give_back(place, reserved.cell)

    def _reserve(self, place: Place, cell: CellRef | None, keeps: int | None = None) -> Reservation:
        slots = self._places.including(place)
        self._changes.state = self._changes.state._replace(slots=slots)
        context = in_context(before(slots, place, cell.run if cell else ""))
        if keeps is not None:
            context, _ = split(context, keeps)
        return Reservation(self, place, cell, context, slots[place], keeps)
