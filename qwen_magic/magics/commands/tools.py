"""`%qwen tools`: the functions of the notebook that a question can give to the model, and which are allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.control_characters import one_line
from ...core.errors import InputError
from ...core.translatable import _
from ...rendering.command_output import say

if TYPE_CHECKING:
    from .command_call import CommandCall

__all__ = ["tools"]


def tools(call: CommandCall) -> None:
    """List the functions that were defined in the notebook, or allow none of them any more."""
    consent = call.magics.assistant.consent
    if call.text:
        consent.forget()
        say(_("No function is allowed in this kernel any more: each call is asked about."))
        return
    from IPython.display import display

    from ...rendering.fact_table import Listing
    from ...tools.tool import tool
    from ...tools.toolset import candidate_tools

    rows = []
    for name, function in candidate_tools(call.magics.names).items():
        try:
            made = tool(function)
        except InputError as error:
            rows.append((name, one_line(error.in_language()), ""))
        else:
            allowed = _("allowed in this kernel") if consent.allows(made.function) else _("asked about each time")
            rows.append((name, one_line(made.description.partition("\n")[0]), allowed))
    display(
        Listing(
            (_("function"), _("what the model is told"), _("calls")),
            rows,
            _("No function is defined in this notebook: -t gives one to the model."),
        )
    )
