"""What a model is told in words, when it is asked for the code of cells. Not for reading its answer: `extraction`."""

from __future__ import annotations

__all__ = ["code_instruction"]

_ONE = "Answer with {language} code for one cell of a Jupyter notebook: one fenced code block, tagged {tag}."
_EACH = "Answer with {language} code for cells of a Jupyter notebook: a fenced code block for each cell, tagged {tag}."
_ONLY = "Nothing is run for you. Explain in comments: no words outside of the code, no prompt signs, no output."


def code_instruction(language: str, *, each: bool) -> str:
    """What stands behind the question; `language` as the kernel's `language_info` names it."""
    form = _EACH if each else _ONE
    return f"{form.format(language=language.capitalize(), tag=language.lower())} {_ONLY}"
