"""Events of the notebook that change a conversation: the run of a cell has ended, cells were deleted."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.translatable import _
from .changes import Changes, State
from .ordering import Place, of_cells
from .turn_places import TurnPlaces
from .turns import CellRef

__all__ = ["CellRuns"]


class CellRuns:
    """The runs of the notebook's cells, as far as one conversation is concerned. Any thread may call."""

    def __init__(self, changes: Changes, places: TurnPlaces) -> None:
        self._changes = changes
        self._places = places

    def spare(self, cell: CellRef | None) -> None:
        """Exempt the cell's turns from the clean-up of `end_run`."""
        with self._changes.lock:
            self._places.spare(cell)

    def end_run(self, cell: CellRef, ok: bool) -> None:
        """Clean up after a run of the cell. If it succeeded, turns of older runs behind its last question are removed.

        This is no undo step of its own: `undo` restores them together with the change before it.
        """
        with self._changes.changing():
            left_over = self._places.left_over(cell)
            if ok and left_over:
                self._changes.state = self._without(left_over)

    def drop_cells(self, ids: Iterable[str]) -> None:
        """Drops the turns of deleted cells. A cell that comes back finds its old position."""
        with self._changes.changing():
            if places := of_cells(self._changes.state.slots, ids):
                self._changes.step(_("the deleted cells' turns"), None, self._without(places))

    def _without(self, places: Iterable[Place]) -> State:
        """The state without the turns at these places."""
        state = self._changes.state
        return state._replace(slots={**state.slots, **dict.fromkeys(places)})
