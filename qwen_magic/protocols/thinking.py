"""Thinking that a server leaves inside the answer, between `<think>` and `</think>`, taken out of it again.

Only at the very beginning of an answer, as Qwen's chat template writes it; a `<think>` further on is text.
"""

from __future__ import annotations

__all__ = ["ThinkTags"]

OPEN, CLOSE = "<think>", "</think>"


class ThinkTags:
    """Splits an answer's text, delta by delta, into (reasoning, text); tags may be cut anywhere."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "before"

    def split(self, delta: str) -> tuple[str, str]:
        if self._state == "after":
            return "", delta
        self._held += delta
        if self._state == "before":
            return self._before()
        if self._state == "trimming":
            return self._trim()
        return self._inside()

    def rest(self) -> tuple[str, str]:
        """What was held back, at the end of the stream."""
        held, self._held = self._held, ""
        return (held, "") if self._state == "inside" else ("", held if self._state == "before" else "")

    def off(self) -> None:
        """The server has a field of its own for thinking: from now on a tag is just text."""
        if self._state == "before" and not self._held:
            self._state = "after"

    def _before(self) -> tuple[str, str]:
        start = self._held.lstrip()
        if start.startswith(OPEN):
            self._state, self._held = "inside", start[len(OPEN) :]
            return self._inside()
        if OPEN.startswith(start):
            return "", ""
        self._state, text, self._held = "after", self._held, ""
        return "", text

    def _inside(self) -> tuple[str, str]:
        reasoning, tag, text = self._held.partition(CLOSE)
        if tag:
            self._state, self._held = "trimming", text
            return reasoning, self._trim()[1]
        keep = longest_overlap(self._held, CLOSE)
        ready, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return ready, ""

    def _trim(self) -> tuple[str, str]:
        """The template puts two line ends behind the closing tag."""
        text, self._held = self._held.lstrip("\r\n"), ""
        if text:
            self._state = "after"
        return "", text


def longest_overlap(text: str, tag: str) -> int:
    """How many characters at the end of `text` may be the beginning of `tag`."""
    return next((size for size in range(min(len(text), len(tag) - 1), 0, -1) if tag.startswith(text[-size:])), 0)
