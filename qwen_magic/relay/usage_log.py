"""Counts model and tokens of a request for the log, by searching its bytes, not by parsing them.

Parsing 16 MB of JSON would delay all other streams. Content is never kept, except for the last bytes of an answer,
which hold the usage.
"""

from __future__ import annotations

import re

__all__ = ["AnswerCounter", "model_in"]

# The usage is in the last event of a stream, and in the end of a whole answer.
TAIL = 4096
# In a request the model stands before or behind the messages, which may be large.
EDGE = 64 * 1024
MODEL = re.compile(rb'"model"\s*:\s*"([^"\\]{1,200})"')
INPUT = re.compile(rb'"(?:prompt_tokens|input_tokens)"\s*:\s*(\d{1,12})')
OUTPUT = re.compile(rb'"(?:completion_tokens|output_tokens)"\s*:\s*(\d{1,12})')


def model_in(head: bytes, tail: bytes = b"") -> str | None:
    """The model that a request names near its beginning or its end."""
    found = MODEL.search(head) or MODEL.search(tail)
    return found[1].decode("utf-8", "replace") if found else None


class AnswerCounter:
    """Counts the bytes and the tokens of an answer while it is passed on."""

    def __init__(self) -> None:
        self.bytes = 0
        self._tail = b""

    def add(self, chunk: bytes) -> None:
        self.bytes += len(chunk)
        self._tail = (self._tail + chunk[-TAIL:])[-TAIL:]

    def tokens(self) -> dict[str, int | None]:
        """The tokens as the service counted them; `None` where it did not report them."""
        return {"input": _last(INPUT, self._tail), "output": _last(OUTPUT, self._tail)}


def _last(pattern: re.Pattern[bytes], text: bytes) -> int | None:
    found = pattern.findall(text)
    return int(found[-1]) if found else None
