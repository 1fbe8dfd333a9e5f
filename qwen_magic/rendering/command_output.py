"""What a command says: lines of text in a terminal; in a notebook a paragraph that breaks between words.

Everything that the commands print goes through `say`. JupyterLab breaks a printed line wherever it is full.
"""

from __future__ import annotations

import sys
from html import escape

from ..core.control_characters import visible
from ..core.languages import translated

__all__ = ["in_notebook", "say"]

WRAPPED = "margin:0;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"


def say(text: str) -> None:
    """Show a message that may have text from elsewhere in it: nothing in it acts on a terminal."""
    text = visible(translated(text))
    if in_notebook():
        from IPython.display import display

        display({"text/plain": text, "text/html": f'<pre style="{WRAPPED}">{escape(text)}</pre>'}, raw=True)
        return
    encoding = sys.stdout.encoding or "utf-8"  # not every console has every character
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def in_notebook() -> bool:
    """Whether a display can be drawn, and drawn again, where the cell runs; a terminal would print its text."""
    if "IPython" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
