"""A prompt for many rows: `{{ column }}` is the row's value, by the rules of `{{ expression }}` in a cell.

Not for attachments: what a row attaches has a column of its own (`images`).
"""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

from ..assistant.prompts import Expression, split
from ..core.errors import InputError
from ..core.translatable import _, listed

__all__ = ["Template", "no_column"]

# So many columns are named where one is not there.
NAMED = 10


class Template:
    """A prompt with fields. `columns` are what a row has, `namespace` what else an expression may name.

    `fields` are the columns that the prompt takes, `outside` what it takes of the namespace. Raises `InputError` for a
    name that is neither, and what is no expression. A template is used by one thread at a time.
    """

    def __init__(self, text: str, columns: tuple[str, ...], namespace: Mapping[str, Any] | None = None) -> None:
        if not isinstance(text, str) or not text.strip():
            raise InputError(_("There is no question to ask of each row."), _("Such as 'Review: {{{{ review }}}}'."))
        self.text = text
        self._names = dict(namespace or {})
        self._pieces: list[str | tuple[str, CodeType | None]] = []
        self.fields: tuple[str, ...] = ()
        self.outside: dict[str, Any] = {}
        for piece in split(text, columns):
            self._pieces.append(piece if isinstance(piece, str) else self._compiled(piece, columns))

    def render(self, row: Mapping[str, Any]) -> str:
        """The prompt for this row. Raises `InputError` where a value is missing, or an expression fails."""
        self._names.update(row)
        return "".join(piece if isinstance(piece, str) else self._value(*piece, row) for piece in self._pieces)

    def _compiled(self, expression: Expression, columns: tuple[str, ...]) -> tuple[str, CodeType | None]:
        source = expression.source
        if source in columns:
            self._take(source)
            return source, None
        for name in _names_in(source):
            if name in columns:
                self._take(name)
            elif name in self._names:
                self.outside[name] = self._names[name]
            elif not hasattr(builtins, name):
                raise no_column(name, columns)
        return source, compile(source, "<prompt>", "eval")

    def _take(self, column: str) -> None:
        if column not in self.fields:
            self.fields = (*self.fields, column)

    def _value(self, source: str, code: CodeType | None, row: Mapping[str, Any]) -> str:
        if code is None:
            value = row[source]
        else:
            try:
                value = eval(code, self._names)  # the person's own expression, as in a cell
            except Exception as error:
                raise InputError(
                    _(
                        "{{{{ {source} }}}} failed: {kind}: {error}.",
                        source=source,
                        kind=type(error).__name__,
                        error=error,
                    )
                ) from error
        if value is None:
            raise InputError(_("{column} is missing in this row.", column=source))
        return str(value)


def no_column(name: str, columns: tuple[str, ...]) -> InputError:
    """The error of a template or an option that names a column that is not there."""
    near = difflib.get_close_matches(name, columns, n=1)
    names = listed((*columns[:NAMED], "…" if len(columns) > NAMED else ""))
    return InputError(
        _("There is no column {name!r}.", name=name),
        _("Did you mean {name}?", name=repr(near[0])) if near else _("The columns are: {names}.", names=names),
    )


def _names_in(source: str) -> Iterator[str]:
    """The names that an expression takes from outside of it, each once."""
    tree = ast.parse(source, mode="eval")
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    own = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    yield from dict.fromkeys(node.id for node in names if node.id not in own)
