"""Answers of a real server that wait in their middle for the test, however long the page takes to show them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

from support.faults import HEADERS, LAST, FaultServer, Step, framed, plain
from support.wire import chunk, sse

__all__ = ["HeldServer"]

MODEL = "qwen-plus"
USAGE = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}}


class HeldServer(FaultServer):
    """The n-th question is answered with the n-th text, and stops where `{middle}` is in it until `release`."""

    def __init__(self, *texts: str, thinking: str = "") -> None:
        self._released = threading.Event()
        super().__init__(*(tuple(self._script(text, thinking)) for text in texts))
        self.listing = plain("200 OK", json.dumps({"data": [{"id": MODEL}]}).encode())
        self.load = f"%load_ext qwen_magic\n%qwen use {self.url}"

    def __exit__(self, *exc: object) -> None:
        self.release()
        super().__exit__(*exc)

    def release(self) -> None:
        """Let the answer go on."""
        self._released.set()

    def _script(self, text: str, thinking: str) -> Iterator[Step]:
        before, held, after = text.partition("{middle}")
        yield HEADERS
        yield framed(sse(chunk(reasoning_content=thinking), chunk(content=before), done=False))
        if held:
            yield self._released
        yield framed(sse(chunk(content=after), chunk("stop"), USAGE))
        yield LAST
