"""How long a request may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `idle` is how long nothing at all may come: the service itself gives up after 300 (its docs)."""

    connect: float = 10.0
    idle: float = 310.0
