"""`%qwen What is this?` is a question, and not IPython's help on `this`.

IPython shows help for every line that ends with a question mark. So it is told of our lines before it looks for those;
`%qwen?` alone stays its help. What merely looks like such a line (in a string, say) it knows to be none.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from IPython.core.inputtransformer2 import EscapedCommand, HelpEnd

if TYPE_CHECKING:
    from tokenize import TokenInfo

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["install", "remove"]

LINE = re.compile(r"[ \t]*%qwen[ \t]+[^?\s]")


class AskedLine(EscapedCommand):
    """Finds the first line of ours; it is read as IPython reads every magic."""

    priority = HelpEnd.priority - 1

    @classmethod
    def find(cls, tokens_by_line: list[list[TokenInfo]]) -> AskedLine | None:
        for tokens in tokens_by_line:
            first = next((token for token in tokens if token.string.strip()), None)
            if first is not None and first.string == "%" and LINE.match(first.line):
                return cls(first.start)
        return None


def install(shell: InteractiveShell) -> None:
    """Read such lines as questions in this shell."""
    shell.input_transformer_manager.token_transformers.append(AskedLine)


def remove(shell: InteractiveShell) -> None:
    """Read them as IPython does."""
    shell.input_transformer_manager.token_transformers.remove(AskedLine)
