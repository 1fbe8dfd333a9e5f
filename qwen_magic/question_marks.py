"""`%qwen What is this?` is a question, and not IPython's help on `this`.

IPython shows help for every line that ends with a question mark. So such a line of ours is turned into the call that
it stands for before IPython reads it; `%qwen?` alone stays IPython's help.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["install", "remove"]

LINE = re.compile(r"^(?P<indent>[ \t]*)%qwen[ \t]+(?P<question>\S.*\?)[ \t]*(?P<end>\r?\n?)$")


def install(shell: InteractiveShell) -> None:
    """Read such lines as questions in this shell."""
    shell.input_transformers_cleanup.append(asked)


def remove(shell: InteractiveShell) -> None:
    """Read them as IPython does."""
    shell.input_transformers_cleanup[:] = [each for each in shell.input_transformers_cleanup if each is not asked]


def asked(lines: list[str]) -> list[str]:
    """The lines of a cell, with questions on one line as calls. A cell magic's body is its own business."""
    if lines and lines[0].startswith("%%"):
        return lines
    return [LINE.sub(call, line) for line in lines]


def call(line: re.Match[str]) -> str:
    return f"{line['indent']}get_ipython().run_line_magic('qwen', {line['question']!r}){line['end']}"
