"""How a person is asked whether the model may call a function: the call as it would be made, and a line to answer.

`input()` works in every front-end that can ask at all, in the terminal and in a script; a button in the page does not,
since the kernel is busy with the cell. Not for what an answer means for later calls: that is `tools.consent`.
"""

from __future__ import annotations

import json
import re
import sys
from html import escape
from typing import TYPE_CHECKING, Any

from ..core.control_characters import one_line
from ..core.languages import translated
from ..core.translatable import _
from ..rendering.command_output import in_notebook, say

if TYPE_CHECKING:
    from ..tools.consent import CallQuestion, Verdict

__all__ = ["ask_person", "call_text", "verdict_in"]

ONCE, ALWAYS, NO = ("y", "yes", "o", "once"), ("k", "kernel"), ("", "n", "no")
# Characters that are not seen, or that reorder what is: format characters, separators, halves of surrogate pairs
# (Unicode's categories Cf, Zl, Zp, Cs) and the controls of C1. JSON has escaped those of C0 already.
INVISIBLE = re.compile(
    "[\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f]"
)
PROMPT = _("Call it? y (once), k (always in this kernel), n (no), or why not: ")


def ask_person(question: CallQuestion) -> Verdict | None:
    """Ask in the front-end or the terminal; `None` where nobody can be asked."""
    if not _can_ask():
        return None
    shown = _Shown(question)
    try:
        return verdict_in(input(translated(PROMPT)))
    except (EOFError, NotImplementedError):  # ipykernel's StdinNotImplementedError is the latter
        return None
    finally:
        shown.remove()


def verdict_in(answer: str) -> Verdict:
    """What an answer means; whatever is none of the given ones is a reason not to call it."""
    from ..tools.consent import Verdict

    word = answer.strip().casefold()
    if word in ONCE or word in ALWAYS:
        return Verdict(True, for_kernel=word in ALWAYS)
    return Verdict(False, reason="" if word in NO else one_line(answer.strip()))


def _can_ask() -> bool:
    if in_notebook():
        from IPython.core.getipython import get_ipython

        # What the front-end has said with the request of the cell; `input()` asks the same.
        return bool(getattr(getattr(get_ipython(), "kernel", None), "_allow_stdin", True))
    return sys.stdin is not None and sys.stdin.isatty()


class _Shown:
    """A call on show, above the line that asks about it. It gives way to its result."""

    def __init__(self, question: CallQuestion) -> None:
        self._display: Any = None
        text = call_text(question)
        if not in_notebook():
            say(text)
            return
        from IPython.display import display

        data = {"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}
        self._display = display(data, raw=True, display_id=True)

    def remove(self) -> None:
        if self._display is not None:
            self._display.update({"text/plain": "", "text/html": ""}, raw=True)


def call_text(question: CallQuestion) -> str:
    """The whole call, for a person to read: nothing in it is left out, and nothing is invisible."""
    asked = translated(_("The model asks to call {name}:", name=one_line(question.name)))
    arguments = json.dumps(question.arguments, ensure_ascii=False, indent=2)
    what = one_line(question.description.partition("\n")[0])
    return "\n".join(filter(None, (asked, what and f"  {what}", INVISIBLE.sub(_escaped, arguments))))


def _escaped(character: re.Match[str]) -> str:
    """As JSON writes it."""
    return json.dumps(character[0])[1:-1]
