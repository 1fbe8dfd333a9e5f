"""What the page tells of cells with code of answers, and what it is told to do with them. Values; nothing is sent here.

The other half is the extension of JupyterLab and Notebook 7: `labextension/static/execute_metadata.js` tells,
`labextension/static/written_cells.js` does. A cell is known by its id. In the metadata of a cell with code of an answer
is who asked for it, and a hash of what was written, so that an edited cell can be told from one that is as it was.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["CellEdit", "MESSAGE", "PageCells", "WrittenCell", "edits_of", "message_of", "page_cells"]

# The type of the message to the page; other front-ends never get one.
MESSAGE = "qwen_magic.cells"


@dataclass(frozen=True, slots=True)
class WrittenCell:
    """A cell with code of an answer, as it is on the page. `written` is the hash of what was written there."""

    id: str
    source: str
    written: str = ""
    locked: bool = False

    @property
    def edited(self) -> bool:
        """Whether somebody has changed the source since."""
        return _digest(self.source) != self.written


@dataclass(frozen=True, slots=True)
class PageCells:
    """The notebook of the cell that runs: whether it may be changed, and by asking cell those with code of answers."""

    read_only: bool = False
    cells: Mapping[str, tuple[WrittenCell, ...]] | None = None

    def of(self, asking: str) -> tuple[WrittenCell, ...]:
        """The cells with the code that the cell of this id asked for, in order."""
        return (self.cells or {}).get(asking, ())


@dataclass(frozen=True, slots=True)
class CellEdit:
    """A cell gets this `source`, and is made if it is not there; without a source it goes.

    That is done only where the cell has one of the sources `expected`: nothing else is overwritten. `number` is its
    place among the cells with the code of one answer, and `None` for a cell that somebody else made.
    """

    cell: str
    source: str | None
    expected: tuple[str, ...] = ()
    number: int | None = None


def page_cells(metadata: Mapping[str, Any]) -> PageCells | None:
    """What the page tells with an execute request; `None` where there is no extension, or one that tells nothing."""
    ours = metadata.get("qwen_magic")
    code = ours.get("code") if isinstance(ours, Mapping) else None
    if not isinstance(code, Mapping):
        return None
    cells = code.get("cells")
    told = cells if isinstance(cells, Mapping) else {}
    return PageCells(bool(code.get("read_only")), {str(asking): tuple(map(_cell_of, told[asking])) for asking in told})


def _cell_of(told: Mapping[str, Any]) -> WrittenCell:
    return WrittenCell(
        str(told.get("id")), str(told.get("source", "")), str(told.get("written", "")), bool(told.get("locked"))
    )


def edits_of(
    sources: Sequence[str], there: Sequence[WrittenCell], sent: Sequence[CellEdit] = (), shown: Sequence[str] = ()
) -> tuple[CellEdit, ...]:
    """What makes of the cells that are `there` cells with these `sources`.

    `sent` is what the page was told before: a run that was sent before the page had done it does not see its cells.
    `shown` are sources that may be overwritten because the person has seen the difference.
    """
    before = {edit.number: edit for edit in sent if edit.number is not None and edit.source is not None}
    edits = []
    for number in range(max(len(sources), len(there), 1 + max(before, default=-1))):
        source = sources[number] if number < len(sources) else None
        cell = there[number] if number < len(there) else None
        earlier = before.get(number)
        known = cell.id if cell else earlier.cell if earlier else str(uuid.uuid4())
        expected = [cell.source] if cell and (not cell.edited or cell.source in shown) else []
        if earlier and earlier.source is not None and earlier.cell == known:
            expected.append(earlier.source)
        edits.append(CellEdit(known, source, tuple(expected), number))
    return tuple(edits)


def message_of(edits: Sequence[CellEdit], asking: str = "") -> dict[str, Any]:
    """The content of the message that tells the page; `asking` is the cell below which new cells go."""
    return {"asking": asking, "edits": [_edit_of(edit, asking) for edit in edits]}


def _edit_of(edit: CellEdit, asking: str) -> dict[str, Any]:
    told = {"cell": edit.cell, "source": edit.source, "expected": list(edit.expected)}
    if edit.number is None or edit.source is None:
        return told
    # What the page keeps in the cell's metadata, which is saved with the notebook.
    return told | {"facts": {"code_of": asking, "number": edit.number, "written": _digest(edit.source)}}


def _digest(source: str) -> str:
    """The hash of a source, in hex."""
    return hashlib.sha256(source.rstrip("\n").encode("utf-8", "surrogatepass")).hexdigest()
