"""Turns the texts of a stream's frames into deltas, also where each frame repeats the whole text so far.

The native protocol repeats when `incremental_output` is false; some models (qwen-mt) always do, also in compatible
mode. Which class fits a request is chosen in `decoder`.

All three classes have the same methods: `delta(text)` takes the text of the next frame and returns what is new in it;
`rest()` returns, at the end of the stream, the text that was held back.
"""

from __future__ import annotations

__all__ = ["Cumulative", "Incremental", "Undecided"]

# A stream is cumulative after so many frames that each begin with the whole frame before. Ours.
CONVINCED = 4


class Incremental:
    """For streams whose frames are deltas: returns each text as it is."""

    def delta(self, text: str) -> str:
        return text

    def rest(self) -> str:
        return ""


class Cumulative:
    """For streams whose frames hold the whole text so far. `seen` is the text of earlier frames.

    A frame that does not begin with that text is taken as a delta, so that no text is lost.
    """

    def __init__(self, seen: str = "") -> None:
        self._seen = seen

    def delta(self, text: str) -> str:
        if not text:  # the last frame's text is usually empty
            return ""
        if not text.startswith(self._seen):
            self._seen += text
            return text
        new = text[len(self._seen) :]
        self._seen = text
        return new

    def rest(self) -> str:
        return ""


class Undecided:
    """For a model that is in no table: holds text back while each frame begins with the one before.

    Decides for `Cumulative` after `CONVINCED` such frames, and for `Incremental` at the first other frame; that is
    nearly always the second one.
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
        """The text of a stream that ended before the decision: its frames are taken as deltas."""
        return "" if self._decided else self._decide(Incremental(), "".join(self._frames))

    def _decide(self, kind: Incremental | Cumulative, text: str) -> str:
        self._decided = kind
        return text
