"""What is sent for `%qwen fix`, `explain` and `edit`: the facts, the person's own words, and the form of the answer.

In English, as everything that is for a model; the words of the answer are asked for in the person's language.
"""

from __future__ import annotations

from ..core.languages import ENGLISH, current
from .error_facts import ErrorFacts, code_of
from .unified_diff import CellSource

__all__ = ["edit_prompt", "explain_name_prompt", "explain_prompt", "fix_prompt"]

WHOLE_CELL = (
    "Answer with one or two sentences on what you changed and why, and then with the whole cell in one block of code, "
    "from its first line to its last, also where nothing changes. Keep its magics, comments and style, and change no "
    "more than is needed."
)
# What a model is told for the languages of messages (`languages.LANGUAGES`).
IN_LANGUAGE = {"zh_CN": "Write the sentences in Simplified Chinese, unless the person writes in another language."}


def fix_prompt(facts: ErrorFacts, thought: str) -> str:
    """Ask for the corrected cell; `thought` is what the person thinks of it, and may be empty."""
    which = " Where the mistake is in another cell, answer with that one." if len(facts.cells) > 1 else ""
    return _joined(f"A cell of a Jupyter notebook failed. Correct it.{which}", facts.text, _words(thought), WHOLE_CELL)


def explain_prompt(facts: ErrorFacts) -> str:
    """Ask what an error means."""
    asked = "Explain the error: what it means, what in this code led to it, and how to correct it. Be brief."
    return _joined("A cell of a Jupyter notebook failed.", facts.text, asked)


def explain_name_prompt(name: str) -> str:
    """Ask what a variable, function or class of the notebook is; it is attached."""
    return _joined(
        f"Explain `{name}` of this notebook: what it is, what it holds or does, and how to use it. Be brief."
    )


def edit_prompt(cell: CellSource, wish: str) -> str:
    """Ask for the cell as the person wishes it to be."""
    return _joined(f"This is a cell of a Jupyter notebook, {code_of(cell)}", f"Change it: {wish}", WHOLE_CELL)


def _words(thought: str) -> str:
    return f"The person thinks:\n\n{thought}" if thought.strip() else ""


def _joined(*parts: str) -> str:
    language = current()
    return "\n\n".join(filter(None, (*parts, "" if language == ENGLISH else IN_LANGUAGE.get(language, ""))))
