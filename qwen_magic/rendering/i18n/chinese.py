"""What this package's errors say, in Chinese: `chinese.json` has the words, by the English of those who raise them.

Not for the labels of a page: they are in `static/`, in the languages that a page may have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

__all__ = ["in_chinese"]


def in_chinese(english: str) -> str:
    """The Chinese of a sentence of an error, with the values that were put in; empty when it is not one of ours."""
    for phrase in phrases():
        values = phrase.values_in(english)
        if values is not None:
            return phrase.chinese.format(*values)
    return ""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One entry: the English around its values, and the Chinese as a format string for them."""

    around: tuple[str, ...]
    chinese: str

    @property
    def length(self) -> int:
        """Characters that a text needs to have of it."""
        return sum(map(len, self.around))

    def values_in(self, text: str) -> tuple[str, ...] | None:
        """The values that stand in `text`, or `None` when it is another phrase. Takes time in line with its length."""
        first, *others = self.around
        if not others:
            return () if text == first else None
        *between, last = others
        if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
            return None
        rest, values = text[len(first) : len(text) - len(last)], []
        for piece in between:
            value, found, rest = rest.partition(piece)
            if not found:
                return None
            values.append(value)
        return (*values, rest)


@cache
def phrases() -> tuple[Phrase, ...]:
    """All entries, those that say more before those that say less: `{} is empty.` fits much."""
    entries = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    known = (Phrase(pieces(english), chinese) for english, chinese in entries.items())
    return tuple(sorted(known, key=lambda phrase: phrase.length, reverse=True))


def pieces(template: str) -> tuple[str, ...]:
    """What stands before, between and behind the values of a format string."""
    parsed = [(text, field) for text, field, _, _ in Formatter().parse(template)]
    return (*(text for text, _ in parsed), *("" for _, field in parsed[-1:] if field is not None))
