"""Joins two conversations: one replaces the other, or the turns of a file are added to the present ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.translatable import _
from .changes import State
from .conversation import Conversation
from .ordering import Slots, joined
from .turns import CellRef

if TYPE_CHECKING:
    from .serialization import Saved

__all__ = ["restore", "take_over"]


def take_over(into: Conversation, other: Conversation, what: str, cell: CellRef | None = None) -> None:
    """Replaces the content of `into` by that of `other`; `what` describes the change for `undo`.

    `cell` is the run of the cell that does this, if any. A turn whose place stays where it is, before that cell, is
    bound to no cell from now on.
    """
    changes, places = into.changes, into.places
    with changes.changing(), places.arranging():
        slots = places.cleared(cell)
        for place, turn in other.changes.state.slots.items():
            own = place.cell and place not in slots
            slots[place if own else places.next(None)] = turn
        state = State(places.in_order(slots), other.system, other.model, changes.state.restored)
        changes.step(what, cell, state)
        into.forked_in |= other.forked_in
        places.spare(cell)


def restore(into: Conversation, saved: Saved, cell: CellRef | None = None) -> None:
    """Adds the saved turns, before the present ones.

    Where both have a turn of one place, the later complete one stays. `cell` is the run of the cell that does this.
    """
    changes, places = into.changes, into.places
    with changes.changing(), places.arranging():
        here = set(into.turns)
        older: Slots = {place or places.next(None): turn for place, turn in saved.turns if place or turn not in here}
        slots = places.in_order(joined(older, changes.state.slots))
        restored = (*changes.state.restored, saved)
        system, model = into.system or saved.system, into.model or saved.model
        changes.step(_("the resume"), cell, State(slots, system, model, restored))
        places.spare(cell)
