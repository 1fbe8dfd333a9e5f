"""Generates texts that match a regular expression, from its parse tree. Not a matcher: callers check the text."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _constants as op  # type: ignore[attr-defined]  # in Python since 3.11, without types
from re import _parser  # type: ignore[attr-defined]  # the same
from typing import Any

__all__ = ["matching"]

# Code points for `.`, for classes of characters and for `[^…]`, the readable ones first.
READABLE = [*range(ord("a"), ord("z") + 1), *range(ord("A"), ord("Z") + 1), *range(ord("0"), ord("9") + 1)]
CANDIDATES = [*READABLE, *map(ord, " _-.,:;/@#%&+*=~!?'\"()[]{}<>|\\^$`\n\t"), *map(ord, "é中ä")]
# More repetitions than any text of the sandbox needs.
LONGEST_REPEAT = 1_000


def matching(pattern: str, repeats: int, variant: int = 0) -> str | None:
    """A text for `pattern`, with `repeats` more repetitions than required. `None` for an invalid pattern."""
    try:
        tree = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
    return _MatchingText(repeats, variant).of(tree)


class _MatchingText:
    """One text for one parse tree; `variant` takes other characters and other branches."""

    def __init__(self, repeats: int, variant: int) -> None:
        self.repeats = repeats
        self.variant = variant
        self.groups: dict[int, str] = {}

    def of(self, tree: Any) -> str:
        return "".join(self.token(kind, value) for kind, value in tree)

    def token(self, kind: Any, value: Any) -> str:
        if kind is op.LITERAL:
            return chr(value)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, inner = value
            return "".join(self.of(inner) for _ in range(min(int(most), least + self.repeats, LONGEST_REPEAT)))
        if kind is op.BRANCH:
            branches = value[1]
            return self.of(branches[self.variant % len(branches)])
        if kind is op.SUBPATTERN:
            self.groups[value[0]] = text = self.of(value[3])
            return text
        if kind is op.ATOMIC_GROUP:
            return self.of(value)
        if kind is op.GROUPREF:
            return self.groups.get(value, "")
        if kind in (op.ANY, op.NOT_LITERAL, op.IN):
            return self.character(kind, value)
        return ""  # positions and look-around take no characters

    def character(self, kind: Any, value: Any) -> str:
        if kind is op.IN:
            fitting = [code for code in _candidates(value) if _accepts(value, code)]
        else:
            fitting = [code for code in CANDIDATES if kind is op.ANY or code != value]
        return chr(fitting[self.variant % len(fitting)]) if fitting else ""


def _candidates(members: Any) -> list[int]:
    """The characters to try for a class: the usual ones, and its own."""
    own = [value for kind, value in members if kind is op.LITERAL]
    for kind, value in members:
        if kind is op.RANGE:
            own += range(value[0], min(value[1], value[0] + 9) + 1)
    return [*CANDIDATES, *own]


def _accepts(members: Any, code: int) -> bool:
    negated = members[0][0] is op.NEGATE
    return negated != any(_fits(kind, value, code) for kind, value in members)


def _fits(kind: Any, value: Any, code: int) -> bool:
    if kind is op.LITERAL:
        return bool(code == value)
    if kind is op.RANGE:
        return bool(value[0] <= code <= value[1])
    return kind is op.CATEGORY and bool(CATEGORIES[value](chr(code)))


CATEGORIES: dict[Any, Callable[[str], bool]] = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    op.CATEGORY_WORD: lambda char: char.isalnum() or char == "_",
    op.CATEGORY_NOT_WORD: lambda char: not (char.isalnum() or char == "_"),
}
