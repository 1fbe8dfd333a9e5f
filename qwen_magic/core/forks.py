"""Renews in a forked child what it must not share with its parent: sockets, and locks that another thread may hold.

The threads of a parent do not exist in its child (`os.fork`'s docs), so that a lock which one of them held stays locked
there. As in `logging`, the owners are kept in a weak set, because `os.register_at_fork` cannot unregister. Not for
children that are started anew (spawn, loky): they inherit nothing.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Inherited", "renewed_in_children"]


class Inherited(Protocol):
    """An object with sockets or locks, of which a forked child has a copy."""

    def after_fork(self) -> None:
        """Called in the child before other code runs: make new locks, drop connections that the parent uses."""


_inherited: WeakSet[Inherited] = WeakSet()


def renewed_in_children(owner: Inherited) -> None:
    """Call `owner.after_fork` in every child that is forked while `owner` exists."""
    _inherited.add(owner)


def _after_fork() -> None:
    for owner in tuple(_inherited):
        owner.after_fork()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_after_fork)
