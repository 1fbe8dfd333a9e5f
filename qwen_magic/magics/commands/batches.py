"""`%qwen batches`: the batches of this user, collected where they are over; and cancelling one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...core.translatable import _
from ...rendering.command_output import say
from ...rendering.fact_table import Listing

if TYPE_CHECKING:
    from .command_call import CommandCall

__all__ = ["batches"]


def batches(call: CommandCall) -> None:
    """List the batches and collect those that are over; `cancel ID` cancels one."""
    from IPython.display import display

    from ...mapping.batch import Batches
    from ...mapping.cache import default_cache

    provider = call.magics.assistant.provider
    found = Batches(provider.client, provider.resolve(), default_cache())
    if call.words:
        found.cancel(call.words[1])
        say(_("{batch} is being cancelled. Rows that it has answered are kept.", batch=call.words[1]))
        return
    states = {state.known.file: state for state in found.look()}
    rows = []
    for batch in found.all():
        state = states.get(batch.file)
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(batch.created))
        answered = _("{done:,} of {total:,}", done=state.completed, total=batch.rows) if state else f"{batch.rows:,}"
        rows.append((batch.id, batch.model, made, batch.status, answered))
    columns = (_("batch"), _("model"), _("made"), _("status"), _("rows"))
    display(Listing(columns, rows, _("There are no batches here.")))
