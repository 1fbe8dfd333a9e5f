"""The conversation of a notebook: the context of a question, the kept turns, and what a cell run again replaces.

Usable from Python without magics. This package sends nothing; a caller reserves a place, sends the complete turns
before it, and keeps the turn:

    with conversation.begin(cell) as reserved:
        fitted = fit(reserved.context, question, window=131_072, reserve=16_384)
        answer = ...                      # send fitted.messages
        reserved.keep(Turn(question, answer))

**The order rule**

*Places.* The k-th question of one run of a cell has the place (cell, k). A place is made when it is first asked for,
at the end of the order; a further place of a known cell comes right behind that cell's others. A question without a
cell, or with `append=True`, gets a new place at the end, bound to no cell, every time. Places stay where they are,
also empty: a cell that was deleted and comes back (cut and paste) finds its old position. A copy of a cell is a new
cell.

*The notebook's order.* Where `cell_order` names the notebook's cells, their places stand in that order, whenever they
were first asked for: a cell is sent the turns of the cells that stand before it, as after a restart. A place of a cell
that it does not name (not saved yet), or of no cell, stays behind the place that it is behind. Before each question
the order is asked for again, so that places follow cells that were moved.

*Context.* A question is sent the complete turns at the places before its own, as they are when it begins. Of its own
cell only those that the same run asked: never its own old answer, never a later turn. A turn that failed, was stopped
or was cut is shown and kept, and is never context.

*Keeping.* A turn takes its place, whatever was there: a run that fails or is stopped shows its failure, and `undo`
brings back the old answer. Later turns stay. When a run ends well, the turns that an older run of the cell left
behind the last question of this run go; when it ends badly they stay. Their going is no step of its own: `undo` brings
them back with the change before it, such as the run's own question. A question that keeps nothing (asked alone, or
refused) leaves every turn as it was and does not count; only the place of its cell is remembered.

*Several at once.* A place is reserved when the question begins, so the order is the order of beginning, whoever
finishes first; a question does not see an unfinished one. Two runs that answer the same place: the last to finish has
it, and `undo` brings back the other.

*Deleting.* Deleted cells drop their turns. Turns that were asked with `append=True` are bound to no cell and stay.

*Summaries.* A summary is a turn at its own place. Later questions are sent it in the stead of all that is before it,
but for the pinned turns and the last few that it `keeps`; earlier cells, run again, are sent what they were sent.

*Reset, load and fork* forget every turn. Said in a cell, they remember the empty places before that cell, and forget
those behind it, so that a notebook run twice from the top asks the same twice, and a notebook whose cells were moved
starts afresh. A fork that is made in a cell holds what is before that cell.

*System prompt and model* belong to the whole conversation, whichever cell sets them: set them before the first
question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .conversation import Conversation
from .registry import Conversations
from .reservation import Reservation
from .turns import CellRef, Turn
from .usage import Spent

if TYPE_CHECKING:
    from .context_window import SUMMARISE, FittedContext, Limits, fit

__all__ = [
    "SUMMARISE",
    "CellRef",
    "Conversation",
    "Conversations",
    "FittedContext",
    "Limits",
    "Reservation",
    "Spent",
    "Turn",
    "fit",
]


def __getattr__(name: str) -> Any:
    """Import `context_window` at first use: loading the extension does not need it."""
    if name in ("SUMMARISE", "FittedContext", "Limits", "fit"):
        from . import context_window as budget

        return getattr(budget, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
