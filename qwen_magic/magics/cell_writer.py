"""The code of answers into the notebook's cells: by the page's extension, where there is one, else as the next input.

Code is put there, and never run. The extension finds cells by their ids, so that a cell that is run again replaces what
it had written (`code_cells.page_cells`). Other front-ends know `set_next_input` only, which makes a new cell (Colab,
VS Code, JupyterLab without the extension) or fills in the next line (a terminal). Where nobody looks (nbclient),
nothing is inserted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.translatable import _
from .cells import request, request_metadata

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..code_cells.page_cells import CellEdit, PageCells
    from ..code_cells.unified_diff import Diff
    from ..conversations import CellRef
    from ..core.answer import Answer

__all__ = ["CellWriter"]

_CUT = _(
    "The answer was cut, so its code was not inserted: %qwen continue goes on with it, then %qwen apply inserts it."
)
_NO_CODE = _("The answer has no code, so nothing was inserted.")
_READ_ONLY = _("This notebook cannot be changed, so nothing was inserted. The code is in _qwen.code.")
_LOCKED = _("The cell with the code cannot be edited, so it was not replaced. The code is in _qwen.code.")
_UNCHANGED = _("The code is the same as before, so it was not inserted again: %qwen apply inserts it.")
_EDITED = _("The cell was edited, so it was not replaced: %qwen apply replaces it.")
_NOBODY = _("There is no page to change here. The code is in _qwen.code.")


@dataclass(frozen=True)
class _Asked:
    """The last question that a cell asked, and its answer, which may have been stopped."""

    cell: CellRef | None
    answer: Answer
    each: bool


class CellWriter:
    """What one shell puts into the cells of the notebooks that it runs."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._asked: _Asked | None = None
        # Several questions in one run of a cell make one cell of code.
        self._run: CellRef | None = None
        self._found: tuple[str, ...] = ()
        # By the id of the cell that asked: what the page was told last, or else what was the next input.
        self._sent: dict[str, tuple[CellEdit, ...]] = {}
        self._offered: dict[str, str] = {}
        # The edited sources that the person has been shown as a diff.
        self._shown: tuple[str, ...] = ()

    @property
    def language(self) -> str:
        """The kernel's language."""
        told = getattr(getattr(self._shell, "kernel", None), "language_info", None) or {}
        return str(told.get("name") or "python")

    def remember(self, cell: CellRef | None, answer: Answer, *, each: bool = False) -> None:
        """This cell asked, and this is what it was answered: what `apply` puts below it later."""
        self._asked = _Asked(cell, answer, each)

    def write(self, cell: CellRef | None, answer: Answer, *, each: bool) -> None:
        """Put the code of an answer below the cell that asked, in the place of what an older run put there.

        One cell, or one for `each` block of code. A cell that was edited is not replaced: the difference is shown.
        """
        from ..code_cells.extraction import cells_of
        from ..rendering.command_output import say

        if not self._reached():
            return
        sources = cells_of(answer.text, self.language, each=each)
        if not answer.complete or not sources:
            say(_NO_CODE if answer.complete else _CUT)
            return
        if cell is None or cell != self._run:
            self._run, self._found = cell, ()
        self._found = (*self._found, *sources)
        whole = self._found if each else ("\n\n".join(self._found),)
        self._put(cell.id if cell else "", whole)

    def apply(self, cell: CellRef | None, answer: Answer | None) -> None:
        """Put the last answer's change of a cell, or its code, into the cell; edits are replaced once that was shown.

        `cell` is where the command was given. Raises `InputError` when there is no code.
        """
        from ..code_cells.diff_answer import DiffAnswer
        from ..code_cells.extraction import cells_of
        from ..rendering.command_output import say

        diff = answer.diff if isinstance(answer, DiffAnswer) else None
        asked = self._asked if answer and self._asked and _continues(answer, self._asked.answer) else None
        sources = cells_of(answer.text, self.language, each=bool(asked and asked.each)) if answer else ()
        if not sources and not diff:
            raise InputError(_("There is no code to apply."), _("Ask for some, such as with %%qwen --code."))
        if not self._reached():
            say(_NOBODY)
            return
        if diff:
            self._change(diff)
            return
        place = asked.cell if asked else cell
        self._put(place.id if place else "", sources, wanted=True)

    def _change(self, diff: Diff) -> None:
        """Put the new source into the cell that the change is of; the page checks that it still has the old one."""
        from ..code_cells.page_cells import CellEdit, message_of, page_cells
        from ..rendering.command_output import say

        page = page_cells(request_metadata(self._shell))
        if page is None or not diff.cell:
            self._shell.set_next_input(diff.new, replace=True)
        elif page.read_only:
            say(_READ_ONLY)
        else:
            self._send(message_of([CellEdit(diff.cell, diff.new, (diff.old,))]))

    def _reached(self) -> bool:
        """Whether there is somebody who gets an input: a terminal, or a front-end (nbclient takes no questions)."""
        if getattr(self._shell, "kernel", None) is None or request_metadata(self._shell):
            return True
        return bool(request(self._shell).get("content", {}).get("allow_stdin"))

    def _put(self, asking: str, sources: Sequence[str], *, wanted: bool = False) -> None:
        """Put the sources below the cell of this id. `wanted` is whether that is what the cell that runs is for."""
        from ..code_cells.page_cells import page_cells

        page = page_cells(request_metadata(self._shell))
        if page is None:
            self._offer(asking, "\n\n".join(sources), wanted)
        else:
            self._tell(page, asking, sources, wanted)

    def _tell(self, page: PageCells, asking: str, sources: Sequence[str], wanted: bool) -> None:
        """Let the page do it, unless it cannot, or would overwrite what somebody has written."""
        from ..code_cells.page_cells import edits_of, message_of
        from ..code_cells.unified_diff import CellSource, Diff
        from ..rendering.command_output import say

        there = page.of(asking)
        if page.read_only or any(cell.locked for cell in there):
            say(_READ_ONLY if page.read_only else _LOCKED)
            return
        shown = self._shown if wanted else ()
        edited = [
            Diff.of(CellSource(cell.source, cell.id), source)
            for cell, source in zip(there, (*sources, *("" for _ in there)), strict=False)
            if cell.edited and cell.source not in (*shown, source)
        ]
        sent = self._sent.get(asking, ())
        if edited:
            self._shown = tuple(diff.old for diff in edited)
            _show_difference(edited, message_of(edits_of(sources, there, sent, self._shown), asking))
            return
        self._sent[asking] = edits_of(sources, there, sent, shown)
        self._send(message_of(self._sent[asking], asking))

    def _send(self, message: Mapping[str, Any]) -> None:
        """Tell the page that has sent the cell which runs; only its notebook does what it says."""
        from ..code_cells.page_cells import MESSAGE

        kernel: Any = getattr(self._shell, "kernel", None)
        kernel.session.send(kernel.iopub_socket, MESSAGE, message, parent=kernel.get_parent("shell"))

    def _offer(self, asking: str, text: str, wanted: bool) -> None:
        """Make the text the next input. One that is `wanted` takes the place of the cell that runs."""
        from ..rendering.command_output import say

        if asking and not wanted and self._offered.get(asking) == text:
            say(_UNCHANGED)
            return
        self._offered[asking] = text
        self._shell.set_next_input(text, replace=wanted)


def _continues(answer: Answer, earlier: Answer) -> bool:
    """Whether an answer is this earlier one, or goes on with it."""
    return answer is earlier or bool(earlier.text and answer.text.startswith(earlier.text))


def _show_difference(diffs: Sequence[Diff], message: Mapping[str, Any]) -> None:
    """Show what would become of cells that were edited; `message` is what the page's *Apply* does."""
    from IPython.display import display

    from ..rendering.command_output import say
    from ..rendering.diff_record import diff_html, diff_markdown, diff_plain

    for diff in diffs:
        data = {"text/html": diff_html(diff), "text/markdown": diff_markdown(diff), "text/plain": diff_plain(diff)}
        display(data, metadata={"qwen_magic": message}, raw=True)
    say(_EDITED)
