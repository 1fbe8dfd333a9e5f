"""The cells that a shell ran: their sources by number and id, and the last one that failed.

A cell's number is its execution count, which stands before it. What ran before the extension was loaded is known by
IPython's history, without ids.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import QwenError, Stopped

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..code_cells.error_facts import Failure
    from ..code_cells.trimmed_traceback import Origins
    from ..code_cells.unified_diff import CellSource

__all__ = ["RanCells"]

# How IPython names the code of a cell in a traceback; compiled when there is one.
NUMBER = r"In ?\[(\d+)\]"


class RanCells:
    """What one shell ran. Cheap after each cell: a number, an id, and the error that IPython keeps as well."""

    def __init__(self, shell: InteractiveShell, folder: Path) -> None:
        self._shell = shell
        self._folder = folder
        self._ids: dict[int, str] = {}
        self._failed = 0
        self._error: BaseException | None = None
        self._handled: BaseException | None = None
        self._asked = False

    def begin(self) -> None:
        """A cell begins to run."""
        self._asked = False

    def ended(self, result: Any, cell: str) -> None:
        """A cell has run, with IPython's `ExecutionResult`; `cell` is its id, where that is known.

        An error of a run that asked about an error does not take its place, and a cell that fails no longer has none.
        """
        number = result.execution_count
        error = result.error_before_exec or result.error_in_exec
        if number is None:  # what a front-end runs beside the cells
            return
        again = bool(cell) and self._ids.get(self._failed) == cell
        if cell:
            self._ids[number] = cell
        if error is not None and not (self._asked and isinstance(error, QwenError | Stopped)):
            self._failed, self._error = number, error
        elif error is None and again:
            self._handled, self._failed, self._error = self._error, 0, None

    def last_failure(self) -> Failure | None:
        """The last cell that failed, and has not run well since; `None` if there is none."""
        from ..code_cells.error_facts import Failure

        self._asked = True
        number, error = self._failed, self._error
        if error is None:
            error = getattr(sys, "last_value", None)  # of before the extension was loaded
            if error is None or error is self._handled:
                return None
            number = self._number_of(error)
        found = self.find(number)
        return Failure(found, error) if found else None

    def find(self, number: int) -> CellSource | None:
        """The cell with this number, as it was when it ran."""
        from ..code_cells.unified_diff import CellSource

        history = self._history()
        if not 0 < number < len(history):
            return None
        return CellSource(history[number].rstrip("\n"), self._ids.get(number, ""), f"In[{number}]")

    def nearest(self, cells: Iterable[str]) -> CellSource | None:
        """The last run of the first of these cells that has run: those that have not may be text."""
        return next(filter(None, map(self._last_run, cells)), None)

    def previous(self) -> CellSource | None:
        """What ran before the cell that runs now."""
        return self.find(len(self._history()) - 2)

    def origins(self, failed: CellSource) -> Origins:
        """Where the code in the traceback of this cell is from."""
        from ..code_cells.trimmed_traceback import Origins

        return Origins(self._cell_of, failed, self._folder)

    def _last_run(self, cell: str) -> CellSource | None:
        return next((self.find(number) for number, id in reversed(self._ids.items()) if id == cell), None)

    def _cell_of(self, filename: str) -> CellSource | None:
        return self.find(self._number_in(filename))

    def _number_of(self, error: BaseException) -> int:
        """The number of the cell that this error was raised in; 0 if it was in none."""
        filenames = [str(error.filename)] if isinstance(error, SyntaxError) else []
        filenames += [frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)]
        return next(filter(None, map(self._number_in, filenames)), 0)

    def _number_in(self, filename: str) -> int:
        """The number of the cell that IPython compiled under this name; 0 for other code."""
        named = self._shell.compile.format_code_name(filename)
        number = re.search(NUMBER, " ".join(named)) if named else None
        return int(number[1]) if number else 0

    def _history(self) -> list[str]:
        """The sources by number; the cell that runs now is the last one."""
        manager = self._shell.history_manager
        return manager.input_hist_raw if manager is not None else []
