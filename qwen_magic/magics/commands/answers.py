"""`%qwen last`, `continue`, and the dry run: what is shown of an answer or a request outside of asking."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...core.control_characters import one_line
from ...core.errors import InputError
from ...core.languages import translated
from ...core.translatable import _, applied
from ...rendering.command_output import say

if TYPE_CHECKING:
    from ...assistant.request_builder import DryRun
    from ...core.answer import Attached
    from .command_call import CommandCall

__all__ = ["go_on", "last", "dry_run_text", "show_dry_run"]

# Of a picture's base64 so many characters are shown.
LONGEST_DATA = 60


def last(call: CommandCall) -> None:
    """Show the last answer again: a page reload can lose it."""
    from IPython.display import display

    from ...rendering.mimebundle import record

    if call.magics.assistant.last is None:
        raise InputError(_("There is no last answer."), _("Ask first."))
    data, metadata = record(call.magics.assistant.last.answer, show_reasoning=call.magics.show_reasoning)
    display(data, metadata=metadata, raw=True)


def go_on(call: CommandCall) -> None:
    """Go on with an answer that was stopped or cut."""
    magics = call.magics
    magics.assistant.go_on(magics.view(), magics.cell(), magics.publisher())


def show_dry_run(request: DryRun) -> None:
    """Print the exact request, and that it was not sent."""
    say(f"{dry_run_text(request)}\n\n{translated(_('Nothing was sent.'))}")


def dry_run_text(request: DryRun) -> str:
    """The exact request; of the key only that it would be there, of long data only the beginning."""
    lines = [f"{request.method} {request.url}", *(f"{name}: {value}" for name, value in request.headers.items())]
    body = json.dumps(_shortened(request.body), ensure_ascii=False, indent=2)
    notes = [translated(_("Note: {note}.", note=applied(one_line, note))) for note in request.notes]
    return "\n".join([*map(_attached_line, request.attachments), *lines, "", body, *([""] if notes else []), *notes])


def _attached_line(attached: Attached) -> str:
    """What would go along, before it does."""
    from ...rendering.mimebundle import attachment_line

    return one_line(translated(_("Attached: {attached}", attached=attachment_line(attached))))


def _shortened(value: Any) -> Any:
    """`value` with the bytes in its data URLs left out."""
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > LONGEST_DATA:
        return f"{value[:LONGEST_DATA]}… ({len(value):,} characters)"
    return value
