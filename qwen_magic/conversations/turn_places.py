"""The place of each question: counts the questions of each run, and keeps the places in the notebook's order.

The rule is in the docstring of the package, the order itself in `ordering`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .changes import Changes
from .ordering import NOWHERE, Place, Slots, arranged, end_of, insert, of_cells, until
from .turns import CellRef

__all__ = ["TurnPlaces"]


class TurnPlaces:
    """The places of one conversation. Every method except `arranging` is called inside its lock.

    `cell_order` returns the ids of the notebook's cells in their order, or nothing where the order is unknown.
    """

    def __init__(self, changes: Changes) -> None:
        self.cell_order: Callable[[], Sequence[str]] = tuple
        self._changes = changes
        self._cells: Sequence[str] = ()
        self._asked: dict[CellRef, int] = {}
        self._spared: dict[CellRef, int] = {}

    @contextmanager
    def arranging(self) -> Iterator[None]:
        """Inside the lock, with the places as the notebook's cells stand now. The order may be read from a file."""
        cells = self.cell_order()
        with self._changes.lock:
            # Where the order cannot be read any more, the last one stays.
            self._cells = cells or self._cells
            self._set(self.in_order(self._changes.state.slots))
            yield

    def in_order(self, slots: Slots) -> Slots:
        """These places as the notebook's cells stood when they were last asked for."""
        return arranged(slots, self._cells)

    def including(self, place: Place) -> Slots:
        """The conversation's places with this one among them."""
        return self.in_order(insert(self._changes.state.slots, place))

    def next(self, cell: CellRef | None) -> Place:
        """The place of the next question of this run of the cell; without a cell, a new one bound to none."""
        ref = cell if cell is not None and cell.id else NOWHERE
        number = self._asked.get(ref, 0)
        self._asked[ref] = number + 1
        return Place(ref.id, number)

    def give_back(self, place: Place, cell: CellRef) -> None:
        """Do not count the last question of this run, which kept nothing."""
        if self._asked.get(cell) == place.number + 1:
            self._asked[cell] = place.number

    def cleared(self, cell: CellRef | None) -> Slots:
        """The places that a command in this cell remembers, all empty."""
        if cell is None or not cell.id:
            return {}
        place = self.next(cell)
        return dict.fromkeys((*until(self.including(place), place), place))

    def spare(self, cell: CellRef | None) -> None:
        """Exempt the cell's present turns from the clean-up after its run."""
        if cell is not None:
            self._spared[cell] = end_of(self._changes.state.slots, cell.id)

    def left_over(self, cell: CellRef) -> list[Place]:
        """The places of turns that older runs left behind the last question of this one, which is over."""
        first = max(self._asked.get(cell, 0), self._spared.pop(cell, 0))
        return [place for place in of_cells(self._changes.state.slots, [cell.id]) if place.number >= first]

    def fork_into(self, copy: TurnPlaces, cell: CellRef | None) -> None:
        """Make `copy` the same; made in a cell, with what is before that cell, whose place is remembered here."""
        with self.arranging():
            copy.cell_order, copy._cells = self.cell_order, self._cells
            copy._asked = dict(self._asked)
            state = self._changes.state
            if cell is not None and cell.id:
                place = self.next(cell)
                self._set(self.including(place))
                state = state._replace(slots=until(self._changes.state.slots, place))
            copy._changes.state = state
            copy.spare(cell)

    def _set(self, slots: Slots) -> None:
        self._changes.state = self._changes.state._replace(slots=slots)
