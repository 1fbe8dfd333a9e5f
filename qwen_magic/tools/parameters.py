"""The arguments of a function: their JSON schema, and the values of a call checked and made of the right classes.

A function's annotations become a dataclass, for which `structured` has a schema and a check as for any other. What the
model leaves out is left to the function's own default. Not for calling the function.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from functools import partial
from inspect import Parameter, Signature, signature
from types import MethodType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from ..core.errors import InputError
from ..core.translatable import _
from ..structured.json_text import decoded
from ..structured.schema import Schema, make_schema
from ..structured.validation import Problem, convert
from .docstrings import Documented

__all__ = ["Arguments", "Misfit", "Parameters", "read_arguments"]

# Not of a single argument.
OPEN = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


class Misfit(Exception):
    """The arguments of a call do not fit; the text says why, in one line for the model."""


@dataclasses.dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call: as JSON has them, and as the function takes them."""

    plain: Mapping[str, Any]
    values: Mapping[str, Any]


class Parameters:
    """What one function takes from the model. `name` is the tool's, for messages.

    Raises `InputError` for an argument that the model has to give, and that JSON cannot hold.
    """

    def __init__(self, function: Callable[..., Any], name: str, documented: Documented) -> None:
        self._signature = _signature_of(function, name)
        hints = _hints_of(function)
        bound = _bound_by(function)
        self._schema: Schema[Any] | None = None
        self._names: tuple[str, ...] = ()
        described: dict[str, str] = {}
        fields: list[tuple[str, Any, Any]] = []
        for parameter in self._signature.parameters.values():
            if parameter.kind in OPEN or parameter.name in bound:
                continue
            hint = _hint_of(parameter, hints, documented)
            if not _has_schema(hint):
                if parameter.default is not Parameter.empty:
                    continue  # the model cannot give it, and does not have to
                raise InputError(
                    _("The model cannot give {argument} of {name}: JSON has no such type.",
                      argument=parameter.name, name=name),
                    _("Annotate it as str, int, list and the like, or bind it with functools.partial."),
                )  # fmt: skip
            required = parameter.default is Parameter.empty
            fields.append((parameter.name, hint, dataclasses.field() if required else dataclasses.field(default=None)))
            described[parameter.name] = _remark_in(hint) or documented.arguments.get(parameter.name, "")
        if fields:
            self._names = tuple(field[0] for field in fields)
            self._schema = make_schema(dataclasses.make_dataclass("arguments", fields, kw_only=True))
        self.document = self._document(described)

    def read(self, given: Mapping[str, Any]) -> Arguments:
        """The arguments of a call, checked. Raises `Misfit`."""
        unknown = next((name for name in given if name not in self._names), None)
        if unknown is not None:
            raise Misfit(
                f"there is no argument {json.dumps(unknown)[:100]}; it takes {', '.join(self._names) or 'none'}"
            )
        if self._schema is None:
            return Arguments({}, {})
        data, problems = convert(dict(given), self._schema)
        if problems:
            raise Misfit("; ".join(map(_said, problems)))
        return Arguments(dict(given), {name: getattr(data, name) for name in given})

    def bound(self, arguments: Arguments) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional and the keyword arguments that the function is called with."""
        found = self._signature.bind_partial()
        found.arguments.update(arguments.values)
        found.apply_defaults()
        return found.args, found.kwargs

    def _document(self, described: Mapping[str, str]) -> dict[str, Any]:
        """The JSON schema, with the function's own defaults and what its docstring says."""
        if self._schema is None:
            return {"type": "object", "properties": {}}
        document = {
            name: value for name, value in self._schema.document.items() if name not in ("title", "description")
        }
        properties = {}
        for name, field in document["properties"].items():
            rest = {key: value for key, value in field.items() if key != "default"}
            default = self._signature.parameters[name].default
            if default is not Parameter.empty and _is_json(default):
                rest["default"] = default
            properties[name] = rest | ({"description": described[name]} if described[name] else {})
        return document | {"properties": properties}


def read_arguments(text: str) -> dict[str, Any]:
    """The object in the text that the model wrote; nearly JSON is taken, such as single quotes. Raises `Misfit`."""
    found = decoded(text) if text.strip() else None
    if found is None and not text.strip():
        return {}  # a function without arguments is often called so
    if found is None:
        raise Misfit(f"the arguments are not JSON: {_shown(text)}")
    if not isinstance(found.value, dict):
        raise Misfit(f"the arguments are not a JSON object: {_shown(text)}")
    return found.value


def _signature_of(function: Callable[..., Any], name: str) -> Signature:
    try:
        return signature(function)
    except (TypeError, ValueError):
        raise InputError(
            _("Python does not tell the arguments of {name}.", name=name), _("Write a function that calls it.")
        ) from None


def _hints_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """The annotations of the function below partials, methods and wrappers, as far as they can be read."""
    below: Any = function
    while isinstance(below, partial):
        below = below.func
    if isinstance(below, MethodType):
        below = below.__func__
    elif not hasattr(below, "__code__") and not isinstance(below, type):
        below = type(below).__call__
    try:
        return get_type_hints(below, include_extras=True)
    except Exception:  # annotations may name anything, and hold any expression
        return {name: hint for name, hint in getattr(below, "__annotations__", {}).items() if not isinstance(hint, str)}


def _bound_by(function: Callable[..., Any]) -> set[str]:
    """The names of the arguments that a partial gives: they are the person's, and not the model's to change."""
    return set(function.keywords) if isinstance(function, partial) else set()


def _hint_of(parameter: Parameter, hints: Mapping[str, Any], documented: Documented) -> Any:
    if parameter.name in hints:
        return hints[parameter.name]
    if parameter.name in documented.types:
        return documented.types[parameter.name]
    default = parameter.default
    return type(default) if type(default) in (bool, int, float, str, list, dict) else Any


def _has_schema(hint: Any) -> bool:
    try:
        make_schema(dataclasses.make_dataclass("arguments", [("value", hint)]))
    except InputError:
        return False
    return True


def _remark_in(hint: Any) -> str:
    """What an `Annotated[…]` says of an argument in words."""
    remarks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    said = (each if isinstance(each, str) else getattr(each, "description", None) for each in remarks)
    return next((each for each in said if isinstance(each, str)), "")


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return not isinstance(value, tuple)


def _said(problem: Problem) -> str:
    return str(problem) if problem.field else problem.reason


def _shown(text: str) -> str:
    return json.dumps(text[:80] + "…" if len(text) > 80 else text, ensure_ascii=False)
