"""Streams that repeat the whole text in each frame, turned into deltas.

The native protocol does it when `incremental_output` is false; some models (qwen-mt) do it whatever they are told,
also in compatible mode. Not for telling the two apart where the model is known to stream increments.
"""

from __future__ import annotations

__all__ = ["Cumulative", "Incremental", "Undecided"]

# So many frames in a row, each beginning with the whole of the one before, are no coincidence.
CONVINCED = 4


class Incremental:
    """Frames are deltas already."""

    def delta(self, text: str) -> str:
        return text

    def rest(self) -> str:
        return ""


class Cumulative:
    """Each frame is the whole text so far."""

    def __init__(self, seen: str = "") -> None:
        self._seen = seen

    def delta(self, text: str) -> str:
        if not text:  # the last frame's text is usually empty
            return ""
        if not text.startswith(self._seen):  # it was no repetition: nothing may be lost
            self._seen += text
            return text
        new = text[len(self._seen) :]
        self._seen = text
        return new

    def rest(self) -> str:
        return ""


class Undecided:
    """For a model that nothing is known of: holds text back while each frame begins with the one before.

    That is nearly always over at the second frame, and the stream is incremental.
    """

    def __init__(self) -> None:
        self._frames: list[str] = []
        self._decided: Incremental | Cumulative | None = None

    def delta(self, text: str) -> str:
        if self._decided:
            return self._decided.delta(text)
        if not text:
            return ""
        repeats = not self._frames or (text.startswith(self._frames[-1]) and text != self._frames[-1])
        self._frames.append(text)
        if not repeats:
            return self._decide(Incremental(), "".join(self._frames))
        if len(self._frames) == CONVINCED:
            return self._decide(Cumulative(text), text)
        return ""

    def rest(self) -> str:
        """What was held back, at the end of a stream that was too short to tell."""
        return "" if self._decided else self._decide(Incremental(), "".join(self._frames))

    def _decide(self, kind: Incremental | Cumulative, text: str) -> str:
        self._decided = kind
        return text
