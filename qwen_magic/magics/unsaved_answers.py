"""Answers that no page has saved yet, for a page that is opened again after its answer came without it.

The other half is the extension of JupyterLab and Notebook 7 (`labextension/static/records.js`). It asks over a comm of
the target `qwen_magic.answers`, and tells which answers are in the saved notebook. Not for answers without the id of a
request: nothing else tells two of them apart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comm.base_comm import BaseComm

    from ..conversations import CellRef
    from ..core.answer import Answer

__all__ = ["TARGET", "UnsavedAnswers"]

TARGET = "qwen_magic.answers"
# Cells whose answers are kept at the most: a front-end without the extension never tells that it has saved them.
LARGEST = 200


class UnsavedAnswers:
    """What one shell answered in its cells, by the cell's id, until it is saved."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, tuple[CellRef, list[Answer]]] = OrderedDict()
        self._listed: BaseComm | None = None
        self._pages: list[BaseComm] = []

    def keep(self, cell: CellRef | None, answer: Answer) -> None:
        """Keep an answer of this run of a cell; those of the cell's earlier runs go. Without a cell nothing is kept."""
        if cell is None or not answer.request_id:
            return
        run, answers = self._runs.pop(cell.id, (cell, []))
        self._runs[cell.id] = (cell, [*answers, answer] if run == cell else [answer])
        while len(self._runs) > LARGEST:
            self._runs.popitem(last=False)

    def forget(self, request_ids: Iterable[str]) -> None:
        """The answers to these requests are saved."""
        saved = set(request_ids)
        for cell, (_, answers) in list(self._runs.items()):
            if saved.issuperset(answer.request_id for answer in answers):
                del self._runs[cell]

    def displays(self) -> dict[str, list[dict[str, Any]]]:
        """By the cell's id, the data and the metadata of the displays of its answers."""
        from ..rendering.mimebundle import record

        return {
            cell: [dict(zip(("data", "metadata"), record(answer), strict=True)) for answer in answers]
            for cell, (_, answers) in self._runs.items()
        }

    def listen(self) -> None:
        """Answer the pages of this kernel."""
        from comm import get_comm_manager
        from comm.base_comm import BaseComm

        manager = get_comm_manager()
        manager.register_target(TARGET, self._opened)
        # A page looks into the list of comms for this target, and asks only where it is found. No page hears of it.
        self._listed = BaseComm(TARGET, primary=False)
        manager.register_comm(self._listed)

    def close(self) -> None:
        """Answer no more pages."""
        from comm import get_comm_manager

        if self._listed is None:
            return
        manager = get_comm_manager()
        manager.unregister_target(TARGET, self._opened)
        manager.unregister_comm(self._listed)
        self._listed = None
        for comm in self._pages:
            comm.close()
        self._pages.clear()

    def _opened(self, comm: BaseComm, _: dict[str, Any]) -> None:
        """A page asks for what it may have missed."""

        def hear(message: dict[str, Any]) -> None:
            saved = message["content"]["data"].get("saved")
            if isinstance(saved, list):
                self.forget(map(str, saved))

        self._pages.append(comm)
        comm.on_msg(hear)
        comm.send({"answers": self.displays()})
