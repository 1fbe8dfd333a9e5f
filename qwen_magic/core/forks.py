"""What a forked child must not share with its parent: sockets, and locks that a thread of the parent may hold.

The threads of a parent do not exist in its child (`os.fork`'s docs), so that a lock which one of them held stays locked
there. As in `logging`, whoever has such a thing is kept in a weak set, because `os.register_at_fork` forgets nobody.
Not for children that are started anew (spawn, loky): they inherit nothing.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Inherited", "renewed_in_children"]


class Inherited(Protocol):
    """Something that a forked child has a copy of."""

    def after_fork(self) -> None:
        """Called in the child, before anything else runs there: make new locks, let go of what the parent uses."""


_inherited: WeakSet[Inherited] = WeakSet()


def renewed_in_children(owner: Inherited) -> None:
    """Call `owner.after_fork` in every child that is forked during its life."""
    _inherited.add(owner)


def _after_fork() -> None:
    for owner in tuple(_inherited):
        owner.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_after_fork)
