"""The doctor's findings, and the case that it examines. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ..core.errors import clean
from ..core.languages import translated
from ..core.translatable import _, applied
from ..provider.provider import Provider
from ..rendering.fact_table import padded
from ..service.credentials import FoundKey
from ..service.endpoints import Endpoint
from ..service.timeouts import Timeouts

__all__ = ["Case", "Dead", "Finding", "fine", "note", "problem"]

_State = Literal["fine", "note", "problem"]
MARKS: Mapping[_State, str] = {"fine": "✓", "note": "·", "problem": "✗"}
WIDTH = 14
# The checks' names for display; the keys are for programs.
CHECKS = {
    "versions": _("versions"),
    "configuration": _("configuration"),
    "key": _("key"),
    "CA bundle": _("CA bundle"),
    "proxy": _("proxy"),
    "answer": _("answer"),
    "clock": _("clock"),
    "models": _("models"),
    "key accepted": _("key accepted"),
    "large requests": _("large requests"),
    "model": _("model"),
    "stream": _("stream"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: which check, how it went, what was found, what to do (may be empty), and the facts for machines."""

    check: str
    state: _State
    found: str
    remedy: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self._line(self.check, self.found, self.remedy)

    def in_language(self) -> str:
        """The line in the current language."""
        return self._line(*map(translated, (CHECKS.get(self.check, self.check), self.found, self.remedy)))

    def _line(self, check: str, found: str, remedy: str) -> str:
        return f"{MARKS[self.state]} {padded(check, WIDTH)} {found}" + (f" → {remedy}" if remedy else "")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def fine(check: str, found: str, **facts: Any) -> Finding:
    return _finding(check, "fine", found, "", facts)


def note(check: str, found: str, remedy: str = "", **facts: Any) -> Finding:
    return _finding(check, "note", found, remedy, facts)


def problem(check: str, found: str, remedy: str = "", **facts: Any) -> Finding:
    return _finding(check, "problem", found, remedy, facts)


def _finding(check: str, state: _State, found: str, remedy: str, facts: Mapping[str, Any]) -> Finding:
    """A finding whose text may come from other programs: a header, a certificate, a file."""
    return Finding(check, state, applied(clean, found), applied(clean, remedy), facts)


class Dead(Exception):
    """Ends the examination: further steps are pointless, and a finding has the reason."""


@dataclass
class Case:
    """What is examined, and the results of steps that later steps need."""

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
