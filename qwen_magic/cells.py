"""Which cell is this: what the front-end says of the cell that runs now.

JupyterLab and Notebook 7 send `cellId` and `deletedCells` with each execute request, VS Code a `cellId` that is the
cell's URI, Colab `colab.cell_id`; nbclient and nbval send nothing (seen on their wires).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .conversations import CellRef

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["cell_of", "deleted_cells", "request_metadata"]


def request(shell: InteractiveShell) -> Mapping[str, Any]:
    """The execute request that runs now; empty in a terminal."""
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent("shell") if kernel is not None else None
    return parent if isinstance(parent, Mapping) else {}


def request_metadata(shell: InteractiveShell) -> Mapping[str, Any]:
    """The metadata of the request that runs now."""
    metadata = request(shell).get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def cell_of(shell: InteractiveShell) -> CellRef | None:
    """The run of the cell that runs now, or `None` where the front-end does not name it."""
    metadata = request_metadata(shell)
    colab = metadata.get("colab")
    cell = metadata.get("cellId") or (colab.get("cell_id") if isinstance(colab, Mapping) else None)
    header = request(shell).get("header") or {}
    return CellRef(str(cell), str(header.get("msg_id", ""))) if cell else None


def deleted_cells(shell: InteractiveShell) -> tuple[str, ...]:
    """The ids of the cells that were deleted since the last request."""
    deleted = request_metadata(shell).get("deletedCells")
    return tuple(map(str, deleted)) if isinstance(deleted, list) else ()
