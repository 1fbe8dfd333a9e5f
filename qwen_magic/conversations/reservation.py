"""The place of a question that is being asked. A conversation hands it out and takes it back."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Protocol

from .ordering import Place
from .turns import CellRef, Turn

__all__ = ["Keeper", "Reservation"]


class Keeper(Protocol):
    """Who hands out places."""

    def keep(self, reserved: Reservation, turn: Turn) -> None:
        """The turn is what stands at the place from now on."""

    def release(self, reserved: Reservation) -> None:
        """Nothing was kept."""


class Reservation:
    """What is sent before a question that is being asked, and where its turn goes.

    `context` is the complete turns to send, `replaces` the turn that is at the place now. As a context manager it
    releases the place at the end, unless the turn was kept.
    """

    def __init__(
        self,
        keeper: Keeper,
        place: Place,
        cell: CellRef | None,
        context: tuple[Turn, ...],
        replaces: Turn | None,
        keeps: int | None = None,
    ) -> None:
        self._keeper = keeper
        self.place = place
        self.cell = cell
        self.context = context
        self.replaces = replaces
        # For the place of a summary: how many turns stay beside it.
        self.keeps = keeps
        # Whether the place was there before, and only its turn is gone on with.
        self.reopened = False
        self.open = True

    def keep(self, turn: Turn) -> Turn:
        """Puts the turn at its place, whole or broken off; returns it as it is kept, with its cell."""
        self._close()
        turn = replace(turn, cell=self.cell)
        if self.keeps is not None:
            turn = replace(turn, summary=True, keeps=self.keeps)
        self._keeper.keep(self, turn)
        return turn

    def release(self) -> None:
        """Nothing is kept, and every turn is as it was. Does nothing after `keep`."""
        if self.open:
            self._close()
            self._keeper.release(self)

    def _close(self) -> None:
        if not self.open:
            raise RuntimeError("This place was kept or released already.")
        self.open = False

    def __enter__(self) -> Reservation:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()
