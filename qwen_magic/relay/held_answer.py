"""The body of an answer that is passed on when it is whole: in memory, or on disk where it is large.

Until the first byte of a body is sent, what breaks off can still be an error with a status. Afterwards only the end of
the connection could tell, and JupyterHub's standard proxy does not pass that on: its client waits. Not for streams.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import Self

from .rate_limits import Spools

__all__ = ["IN_MEMORY", "PIECE", "HeldAnswer"]

# Bodies up to this size are kept in memory, larger ones on disk, in bytes.
IN_MEMORY = 1024 * 1024
PIECE = 64 * 1024
# No JSON of the service is so large, and of a larger file the beginning does not wait for the end, in bytes.
_MOST_HELD = 64 * 1024 * 1024
# Proxies and clients wait 60 s and more for a first byte (nginx's `proxy_read_timeout`); most files take one second.
_LONGEST_HELD = 20.0


class HeldAnswer:
    """One body, counted among what is kept for `user` in `spools`. A context manager: leaving it forgets the body.

    With `timed` it is held for `_LONGEST_HELD` seconds at most.
    """

    def __init__(self, spools: Spools, user: str, *, timed: bool, now: Callable[[], float] = time.monotonic) -> None:
        self.size = 0
        self._spools = spools
        self._user = user
        self._now = now
        self._until = now() + _LONGEST_HELD if timed else None
        self._file = SpooledTemporaryFile[bytes](max_size=IN_MEMORY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
        self._spools.free(self._user, self.size)
        self.size = 0

    async def fill(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        """Hold the whole body; returns `None`, or the first piece that is too much or comes too late."""
        async for piece in pieces:
            if not self._add(piece):
                return piece
        return None

    def pieces(self) -> Iterator[bytes]:
        """All that is held, in pieces of a sensible size."""
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            yield piece

    def _add(self, piece: bytes) -> bool:
        late = self._until is not None and self._now() > self._until
        if late or self.size + len(piece) > _MOST_HELD or not self._spools.take(self._user, len(piece)):
            return False
        self.size += len(piece)
        self._file.write(piece)
        return True
