"""Text that arrives between two renderings of a tail: it is added to the page as plain text, without its markers.

A construct that is not understood yet (a table, code, what turned out to be no link) waits for the next rendering.
"""

from __future__ import annotations

import re

from .parser import References, said

__all__ = ["APPENDING", "Appended"]

# Each character that arrives pays for so many characters of parsing here.
APPENDING = 6

# So much text before the new one is parsed with it, since something may have begun there.
CONTEXT = 300

# More than this does not wait: a long tail is not rendered any more.
LONGEST_HELD = 600

# Without these, text is shown as it is.
MARKUP = re.compile(r"[*_~`\[\]$\\<\n]")

# Lines that change what is before them, or are nothing that plain text could stand for.
UNLIKE_TEXT = re.compile(r"\n[ \t]*(?:```|~~~|\||\$\$|\\\[|\[[^\]\n]*\]:)")

LINE_MARKERS = re.compile(r"^[ \t]*(?:(?:[-*+]|\d{1,9}[.)]|#{1,6})[ \t]+|>[ \t]?)+", re.MULTILINE)


class Appended:
    """The text behind `before`; `pending` is not shown yet. `work` counts the characters that were parsed."""

    def __init__(self, before: str = "", text: str = "") -> None:
        self.work = 0
        self._context = _last_part(before)
        self._said: str | None = None
        self.pending = text
        self._allowance = 0

    def add(self, text: str) -> None:
        self.pending += text
        self._allowance += APPENDING * len(text)

    def take(self, references: References, *, verbatim: bool, held: int) -> str:
        """What can be shown now, but for the last `held` characters; `verbatim` within code, which has no markers."""
        text = self.pending[: len(self.pending) - held]
        if not verbatim:
            unlike = UNLIKE_TEXT.search(text)
            text = text[: unlike.start()] if unlike and len(text) <= LONGEST_HELD else text
        if verbatim or not (MARKUP.search(text) or MARKUP.search(self._context)):
            self._shown(text, None)
            return text
        return self._take_markup(text, references)

    def _take_markup(self, text: str, references: References) -> str:
        cost = len(self._context) * (1 + (self._said is None)) + len(text)
        if not text or cost > self._allowance:
            return ""
        self._allowance -= cost
        self.work += cost
        before = self._words(self._context, references) if self._said is None else self._said
        words = self._words(self._context + text, references)
        if words.startswith(before):
            self._shown(text, words)
            return words[len(before) :]
        if len(text) <= LONGEST_HELD:
            return ""
        self._context = ""
        words = self._words(text, references)
        self._shown(text, words)
        return words

    def _words(self, text: str, references: References) -> str:
        return said(LINE_MARKERS.sub("", text), references)

    def _shown(self, text: str, words: str | None) -> None:
        """`text` is on the page; with the context, it says `words`."""
        self.pending = self.pending[len(text) :]
        self._context, self._said = self._context + text, words
        if len(self._context) > 2 * CONTEXT:
            self._context, self._said = _last_part(self._context), None


def _last_part(text: str) -> str:
    """The last line, or as many of its last words as matter."""
    text = text[-CONTEXT:]
    start = text.rfind("\n") + 1
    return text[start:] if start or len(text) < CONTEXT else text[text.find(" ") + 1 :]
