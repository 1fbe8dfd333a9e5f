"""The functions that one question gives to the model, and those of them that it allows beforehand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.errors import InputError
from ..core.messages import ChatRequest, Message, ToolFunction
from ..core.translatable import _
from .consent import same_function
from .tool import Tool, tool, wire_names

__all__ = ["Toolset", "candidate_tools", "next_request", "toolset", "toolset_named"]

GIVE_THEM = _("Name it as a tool as well.")


@dataclass(frozen=True)
class Toolset:
    """Tools by the names that they have on the wire; `allowed` are those that need no further consent."""

    tools: Mapping[str, Tool] = field(default_factory=dict)
    allowed: tuple[Tool, ...] = ()

    @property
    def functions(self) -> tuple[ToolFunction, ...]:
        """What the model is told."""
        return tuple(each.described(name) for name, each in self.tools.items())

    @property
    def text(self) -> str:
        """All that is told of the tools, as text."""
        return "\n".join(
            f"{each.name} {each.description} {json.dumps(each.parameters, ensure_ascii=False)}"
            for each in self.functions
        )

    def given_to(self, request: ChatRequest) -> ChatRequest:
        """The request with the tools in it."""
        parallel = any(each.parallel for each in self.tools.values())
        return replace(request, tools=self.functions, parallel_calls=parallel)


def toolset(functions: Iterable[Any], allow: Iterable[Any] = ()) -> Toolset | None:
    """The functions as tools, those to `allow` by name or as they are; `None` for no function.

    Raises `InputError` for what is no tool, and for a permission that no tool here can use.
    """
    tools = wire_names(map(tool, functions))
    allowed = tuple(_allowed_in(tools.values(), each) for each in allow)
    return Toolset(tools, allowed) if tools else None


def toolset_named(names: Iterable[str], allow: Iterable[str], namespace: Mapping[str, Any]) -> Toolset | None:
    """The same for names in the notebook, `object.method` among them. Raises `InputError`."""
    return toolset([_found(name, namespace) for name in dict.fromkeys(names)], dict.fromkeys(allow))


def next_request(request: ChatRequest, messages: Sequence[Message], *, last: bool) -> ChatRequest:
    """The request that goes on with the results of a round; after the `last` one the model may call nothing more.

    A call that was asked for (`tool_choice`) has been made: asked for again, it would be made without an end.
    """
    fields = {name: value for name, value in request.fields.items() if name != "tool_choice" or value == "none"}
    choice = "none" if last else request.tool_choice
    return replace(request, messages=(*request.messages, *messages), fields=fields, tool_choice=choice)


def candidate_tools(namespace: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """The functions that were defined in the notebook itself."""
    return {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and _is_own(value, namespace.get("__name__", "__main__"))
    }


def _is_own(value: Any, module: str) -> bool:
    return isinstance(value, Tool) or (hasattr(value, "__code__") and getattr(value, "__module__", "") == module)


def _found(name: str, namespace: Mapping[str, Any]) -> Tool:
    first, *rest = name.split(".")
    if first not in namespace:
        raise InputError(_("There is no {name} in the notebook.", name=first), _("-t names one of its functions."))
    value = namespace[first]
    for attribute in rest:
        if not hasattr(value, attribute):
            raise InputError(_("{name}: there is no {attribute} in it.", name=name, attribute=repr(attribute)))
        value = getattr(value, attribute)
    if isinstance(value, Tool):
        return value
    # The name that the person uses, also for a lambda, which has none of its own.
    return tool(value, name=(rest or [first])[-1])


def _allowed_in(tools: Iterable[Tool], given: Any) -> Tool:
    function = given.function if isinstance(given, Tool) else given
    for each in tools:
        if function == each.name if isinstance(function, str) else same_function(each.function, function):
            return each
    name = function if isinstance(function, str) else getattr(function, "__name__", type(function).__name__)
    last = name.rpartition(".")[2]
    if isinstance(function, str) and last != name:  # -t table.first --allow table.first
        return _allowed_in(tools, last)
    raise InputError(_("{name} is allowed, and is no tool of this question.", name=name), GIVE_THEM)
