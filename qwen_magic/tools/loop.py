"""The calls of one answer: which may run, running them, and what the model is told of each, whatever happens.

Every call gets a result, in one line where it was not run, so that the answer can go on. Not for asking the model:
`assistant` sends the results, and passes on what comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import InputError
from ..core.messages import Text, ToolCall
from ..core.tool_rounds import Outcome, ToolResult
from ..core.translatable import Translatable, _
from .consent import Consent, Verdict
from .parameters import Arguments, Misfit, read_arguments
from .results import ResultLimits, error_line, parts_of, traceback_of
from .running import Ran, Running, run_here
from .tool import Tool
from .toolset import Toolset

__all__ = ["Called", "ToolCalls", "stopped", "with_ids"]

# Ours: a model that calls more at once repeats itself.
MOST_AT_ONCE = 20
STOPPED = "Not run to its end: the person stopped it."
NOT_ALLOWED = "The person did not allow this call."
NOBODY = "The person has not allowed this function, and cannot be asked now."
# A person has to be able to read what they allow, in characters.
LONGEST_ARGUMENTS = 50_000
TOO_LONG = f"The arguments are longer than {LONGEST_ARGUMENTS:,} characters."
TOO_MANY = f"Only {MOST_AT_ONCE} functions can be called at once."


@dataclass(frozen=True, slots=True)
class _Ready:
    """A call that may run."""

    call: ToolCall
    tool: Tool
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Called:
    """The result of a call; `note` is for the person, if there is one."""

    result: ToolResult
    note: Translatable | None = None


class ToolCalls:
    """Runs the calls of one answer. `check` is called while a call runs, and may raise to stop it."""

    def __init__(self, tools: Toolset, consent: Consent, limits: ResultLimits, check: Callable[[], None]) -> None:
        self._tools = tools
        self._consent = consent
        self._limits = limits
        self._check = check

    def run(self, calls: Sequence[ToolCall]) -> Iterator[Called]:
        """The results of the calls, in their order.

        First all of them are checked, and asked about; then those that may run side by side begin, and the others run
        one after the other. An interrupt is raised.
        """
        prepared = [self._prepared(call, number) for number, call in enumerate(calls)]
        begun = {
            number: Running.of(ready.tool, ready.arguments)
            for number, ready in enumerate(prepared)
            if isinstance(ready, _Ready) and ready.tool.parallel
        }
        try:
            for number, ready in enumerate(prepared):
                if isinstance(ready, Called):
                    yield ready
                    continue
                if number in begun:
                    ran = begun.pop(number).result(self._check)
                else:
                    ran = run_here(ready.tool, ready.arguments, self._check)
                yield Called(self._result(ready, ran))
        finally:
            for running in begun.values():
                running.stop()

    def _prepared(self, call: ToolCall, number: int) -> _Ready | Called:
        """The call if it may run, else what is told instead."""
        tool = self._tools.tools.get(call.name)
        if number >= MOST_AT_ONCE or len(call.arguments) > LONGEST_ARGUMENTS:
            text = TOO_MANY if number >= MOST_AT_ONCE else TOO_LONG
            return Called(_told(_normal(call, {}), "malformed", text, tool))
        try:
            given = read_arguments(call.arguments)
        except Misfit as misfit:
            outcome: Outcome = "malformed" if tool else "unknown"
            return Called(_told(_normal(call, {}), outcome, str(misfit) if tool else self._unknown(call), tool))
        call = _normal(call, given)
        if tool is None:
            return Called(_told(call, "unknown", self._unknown(call)))
        try:
            arguments = tool.parameters.read(given)
        except Misfit as misfit:
            return Called(_told(call, "malformed", f"The arguments do not fit: {misfit}", tool))
        return self._with_consent(_Ready(call, tool, arguments))

    def _with_consent(self, ready: _Ready) -> _Ready | Called:
        tool = ready.tool
        allowed = any(tool is each for each in self._tools.allowed)
        verdict = Verdict(True) if allowed else self._consent.decide(tool, ready.arguments.plain)
        if verdict is None:
            return Called(_told(ready.call, "refused", NOBODY, tool), _nobody_asked(tool.name))
        if verdict.allowed:
            return ready
        reason = f"{NOT_ALLOWED} Their reason: {verdict.reason}" if verdict.reason else NOT_ALLOWED
        return Called(_told(ready.call, "refused", reason, tool))

    def _unknown(self, call: ToolCall) -> str:
        names = ", ".join(self._tools.tools)
        return f"There is no function {json.dumps(call.name[:100])}. There are: {names}."

    def _result(self, ready: _Ready, ran: Ran) -> ToolResult:
        call, name = ready.call, ready.tool.name
        error = ran.error
        if error is None:
            try:
                parts = parts_of(ran.value, name, self._limits)
            except InputError as refusal:  # a secret, or nothing that can be sent
                text = f"The result was not sent: {refusal.happened}"
                return ToolResult(call, "withheld", (Text(text),), name, ran.seconds)
            except Exception as caught:  # of a value of somebody's own class: whatever its methods raise
                error = caught
            else:
                return ToolResult(call, "returned", parts, name, ran.seconds)
        told = Text(error_line(error, name, self._limits))
        return ToolResult(call, "raised", (told,), name, ran.seconds, traceback_of(error))


def with_ids(calls: Iterable[ToolCall], earlier: int) -> tuple[ToolCall, ...]:
    """The calls with ids of which each is there once, where a server gave none; `earlier` is the number of rounds
    before, so that the same answer has the same ids each time."""
    found: dict[str, ToolCall] = {}
    for number, call in enumerate(calls):
        id = call.id if call.id and call.id not in found else f"call_{earlier}_{number}"
        found[id] = replace(call, id=id)
    return tuple(found.values())


def stopped(calls: Iterable[ToolCall], tools: Toolset) -> Iterator[ToolResult]:
    """The results of calls that have none, because the person stopped the answer."""
    for call in calls:
        given: Mapping[str, Any] = {}
        with suppress(Misfit):
            given = read_arguments(call.arguments)
        yield _told(_normal(call, given), "stopped", STOPPED, tools.tools.get(call.name))


def _told(call: ToolCall, outcome: Outcome, text: str, tool: Tool | None = None) -> ToolResult:
    return ToolResult(call, outcome, (Text(text),), tool.name if tool else "")


def _normal(call: ToolCall, given: Mapping[str, Any]) -> ToolCall:
    """The call with its arguments as JSON: broken ones are an error of the service when they are sent back."""
    try:
        return replace(call, arguments=json.dumps(given, ensure_ascii=False, allow_nan=False))
    except ValueError:
        return replace(call, arguments="{}")


def _nobody_asked(name: str) -> Translatable:
    return _("{name} was not called: nobody can be asked here (--allow {name} allows it beforehand)", name=name)
