"""An answer that is data: an `Answer` whose text is JSON, with what was built of it. Not for building it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

from ..core.answer import Answer
from ..core.errors import InputError
from ..core.translatable import _
from .schema import Schema

__all__ = ["DataAnswer"]

T = TypeVar("T")


@dataclass(frozen=True)
class DataAnswer(Answer, Generic[T]):
    """An answer by a schema.

    `data` is what was asked for: an instance of the class or a list of them, a dict for the short form and for a JSON
    schema. `plain` is the same as JSON has it. Both are `None` where the answer does not fit.
    """

    data: T = None  # type: ignore[assignment]  # only an answer that broke off or did not fit has none
    plain: Any = field(default=None, repr=False)
    schema: Schema[T] | None = field(default=None, repr=False)
    fits: bool = False

    @property
    def in_words(self) -> Answer:
        """The answer without its data, as a conversation keeps it and a file of it holds it."""
        return Answer(**{each.name: getattr(self, each.name) for each in fields(Answer)})

    @property
    def frame(self) -> Any:
        """A pandas or polars DataFrame of the data, whichever is imported already, with the schema's types.

        Fields that may be empty are nullable. Raises `InputError` where there is no data, and neither is installed.
        """
        from .frame import frame

        if self.schema is None or not self.fits:
            raise InputError(_("The answer has no data."), _("It did not fit its schema: see its text."))
        return frame(self.plain, self.schema)
