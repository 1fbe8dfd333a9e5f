"""`%qwen What is this?` is a question, and not IPython's help on `this`; also behind `=`, `;`, `:` or a keyword.

IPython shows help for every line that ends with a question mark. So it is told of our lines before it looks for those;
`%qwen?` alone stays its help. Where `%qwen` cannot stand, such a line says so. What merely looks like such a line (in a
string, say) it knows to be none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from keyword import iskeyword
from tokenize import COMMENT, DEDENT, INDENT, NL
from typing import TYPE_CHECKING

from IPython.core.inputtransformer2 import HelpEnd, MagicAssign, TokenTransformBase

from ..core.errors import InputError
from ..core.translatable import _

if TYPE_CHECKING:
    from tokenize import TokenInfo

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["install", "misplaced", "remove"]

# Behind these Python takes no `%`, so that nothing is read otherwise than before.
BEFORE = (";", ":", "=")
VALUES = ("None", "True", "False")
OPEN, CLOSED = ("(", "[", "{"), (")", "]", "}")
SPACE = (INDENT, DEDENT, NL, COMMENT)


class _AskedLine(TokenTransformBase):
    """A line with a `%qwen` in it, read before IPython finds a call for help in it."""

    priority = HelpEnd.priority - 1

    def __init__(self, line: tuple[int, int], asked: TokenInfo, stands: bool) -> None:
        super().__init__(line)  # type: ignore[no-untyped-call]  # IPython has no types here
        self.asked = asked
        self.stands = stands

    @classmethod
    def find(cls, tokens_by_line: list[list[TokenInfo]]) -> _AskedLine | None:
        """The first one that can be read, or that would show help on a question's last word."""
        for tokens in tokens_by_line:
            for index in _asked_at(tokens):
                first = next(token for token in tokens if token.type not in SPACE)
                stands = _may_stand(tokens[:index])
                if stands or tokens[-2].string == "?":
                    return cls(first.start, tokens[index], stands)
        return None

    def transform(self, lines: list[str]) -> list[str]:
        """To the end of the line it is read as every magic is; where none can stand, the line says so."""
        if self.stands:
            return list(MagicAssign(self.asked.start).transform(lines))
        indent, last = lines[self.start_line][: self.start_col], self.asked.start[0]
        call = f"{indent}__import__({__name__!r}, fromlist=['']).misplaced()\n"
        return [*lines[: self.start_line], call, *lines[last:]]


def _asked_at(tokens: list[TokenInfo]) -> Iterator[int]:
    """Where in a logical line `%qwen` and a question stand."""
    for index, (sign, name) in enumerate(pairwise(tokens)):
        ours = sign.string == "%" and name.string == "qwen" and sign.end == name.start
        if ours and re.match(r"[ \t]+[^?\s]", name.line[name.end[1] :]):
            yield index


def _may_stand(before: list[TokenInfo]) -> bool:
    """Whether a statement or a value can follow these tokens, up to the end of the line."""
    words = [token.string for token in before if token.type not in SPACE and token.string.strip()]
    if not words:
        return True
    depth = sum((word in OPEN) - (word in CLOSED) for word in words)
    return depth == 0 and (words[-1] in BEFORE or (iskeyword(words[-1]) and words[-1] not in VALUES))


def misplaced() -> None:
    """Raises `InputError`."""
    raise InputError(
        _("%qwen cannot stand inside of an expression."), _("Put it on a line of its own, or behind `=`; or use ask().")
    )


def install(shell: InteractiveShell) -> None:
    """Read such lines as questions in this shell."""
    shell.input_transformer_manager.token_transformers.append(_AskedLine)


def remove(shell: InteractiveShell) -> None:
    """Read them as IPython does."""
    shell.input_transformer_manager.token_transformers.remove(_AskedLine)
