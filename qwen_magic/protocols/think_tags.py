"""Separates thinking from the answer where a server sends both in the text, marked by `<think>` and `</think>`.

There are two forms. With both tags, `<think>` begins the text, as the model wrote it. With `</think>` alone, the chat
template has put `<think>` into the prompt (QwQ, Qwen3-…-Thinking-2507, DeepSeek-R1): the text before the tag is
thinking, which is certain only when the tag arrives. Until then the text of a model that always thinks is returned as
reasoning, that of any other model as text; a `Recast` event corrects what turns out to be the other.
"""

from __future__ import annotations

import re

from ..core.events import Event, ReasoningDelta, Recast, TextDelta

__all__ = ["ThinkTags", "spoken"]

OPEN, CLOSE = "<think>", "</think>"
# A tag that closes what a template opened is the last thing on its line. A tag that the answer only mentions stands
# in a sentence, in inline code, in a block of code, or behind its opening tag.
CLOSING = re.compile(r"(?<![ \t`'\"(\[])</think>(?=[ \t]{0,8}(?:[\r\n]|\Z))")
MOST_BLANKS = 8
# A line that begins or ends a block of code (CommonMark, 4.5).
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)", re.DOTALL)
# The part of an unfinished line that is kept, in characters: longer than any usual fence. Ours.
LINE_START = 40


class ThinkTags:
    """Splits an answer's text, delta by delta, into events of reasoning and of text. Deltas may cut tags anywhere.

    Args:
        expected: the model always thinks: text is reasoning until a closing tag arrives.
        alone: a closing tag without an opening one ends thinking, too.
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
        """The events of the text that was held back, at the end of the stream. `whole`: the model finished."""
        events = self._text(at_end=True) if self._state == "text" else []
        held, self._held = self._held, ""
        if self._state == "inside" or (self._state == "expected" and not whole):
            return spoken(held, "")
        if self._state == "expected":  # a finished answer without the tag: the model was not thinking
            return [*spoken(held, ""), Recast("text")]
        return events + spoken("", "" if self._state == "trimming" else held)

    def off(self) -> None:
        """Treat tags as text from now on: the server has a separate field for thinking."""
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
        """The events of text in which a closing tag may still follow."""
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
        """The index, in the held text, of the tag that ends the thinking; `None` if there is none yet."""
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
        """Take the held text except for its last `keep` characters, which stay held."""
        cut = len(self._held) - keep
        ready, self._held = self._held[:cut], self._held[cut:]
        return ready

    def _trim(self) -> list[Event]:
        """The events behind a closing tag, without the line ends that templates put there."""
        text, self._held = self._held.lstrip("\r\n"), ""
        if text:
            self._state = "after"
        return spoken("", text)


class _Line:
    """The end of a growing text: its last character, and whether its last line is in a block of code."""

    def __init__(self) -> None:
        self.last = ""
        self._start = ""
        self._fence = ""

    def add(self, text: str) -> None:
        *lines, start = (self._start + text).split("\n")
        self._fence = _fence_after(self._fence, lines)
        self._start, self.last = start[:LINE_START], text[-1:] or self.last

    def in_code_after(self, text: str) -> bool:
        """Whether text that follows `text` would be in a block of code."""
        return bool(_fence_after(self._fence, (self._start + text).split("\n")[:-1]))


def _fence_after(fence: str, lines: list[str]) -> str:
    """The fence of the block of code that is open after `lines`; `fence` is that before them. "" for none."""
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
    """How many characters at the end of `text` may belong to a tag: the beginning of one, or one at the very end."""
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
