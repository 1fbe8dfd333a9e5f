"""JSON out of what a model wrote: fences, prose, a BOM, trailing commas and single quotes are survived.

Own code, because the libraries for it (json-repair and its like) also close what was cut off, and half an answer
would pass for a whole one. Not for checking what comes out: that is `validation`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["Found", "Splitter", "decoded", "find_values"]

# More values than this in one answer are a model that repeats itself, and no choice to look through.
MOST_VALUES = 20
BEFORE = "\ufeff\u200b \t\r\n"
# Also one that is never closed: looked for again at each of its quotes, it would cost the square of its length.
STRING = r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'
FENCE = re.compile(
    r"^[ \t]*+(?:```|~~~)[ \t]*+(?:(?:json\w*|js|javascript|python)[ \t]*+)?$", re.MULTILINE | re.IGNORECASE
)
# How an object or a list begins; prose has brackets, too, and some of them are never closed.
START = re.compile(r"""\{(?=\s*["'}]|\s*\Z)|\[(?=\s*[\[{"'\d\]tfnTFN-]|\s*\Z)""")
BRACKET = re.compile(rf"{STRING}|[\[\]{{}}]", re.DOTALL)
# What differs from JSON in the literals of other languages: strings are stepped over, the rest is replaced.
TOKEN = re.compile(
    rf"(?P<string>{STRING})|(?P<single>'(?:[^'\\]|\\.)*+(?:'|\\?\Z))|(?P<comma>,(?=\s*[\]}}]))|\b(?P<word>True|False|None)\b"
    r"|(?P<comment>//[^\n]*)",
    re.DOTALL,
)
WORDS = {"True": "true", "False": "false", "None": "null"}


class Found(NamedTuple):
    """A value in an answer. `whole` is false for the rest of an answer that ends in the middle of one."""

    value: Any
    whole: bool = True


def find_values(text: str) -> list[Found]:
    """The JSON values in an answer: all of it, or the objects and lists between other things, in their order."""
    text = text.strip(BEFORE)
    with_nothing_else = decoded(text) if text[:1] not in "{[" or text[-1:] in "}]" else None
    if with_nothing_else is not None:
        return [with_nothing_else]
    return list(_between_others(_in_fence(text)))


def _in_fence(text: str) -> str:
    """The text behind the first fence, whose end, like prose, comes after the value; all where there is no fence."""
    fence = FENCE.search(text)
    behind = text[fence.end() :] if fence else ""
    return behind if behind.lstrip()[:1] in ("{", "[") else text


def _between_others(text: str) -> Iterator[Found]:
    """Objects and lists one after the other; each is read once, and nothing inside one that is not JSON."""
    at = 0
    for _ in range(MOST_VALUES):
        start = START.search(text, at)
        if start is None:
            return
        at = _end_of(text, start.start())
        if not at:
            yield Found(text[start.start() :], whole=False)
            return
        value = decoded(text[start.start() : at])
        if value is not None:
            yield value


def _end_of(text: str, start: int) -> int:
    """The place behind the value that begins at `start`; 0 where the text ends before it does."""
    depth = 0
    for mark in BRACKET.finditer(text, start):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(mark[0], 0)
        if not depth:
            return mark.end()
    return 0


def decoded(text: str) -> Found | None:
    """The value of a text that is JSON, or nearly; `None` where it is something else."""
    for attempt in (str, _tidied):
        try:
            return Found(json.loads(attempt(text), strict=False, parse_constant=lambda name: None))
        except (ValueError, RecursionError):
            continue
    return None


def _tidied(text: str) -> str:
    """The text with what other languages write differently as JSON has it."""
    return TOKEN.sub(_as_json, text)


def _as_json(token: re.Match[str]) -> str:
    if token["single"]:
        inner = token["single"][1:-1].replace("\\'", "'")
        return '"' + re.sub(r'(\\.)|"', lambda found: found[1] or '\\"', inner, flags=re.DOTALL) + '"'
    return token["string"] or WORDS.get(token["word"] or "", "")


class Splitter:
    """Splits a list or an object that arrives in pieces into its elements, each once, when it is complete.

    It begins at the first `opening` bracket. The cost is that of the text, however long an element is.
    """

    MARK = re.compile(r'\\.|["\[\]{},]', re.DOTALL)

    def __init__(self, opening: str) -> None:
        self.ended = False
        self._opening = opening
        self._depth = 0
        self._in_string = False
        self._held = ""
        self._pieces: list[str] = []

    def feed(self, text: str) -> list[str]:
        """Take the next piece; returns the elements that are complete now."""
        text = self._held + text
        self._held = "\\" if (len(text) - len(text.rstrip("\\"))) % 2 else ""
        text = text[: len(text) - len(self._held)]
        start = 0
        if not self._depth and not self.ended:
            found = text.find(self._opening)
            if found < 0:
                return []
            self._depth, start = 1, found + 1
        elements: list[str] = []
        for mark in self.MARK.finditer(text, start):
            if self.ended:
                return elements
            if self._ends_element(mark[0]):
                self._pieces.append(text[start : mark.start()])
                element, start = "".join(self._pieces), mark.end()
                self._pieces = []
                if element.strip():
                    elements.append(element)
        if not self.ended and start < len(text):
            self._pieces.append(text[start:])
        return elements

    def _ends_element(self, mark: str) -> bool:
        if mark == '"':
            self._in_string = not self._in_string
        if self._in_string or mark not in "[]{},":
            return False
        if mark in "[{":
            self._depth += 1
        elif mark in "]}":
            self._depth -= 1
            self.ended = not self._depth
        return self.ended or (mark == "," and self._depth == 1)
