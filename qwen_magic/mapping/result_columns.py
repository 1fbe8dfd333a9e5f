"""The columns that a map adds: their names, their types, and what they have of each row. Not for putting them on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import InputError
from ..core.translatable import _
from ..structured.frame import Kind, kind_of
from ..structured.schema import Schema
from .frames import Column
from .row_question import RowResult

__all__ = ["ANSWER", "ResultColumns"]

# The name of the column that has the answers, where a person gives none.
ANSWER = "answer"
_NOT_ASKED = RowResult(error=_("The map ended before this row was asked."))


@dataclass(frozen=True)
class ResultColumns:
    """`column` is the name of the answers' column: then the others begin with it, such as `topic_error`.

    With a schema of an object each field is a column, and with a `column` its name begins with that. What has no
    fields of its own for a row, such as a list, is one column, as it is without a schema.
    """

    column: str = ANSWER
    schema: Schema[Any] | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the schema that are a column each."""
        return () if self.schema is None or self.schema.many else tuple(self.schema.fields)

    @property
    def answers(self) -> tuple[str, ...]:
        """The names of the columns that have the answers."""
        return tuple(map(self._named, self.fields)) or (self.column,)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns: those of the answers, the error, tokens in, tokens out."""
        return *self.answers, *map(self._named, ("error", "tokens_in", "tokens_out"))

    def check(self, taken: Sequence[str]) -> None:
        """Raises `InputError` where a column would have the name of another; `taken` are those of the frame."""
        if not self.column.strip():
            raise InputError(_("The answer's column has no name."), _("Such as --column answer (column='answer')."))
        twice = next((name for name in self.names if self.names.count(name) > 1), None)
        if twice is not None:
            raise InputError(
                _("The schema has a field for the column {name!r}, which a map adds by itself.", name=twice),
                _("Rename the field."),
            )
        clash = next((name for name in self.names if name in taken), None)
        if clash is not None:
            other = _("Give the answer another name: --column NAME (column='…').")
            before = _("Put a name before the new ones: --column NAME (column='…') makes it 'NAME_{name}'.", name=clash)
            raise InputError(_("There is a column {name!r} already.", name=clash), before if self.fields else other)

    def filled(self, results: Sequence[RowResult | None]) -> Iterator[Column]:
        """The columns with these results. Rows without one were not asked, because the map ended before."""
        rows = [result or _NOT_ASKED for result in results]
        error, tokens_in, tokens_out = self.names[-3:]
        yield from self._answers(rows)
        yield Column(error, "text", [str(row.error) for row in rows])
        yield Column(tokens_in, "number", [row.usage.input if row.usage else 0 for row in rows])
        yield Column(tokens_out, "number", [row.usage.output if row.usage else 0 for row in rows])

    def _answers(self, rows: Sequence[RowResult]) -> Iterator[Column]:
        if self.schema is None:
            yield Column(self.column, "text", [row.text for row in rows])
            return
        for name in self.fields:
            values = [row.data.get(name) if row.data else None for row in rows]
            yield Column(self._named(name), "data", values, kind_of(self.schema.fields[name]))
        if not self.fields:
            kind: Kind = "" if self.schema.many else kind_of(self.schema.document)
            yield Column(self.column, "data", [row.data for row in rows], kind)

    def _named(self, name: str) -> str:
        return name if self.column == ANSWER else f"{self.column}_{name}"
