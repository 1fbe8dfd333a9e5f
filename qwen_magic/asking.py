"""`ask()` and `conversation()`: the same from Python, so that people can write loops. Not for parsing lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answer import Answer
from .assistant import Assistant
from .extension import load
from .question import Question

if TYPE_CHECKING:
    from .conversations import Conversation
    from .rendering.view import View

__all__ = ["ask", "conversation"]


def ask(
    prompt: str,
    *,
    model: str = "",
    system: str | None = None,
    think: bool | None = None,
    search: bool | None = None,
    alone: bool = False,
    chat: str = "default",
    append: bool | None = None,
    pin: bool = False,
    show: bool = True,
    **fields: Any,
) -> Answer:
    """Ask, and return the answer; in a notebook it streams into the cell's output as well, unless `show` is false.

    The keywords are the options of `%%qwen`, and have its defaults; all others go into the request's body as they
    are (`temperature=0.2`). The prompt is sent as it is: in Python, f-strings put values in.

    Raises `QwenError` when there is no answer, and `KeyboardInterrupt` when it was stopped; `_qwen` (and
    `%qwen last`) then have what had arrived.
    """
    assistant, view, cell = surroundings(show)
    question = Question(
        prompt, model, system, think, search, fields, alone, conversation=chat, cell=cell, append=append, pin=pin
    )
    return assistant.ask(question, view)


def conversation(name: str = "default") -> Conversation:
    """The conversation of this name, the one that `%%qwen -c NAME` asks in; made if need be."""
    assistant, _, _ = surroundings(show=False)
    return assistant.conversations.get(name)


def surroundings(show: bool) -> tuple[Assistant, View, Any]:
    """Who asks, what shows the answer, and in which cell: those of the IPython shell, if there is one."""
    from IPython.core.getipython import get_ipython

    from .rendering.silent import SilentView

    shell = get_ipython()
    if shell is None:
        return of_script(), SilentView(), None
    from .cells import cell_of

    magics = load(shell)
    return magics.assistant, magics.view() if show else SilentView(), cell_of(shell)


def of_script(made: list[Assistant] = []) -> Assistant:  # noqa: B006  # one for the process: a script has no shell
    """What a script asks with, outside of IPython."""
    if not made:
        made.append(Assistant())
    return made[0]
