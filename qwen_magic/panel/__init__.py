"""The chat panel: one named conversation as a widget that stays, and answers while cells run.

    chat()            in a notebook: the conversation that the cells ask in
    chat("review")    the one of `-c review`

`widget` is what the page sees, `transcript` what stands in it, `session` what its messages do, `question_thread` one
question in a thread of its own, `completions` what can be chosen, `uploads` what came from the browser, `saved_panel`
what is saved in the notebook. An answer is drawn by the same code as in a cell (`qwen_magic.rendering`).
"""

from __future__ import annotations

__all__ = ["chat"]


def chat(name: str = "default") -> None:
    """Show the chat panel of the conversation `name`: what is asked there and in cells with `-c NAME` is one.

    The panel never blocks the kernel. Shown again, it is the same panel. Raises `InputError` outside of a notebook,
    and for a name that is none.
    """
    from IPython.core.getipython import get_ipython

    from ..core.errors import InputError
    from ..magics.extension import load

    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        raise InputError("The chat panel needs a notebook.", "In a terminal, ask with %qwen or ask().")
    load(shell).panels.show(name)
