"""What the doctor hands out: findings, and the case that it examines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..core.control_characters import one_line
from ..core.errors import redacted
from ..provider.provider import Provider
from ..service.credentials import FoundKey
from ..service.endpoints import Endpoint
from ..service.timeouts import Timeouts

__all__ = ["Case", "Dead", "Finding", "fine", "note", "problem"]

State = Literal["fine", "note", "problem"]
MARKS: Mapping[State, str] = {"fine": "✓", "note": "·", "problem": "✗"}
WIDTH = 14


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: which check, how it went, what was found, what to do (may be empty), and the facts for machines."""

    check: str
    state: State
    found: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{MARKS[self.state]} {self.check:<{WIDTH}} {self.found}" + (f" → {self.remedy}" if self.remedy else "")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def fine(check: str, found: str, **facts: Any) -> Finding:
    return finding(check, "fine", found, "", facts)


def note(check: str, found: str, remedy: str = "", **facts: Any) -> Finding:
    return finding(check, "note", found, remedy, facts)


def problem(check: str, found: str, remedy: str = "", **facts: Any) -> Finding:
    return finding(check, "problem", found, remedy, facts)


def finding(check: str, state: State, found: str, remedy: str, facts: Mapping[str, Any]) -> Finding:
    """A finding whose text may come from elsewhere: a header, a certificate, a file."""
    return Finding(check, state, redacted(one_line(found)), redacted(one_line(remedy)), facts)


class Dead(Exception):
    """The rest of the round is pointless; its reason has been told."""


@dataclass
class Case:
    """What is examined, and what the steps have learned for those after them."""

    provider: Provider
    endpoint: Endpoint
    model: str
    origin: str
    try_regions: bool
    timeouts: Timeouts
    key: FoundKey | None = None
    proxy: str | None = None
    refused: bool = False
    server: str = ""
    models: tuple[str, ...] = ()
