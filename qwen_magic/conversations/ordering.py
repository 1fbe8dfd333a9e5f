"""The order of places and the turns at them: pure functions on an ordered mapping that is never changed in place.

Every change is a new mapping, so undo and fork cost nothing. The rule itself is in the docstring of the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from operator import itemgetter
from typing import NamedTuple

from .turns import CellRef, Turn

__all__ = [
    "NOWHERE", "Place", "Slots", "arranged", "before", "end_of", "insert", "joined", "kept", "of_cells", "remove",
    "until",
]  # fmt: skip

# Questions without a cell are counted under this one; their places are bound to no cell.
NOWHERE = CellRef("", "")


class Place(NamedTuple):
    """The `number`-th question (from 0) of the cell with this id; without an id, a place of its own."""

    cell: str
    number: int


Slots = dict[Place, Turn | None]


def insert(slots: Slots, place: Place) -> Slots:
    """`slots` with `place` added: among the places of its cell by number, else at the end."""
    if place in slots:
        return slots
    order = list(slots)
    siblings = [other for other in order if other.cell == place.cell] if place.cell else []
    larger = next((other for other in siblings if other > place), None)
    if larger is not None:
        at = order.index(larger)
    elif siblings:
        at = order.index(siblings[-1]) + 1
    else:
        at = len(order)
    order.insert(at, place)
    return {other: slots.get(other) for other in order}


def arranged(slots: Slots, cells: Sequence[str]) -> Slots:
    """The places in the order of these cells of the notebook.

    A place of another cell, or of none, stays behind the place that it is behind.
    """
    rank = {cell: index for index, cell in enumerate(cells)}
    at, ranked = -1, []
    for place in slots:
        at = rank.get(place.cell, at)
        ranked.append((at, place))
    return {place: slots[place] for _, place in sorted(ranked, key=itemgetter(0))}


def joined(older: Slots, newer: Slots) -> Slots:
    """Both, the older places first. Where both have a turn at a place, the later complete one stays."""
    slots, cells = dict(older), {place.cell for place in older} - {NOWHERE.id}
    for place, turn in newer.items():
        if place.cell in cells:
            slots = insert(slots, place)
        old = slots.get(place)
        if old is None or (turn and (turn.complete, turn.asked) >= (old.complete, old.asked)):
            slots[place] = turn
    return slots


def remove(slots: Slots, places: Iterable[Place]) -> Slots:
    """The order without these places."""
    gone = set(places)
    return {place: turn for place, turn in slots.items() if place not in gone}


def until(slots: Slots, place: Place) -> Slots:
    """All that is before this place."""
    return {other: slots[other] for other in takewhile(lambda other: other != place, slots)}


def before(slots: Slots, place: Place, run: str) -> tuple[Turn, ...]:
    """The complete turns before this place; of its own cell, only those that this run asked."""
    return tuple(
        turn
        for other, turn in until(slots, place).items()
        if turn is not None
        and turn.complete
        and (not place.cell or other.cell != place.cell or (turn.cell is not None and turn.cell.run == run))
    )


def kept(slots: Slots) -> tuple[Turn, ...]:
    """All turns, in order, complete or not."""
    return tuple(turn for turn in slots.values() if turn is not None)


def of_cells(slots: Slots, cells: Iterable[str]) -> list[Place]:
    """The places of these cells that hold a turn."""
    wanted = set(cells) - {NOWHERE.id}
    return [place for place, turn in slots.items() if place.cell in wanted and turn is not None]


def end_of(slots: Slots, cell: str) -> int:
    """The number that comes after those of the cell's places."""
    return max((place.number + 1 for place in slots if place.cell == cell), default=0)
