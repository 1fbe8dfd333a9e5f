"""Thinking that a server leaves inside the answer's text, taken out of it again.

Two forms. With both tags, `<think>` at the very beginning, as a model writes it. With `</think>` alone, where the
chat template has put `<think>` into the prompt (QwQ, Qwen3-…-Thinking-2507, DeepSeek-R1): then the text up to the tag
was thinking, which the stream tells only when it comes to the tag. A model that always thinks is taken at its word
until then; the text of any other is passed on as text, and recast.
"""

from __future__ import annotations

import re

from ..core.events import Event, ReasoningDelta, Recast, TextDelta

__all__ = ["ThinkTags", "spoken"]

OPEN, CLOSE = "<think>", "</think>"
# A tag that closes what a template opened is the last thing on its line. One that is talked about stands inside a
# sentence, in inline code, in a block of code, or behind the opening tag that it is a pair with.
CLOSING = re.compile(r"(?<![ \t`'\"(\[])</think>(?=[ \t]{0,8}(?:[\r\n]|\Z))")
MOST_BLANKS = 8
# A line that begins or ends a block of code (CommonMark, 4.5).
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)", re.DOTALL)
# So much of the line that is not over yet is kept, in characters: enough for any fence that somebody writes.
LINE_START = 40


class ThinkTags:
    """Splits an answer's text, delta by delta, into events of reasoning and of text; tags may be cut anywhere.

    `expected`: the model always thinks, so that text without a tag before it is thinking. `alone`: a closing tag
    without an opening one counts.
    """

    def __init__(self, *, expected: bool = False, alone: bool = True) -> None:
        self._held = ""
        self._state = "before"
        self._expected = expected
        self._alone = alone
        self._line = _Line()

    def split(self, delta: str) -> list[Event]:
        if self._state == "after":
            return spoken("", delta)
        self._held += delta
        if self._state == "before":
            return self._before()
        if self._state == "trimming":
            return self._trim()
        return self._inside() if self._state in ("inside", "expected") else self._text()

    def rest(self, *, whole: bool) -> list[Event]:
        """What was held back, at the end of the stream. `whole`: the model had finished."""
        events = self._text(at_end=True) if self._state == "text" else []
        held, self._held = self._held, ""
        if self._state == "inside" or (self._state == "expected" and not whole):
            return spoken(held, "")
        if self._state == "expected":  # it had not been thinking
            return [*spoken(held, ""), Recast("text")]
        return events + spoken("", "" if self._state == "trimming" else held)

    def off(self) -> None:
        """The server has a field of its own for thinking: from now on a tag is just text."""
        if self._state in ("before", "text") and not self._held:
            self._state = "after"

    def _before(self) -> list[Event]:
        start = self._held.lstrip()
        if start.startswith(OPEN):
            self._state, self._held = "inside", start[len(OPEN) :]
            return self._inside()
        if OPEN.startswith(start):
            return []
        if self._expected:
            self._state = "expected"
            return self._inside()
        if self._alone:
            self._state = "text"
            return self._text()
        self._state, text, self._held = "after", self._held, ""
        return spoken("", text)

    def _inside(self) -> list[Event]:
        reasoning, tag, text = self._held.partition(CLOSE)
        if tag:
            self._state, self._held = "trimming", text
            return spoken(reasoning, "") + self._trim()
        return spoken(self._ready(_longest_overlap(self._held, CLOSE)), "")

    def _text(self, *, at_end: bool = False) -> list[Event]:
        """Text in which a closing tag may still come."""
        if OPEN[0] not in self._held:
            text = self._ready(0)
            self._line.add(text)
            return spoken("", text)
        opened, closing = self._held.find(OPEN), self._closing(at_end)
        if closing is not None and not -1 < opened < closing:
            before, self._held = self._held[:closing], self._held[closing + len(CLOSE) :]
            self._state = "trimming"
            return [*spoken("", before), Recast("reasoning"), *self._trim()]
        if opened >= 0:
            self._state, text, self._held = "after", self._held, ""
            return spoken("", text)
        text = self._ready(0 if at_end else _undecided(self._held))
        self._line.add(text)
        return spoken("", text)

    def _closing(self, at_end: bool) -> int | None:
        """Where the tag stands in what is held that ends the thinking."""
        if CLOSE not in self._held:
            return None
        text, before = self._line.last + self._held, len(self._line.last)
        for found in CLOSING.finditer(text):
            start = found.start() - before
            decided = at_end or text[found.end() :].strip(" \t")
            if decided and not self._line.in_code_after(self._held[:start]):
                return start
        return None

    def _ready(self, keep: int) -> str:
        """What is held but for its last `keep` characters, which stay held."""
        cut = len(self._held) - keep
        ready, self._held = self._held[:cut], self._held[cut:]
        return ready

    def _trim(self) -> list[Event]:
        """The template puts two line ends behind the closing tag."""
        text, self._held = self._held.lstrip("\r\n"), ""
        if text:
            self._state = "after"
        return spoken("", text)


class _Line:
    """Where a text has come to: its last character, and whether its last line is in a block of code."""

    def __init__(self) -> None:
        self.last = ""
        self._start = ""
        self._fence = ""

    def add(self, text: str) -> None:
        *lines, start = (self._start + text).split("\n")
        self._fence = _fence_after(self._fence, lines)
        self._start, self.last = start[:LINE_START], text[-1:] or self.last

    def in_code_after(self, text: str) -> bool:
        """Whether what comes behind this text would be in a block of code."""
        return bool(_fence_after(self._fence, (self._start + text).split("\n")[:-1]))


def _fence_after(fence: str, lines: list[str]) -> str:
    """The fence of the block of code that is open behind these lines, when `fence` was before; empty for none."""
    for line in lines:
        found = FENCE.match(line)
        if found is None:
            continue
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence) and not found[2].strip():
            fence = ""
    return fence


def _undecided(text: str) -> int:
    """How many characters at the end of `text` may belong to a tag: a part of one, or a whole one at the very end."""
    blank = len(text) - len(text.rstrip(" \t"))
    if blank <= MOST_BLANKS and text[: len(text) - blank].endswith(CLOSE):
        return len(CLOSE) + blank
    return max(_longest_overlap(text, OPEN), _longest_overlap(text, CLOSE))


def _longest_overlap(text: str, tag: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    if tag[0] not in text[1 - len(tag) :]:
        return 0
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-size:])), 0)


def spoken(reasoning: str, text: str) -> list[Event]:
    """The events of a piece of reasoning and a piece of text; none for an empty one."""
    events: list[Event] = []
    if reasoning:
        events.append(ReasoningDelta(reasoning))
    if text:
        events.append(TextDelta(text))
    return events
