"""The time limits of a request."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds. `idle` is the longest time without any data: the service itself ends after 300 (its docs)."""

    connect: float = 10.0
    idle: float = 310.0
