"""`%qwen fix`, `explain` and `edit`: questions about the notebook's own code. What they send is in `code_cells`.

Each is a question like any other: its turn belongs to its cell, is sent the turns before it, and is context for those
behind it, so that one can ask on ("Why not with a loop?"). `--alone` asks without.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from ...core.errors import InputError, QwenError, Stopped
from ...core.translatable import _, sentences
from ...rendering.command_output import say
from ..options import Parsed, option_of, parse

if TYPE_CHECKING:
    from ...code_cells.error_facts import ErrorFacts, Failure
    from ...code_cells.unified_diff import CellSource
    from ...core.answer import Answer
    from .command_call import CommandCall

__all__ = ["edit", "explain", "fix"]

# What names the last error, where a name is asked for.
ERROR = "error"
# A cell's number as it is typed, or as it stands before the cell, and what is wished.
NUMBERED = re.compile(r"(?:In ?)?\[?(\d+)\]?(?:\s+(.*))?", re.DOTALL)
# Options that ask for another form of answer than code questions have.
OTHER_FORMS = ("map", "schema", "many", "code")

NO_ERROR = _("No cell has failed since it last ran well: there is no error to ask about.")


def fix(call: CommandCall) -> Answer | None:
    """Ask for the last cell that failed, corrected; the answer is shown as a diff of it."""
    from ...code_cells.cell_prompts import fix_prompt

    parsed = _with_options(call)
    failure = _failure_to_ask_about(call)
    if failure is None:
        return None
    if isinstance(failure.error, KeyboardInterrupt) and not parsed.text.strip():
        interrupted = _("{cell} was interrupted: it has no error.", cell=failure.cell.name)
        say(sentences(interrupted, _("To change it all the same: %qwen fix WHAT YOU THINK.")))
        return None
    facts = _facts_of(call, failure)
    return call.magics.ask(parsed, parsed.text, around=partial(fix_prompt, facts), rewrites=facts.cells)


def explain(call: CommandCall) -> Answer | None:
    """Ask what the last error means, or what a name of the notebook is."""
    from ...code_cells.cell_prompts import explain_name_prompt, explain_prompt

    parsed = _with_options(call)
    name = parsed.text.strip()
    if name and name != ERROR:
        if name.isidentifier() and name not in call.magics.names:
            raise InputError(
                _("There is no {name} in the notebook.", name=name), _("To ask it: %qwen -- explain {name}", name=name)
            )
        given = parsed.given | {"variables": [*parsed.given.get("variables", ()), name], "raw": True}
        return call.magics.ask(Parsed(given, ""), explain_name_prompt(name))
    failure = _failure_to_ask_about(call)
    if failure is None:
        return None
    return call.magics.ask(Parsed(parsed.given | {"raw": True}, ""), explain_prompt(_facts_of(call, failure)))


def edit(call: CommandCall) -> Answer | None:
    """Ask for a cell as the person wishes it to be; the answer is shown as a diff of it."""
    from ...code_cells.cell_prompts import edit_prompt

    parsed = _with_options(call)
    numbered = NUMBERED.fullmatch(parsed.text.strip())
    wish = _without_quotes((numbered[2] or "" if numbered else parsed.text).strip())
    if not wish:
        raise InputError(_("There is nothing to change."), _('Such as %qwen edit 3 "make it a bar chart".'))
    cell = _cell_with_number(call, int(numbered[1])) if numbered else _cell_above(call)
    return call.magics.ask(parsed, wish, around=partial(edit_prompt, cell), rewrites=(cell,))


def _with_options(call: CommandCall) -> Parsed:
    """The options before the command and behind it, and the person's words. Raises `InputError`."""
    parsed = parse(call.text)
    given = {**call.given, **parsed.given}
    for name in call.given.keys() & parsed.given.keys():
        if isinstance(given[name], list):
            given[name] = [*call.given[name], *parsed.given[name]]
    other = next((name for name in OTHER_FORMS if name in given), None)
    if other is not None:
        raise InputError(_("A question about the notebook's code takes no {option}.", option=option_of(other)))
    return Parsed(given, parsed.text)


def _failure_to_ask_about(call: CommandCall) -> Failure | None:
    """The last cell that failed; `None`, with a line that says why, where there is nothing to ask."""
    failure = call.magics.ran.last_failure()
    if failure is None:
        say(NO_ERROR)
    elif isinstance(failure.error, QwenError):
        error = failure.error
        ours = _("{cell} failed with an error of qwen_magic, which is not asked about.", cell=failure.cell.name)
        say(sentences(ours, error.happened, error.remedy))
    elif isinstance(failure.error, Stopped):
        say(_("The answer in {cell} was stopped: there is no error.", cell=failure.cell.name))
    else:
        return failure
    return None


def _facts_of(call: CommandCall, failure: Failure) -> ErrorFacts:
    from ...code_cells.error_facts import error_facts

    return error_facts(failure, call.magics.ran.origins(failure.cell))


def _without_quotes(text: str) -> str:
    """A text without the quotes around all of it."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _cell_with_number(call: CommandCall, number: int) -> CellSource:
    found = call.magics.ran.find(number)
    if found is None:
        raise InputError(
            _("No cell In[{number}] has run in this kernel.", number=number),
            _("The number is the one before the cell, and comes when it runs."),
        )
    return found


def _cell_above(call: CommandCall) -> CellSource:
    """The code cell above the one that asks, where the order of the cells is known; else the one that ran before it."""
    here, ids = call.magics.cell(), call.magics.assistant.conversations.cell_order()
    if here is None or here.id not in ids:
        found = call.magics.ran.previous()
    else:
        found = call.magics.ran.nearest(ids[: ids.index(here.id)][::-1])
    if found is None:
        raise InputError(
            _("There is no cell above that has run."), _('Run it, or name one: %qwen edit 3 "make it a bar chart".')
        )
    return found
