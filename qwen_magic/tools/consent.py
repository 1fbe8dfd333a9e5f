"""Who may let the model call a function: the person, beforehand in the cell, or when they are asked.

What was allowed holds in this kernel, for the very function that was shown: one that was defined anew, or another one
of the same name, is asked about again. It is saved nowhere, and nothing that a model writes changes it. Not for how a
person is asked: that is the surfaces' business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from ..core.forks import renewed_in_children
from .tool import Tool

__all__ = ["CallQuestion", "Consent", "Verdict", "same_function"]


@dataclass(frozen=True, slots=True)
class CallQuestion:
    """What a person is asked: whether this function may be called with these arguments."""

    name: str
    description: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What they said: `for_kernel` holds for every further call of the function. `reason` is told to the model."""

    allowed: bool
    for_kernel: bool = False
    reason: str = ""


_Ask = Callable[[CallQuestion], Verdict | None]


def _nobody(question: CallQuestion) -> None:
    """There is nobody to ask."""


class Consent:
    """What was allowed in one kernel. `ask` asks the person, and gives `None` where there is nobody. Any thread."""

    def __init__(self, ask: _Ask = _nobody) -> None:
        self.ask = ask
        self._lock = Lock()
        self._allowed: list[Tool] = []
        renewed_in_children(self)

    def after_fork(self) -> None:
        """A forked child allows nothing that was not allowed before, and asks nobody."""
        self._lock = Lock()
        self.ask = _nobody

    @property
    def allowed(self) -> tuple[str, ...]:
        """The names of the functions that are allowed in this kernel."""
        with self._lock:
            return tuple(each.name for each in self._allowed)

    def allows(self, function: Callable[..., Any]) -> bool:
        """Whether every call of this function is allowed."""
        with self._lock:
            return any(same_function(each.function, function) for each in self._allowed)

    def decide(self, tool: Tool, arguments: Mapping[str, Any]) -> Verdict | None:
        """Whether this call may be made; `None` where nobody can be asked."""
        if self.allows(tool.function):
            return Verdict(True)
        verdict = self.ask(CallQuestion(tool.name, tool.description, arguments))
        if verdict is not None and verdict.allowed and verdict.for_kernel:
            with self._lock:
                self._allowed.append(tool)
        return verdict

    def forget(self) -> None:
        """Allow nothing any more."""
        with self._lock:
            self._allowed.clear()


def same_function(one: Any, other: Any) -> bool:
    """Whether both are the same function. A method is another object each time it is looked up."""
    if one is other:
        return True
    of_one, of_other = getattr(one, "__func__", None), getattr(other, "__func__", None)
    return of_one is not None and of_one is of_other and one.__self__ is other.__self__
