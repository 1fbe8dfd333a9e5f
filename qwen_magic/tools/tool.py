"""A Python function as a tool: what the model is told of it, and the name that it goes by on the wire.

Functions, methods, partials, async functions and objects that can be called. Not for calling it: that is `running`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..core.errors import InputError
from ..core.messages import ToolFunction
from ..core.translatable import _
from .docstrings import documented
from .parameters import Parameters

__all__ = ["Tool", "tool", "wire_names"]

# Letters, digits, _ and -, up to 64 (the service's docs, "Function calling"; OpenAI's API reference, "tools").
NOT_IN_NAMES, LONGEST_NAME = re.compile(r"[^A-Za-z0-9_-]"), 64
# Refused by the service (its page of error codes; agno-agi/agno#4846).
FORBIDDEN = {"search"}


@dataclass(frozen=True, eq=False)
class Tool:
    """A function that the model may call; made by `tool`.

    Calls of a `parallel` one may run side by side. `is_async` says that calling it makes a coroutine.
    """

    function: Callable[..., Any]
    name: str
    description: str
    parameters: Parameters = field(repr=False)
    parallel: bool
    is_async: bool

    def described(self, name: str) -> ToolFunction:
        """What the model is told of it; `name` is the one on the wire."""
        return ToolFunction(name, self.description, self.parameters.document)


def tool(
    function: Callable[..., Any] | Tool, *, name: str = "", description: str = "", parallel: bool | None = None
) -> Tool:
    """`function` as a tool, with another name or description than its own if they are given.

    Its name, docstring and annotations are what the model is told. `parallel` lets several calls run at the same time,
    in threads; async functions do so by default. Raises `InputError` for what is no function, and for arguments that
    the model cannot give.
    """
    if isinstance(function, Tool):
        return function
    if not callable(function) or isinstance(function, type):
        raise InputError(
            _("A tool is a function, and this is of the type {kind}.", kind=type(function).__name__),
            _("Write a function that does it."),
        )
    below = _unwrapped(function)
    name = name or getattr(below, "__name__", "") or type(below).__name__
    told = documented(inspect.getdoc(below))
    is_async = inspect.iscoroutinefunction(below) or inspect.iscoroutinefunction(type(below).__call__)
    return Tool(
        function,
        name,
        description or told.text,
        Parameters(function, name, told),
        is_async if parallel is None else parallel,
        is_async,
    )


def wire_names(tools: Iterable[Tool]) -> Mapping[str, Tool]:
    """The tools by the names that they have on the wire, where some are forbidden; each is only there once.

    Raises `InputError` for two tools of the same name.
    """
    found: dict[str, Tool] = {}
    for each in tools:
        if any(each.name == other.name for other in found.values()):
            raise InputError(
                _("Two tools are called {name}.", name=each.name),
                _("Give one another name: tool(function, name=…)."),
            )
        found[_free_name(each.name, found)] = each
    return found


def _free_name(name: str, taken: Mapping[str, Tool]) -> str:
    plain = NOT_IN_NAMES.sub("_", name)[:LONGEST_NAME]
    plain = f"{plain}_" if plain.lower() in FORBIDDEN else plain
    found, number = plain, 1
    while found in taken:
        number += 1
        found = f"{plain[: LONGEST_NAME - len(str(number)) - 1]}_{number}"
    return found


def _unwrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function below partials, which have neither name nor docstring of their own."""
    while isinstance(function, partial):
        function = function.func
    return function
