"""What is passed on of an answer: its bytes without the key, and of a stream whole events only.

Pure. A service that shows the request that it got (a debugging proxy, an error page) shows the relay's key with it.
"""

from __future__ import annotations

import re

from ..service.credentials import Secret

__all__ = ["Passing", "without_key"]

# A shorter key is a placeholder ("EMPTY", "none") and would be found in every text.
SHORTEST = 8
# The longest event that is held back until it is whole, in bytes; the figure is ours, and a usual one has hundreds.
LONGEST_EVENT = 64 * 1024
# Where an event ends (WHATWG HTML, 9.2.5).
END_OF_EVENT = re.compile(rb"\r\n\r\n|\n\n|\r\r")


def without_key(text: str, key: Secret) -> str:
    """A header of an answer, or a line of the log, in which the key is made unreadable.

    Upper and lower case do not matter: the names of headers lose theirs on the way, and many keys have none.
    """
    value = key.reveal()
    return re.sub(re.escape(value), "*" * len(value), text, flags=re.IGNORECASE) if len(value) >= SHORTEST else text


class Passing:
    """The body of one answer. `events`: it is a stream of them, of which no half is passed on."""

    def __init__(self, key: Secret, *, events: bool) -> None:
        self._key = key
        self._events = events
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What can be passed on now; the key becomes stars, as many as it has letters."""
        self._held = self._redacted(self._held + chunk)
        keep = len(self._held) - self._last_end() if self._events else LONGEST_EVENT + 1
        if keep > LONGEST_EVENT:
            keep = self._overlap()
        cut = len(self._held) - keep
        ready, self._held = self._held[:cut], self._held[cut:]
        return ready

    def rest(self) -> bytes:
        """What was held back, at the end of the answer."""
        rest, self._held = self._held, b""
        return rest

    def _redacted(self, text: bytes) -> bytes:
        key = self._key.reveal().encode()
        return text.replace(key, b"*" * len(key)) if len(key) >= SHORTEST else text

    def _last_end(self) -> int:
        """Where the last whole event ends."""
        return max((found.end() for found in END_OF_EVENT.finditer(self._held)), default=0)

    def _overlap(self) -> int:
        """How many bytes at the end may be the beginning of the key."""
        key = self._key.reveal().encode()
        sizes = range(min(len(self._held), len(key) - 1), 0, -1)
        return next((size for size in sizes if self._held.endswith(key[:size])), 0)
