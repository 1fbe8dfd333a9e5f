"""An answer checked against its schema: the data, or what does not fit, in the validator's words.

A class is built and checked by pydantic or msgspec, everything else by jsonschema. Not for asking again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeVar

from ..core.threads import start_thread
from .json_text import Found, decoded, find_values
from .schema import ITEMS, Schema, uses_pydantic

__all__ = ["Checked", "Problem", "as_plain", "check", "convert", "prepare_check"]

T = TypeVar("T")

# As many problems are told, to the person and to the model; and so much of what came, in characters.
MOST_PROBLEMS, SHOWN = 5, 100
STEP = re.compile(r"\[(\d+|\.\.\.)\]|\.?([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not fit: which field (a path such as `[2].age`), why, and what came in its place, as JSON."""

    field: str
    reason: str
    came: str = ""

    def __str__(self) -> str:
        came = f" (came: {self.came})" if self.came.strip('"') not in self.reason else ""
        return f"{self.field or 'the answer'}: {self.reason}{came}"


@dataclass(frozen=True, slots=True)
class Checked:
    """`data` of the class that was asked for, and `plain`, the same as JSON has it; or what is wrong instead.

    `cut` says that the answer ends in the middle of its JSON.
    """

    data: Any = None
    plain: Any = None
    problems: tuple[Problem, ...] = ()
    cut: bool = False

    @property
    def fits(self) -> bool:
        return not self.problems


def prepare_check(schema: Schema[Any]) -> None:
    """Import what `check` needs for this schema, in a thread, while the model writes.

    It takes two seconds where jsonschema finds the grammars of all its formats, as it does beside jupyter-events.
    """
    if schema.target is None:
        start_thread("qwen-import", import_module, "jsonschema.validators")


def check(text: str, schema: Schema[T]) -> Checked:
    """Read an answer's text, and build what was asked for. The first value that fits counts."""
    if not text.strip():
        return Checked(problems=(Problem("", "it is empty"),))
    found = find_values(text)
    whole = [each.value for each in found if each.whole]
    first: Checked | None = None
    for value in whole:
        for form in _forms(value, schema):
            checked = _built(form, schema)
            if checked.fits:
                return checked
            first = first or checked
    if len(whole) < len(found):
        return Checked(problems=(Problem("", "it ends before its JSON does", _shown(text[-40:])),), cut=True)
    return first or Checked(problems=(Problem("", "there is no JSON in it", _shown(text)),))


def _forms(value: Any, schema: Schema[Any]) -> Iterator[Any]:
    """What may be meant: with or without the field that it travels in, as a string, one for a list of one."""
    if isinstance(value, str) and schema.document.get("type") != "string":
        inner: Found | None = decoded(value)
        value = inner.value if inner else value
    fields = value if isinstance(value, Mapping) else {}
    if schema.key and schema.key in fields:
        yield fields[schema.key]
    elif schema.key == ITEMS:
        yield from (inner for inner in fields.values() if len(fields) == 1 and isinstance(inner, list))
        yield [value] if fields else value
    elif isinstance(value, list) and len(value) == 1 and schema.document.get("type") == "object":
        yield value[0]
    else:
        yield value


def _built(value: Any, schema: Schema[Any]) -> Checked:
    if schema.target is None:
        problems = tuple(_by_jsonschema(value, schema))
        filled = value if problems or not schema.fills else _with_all_fields(value, schema)
        return Checked(filled, filled, problems)
    data, problems = convert(value, schema)
    return Checked(problems=problems) if problems else Checked(data, as_plain(data, schema))


def convert(value: Any, schema: Schema[Any]) -> tuple[Any, tuple[Problem, ...]]:
    """What `value` is as the schema's class, or what is wrong with it. The schema has to have a class."""
    return _by_pydantic(value, schema) if _uses_own_pydantic(schema.target) else _by_msgspec(value, schema)


def _with_all_fields(value: Any, schema: Schema[Any]) -> Any:
    if isinstance(value, list):
        return [_with_all_fields(row, schema) for row in value]
    return {name: value.get(name) for name in schema.fields} if isinstance(value, Mapping) else value


def as_plain(data: Any, schema: Schema[Any]) -> Any:
    """The data as JSON has it."""
    if schema.target is None:
        return data
    if _uses_own_pydantic(schema.target):
        return _adapter(schema.target).dump_python(data, mode="json")
    import msgspec

    return msgspec.to_builtins(data)


# --- the validators


def _by_jsonschema(value: Any, schema: Schema[Any]) -> Iterator[Problem]:
    from jsonschema.validators import (  # type: ignore[import-untyped]  # it has no types of its own
        Draft202012Validator,
        validator_for,
    )

    kind = validator_for(schema.document, default=Draft202012Validator)
    validator = kind(schema.document, format_checker=kind.FORMAT_CHECKER)
    for number, error in enumerate(validator.iter_errors(value)):
        if number == MOST_PROBLEMS:
            return
        came = error.instance
        yield Problem(error.json_path.removeprefix("$").removeprefix("."), _shortened(error.message), _shown(came))


def _by_pydantic(value: Any, schema: Schema[Any]) -> tuple[Any, tuple[Problem, ...]]:
    refused = import_module("pydantic").ValidationError
    try:
        return _adapter(schema.target).validate_python(value), ()
    except refused as error:
        problems = error.errors(include_url=False, include_context=False)[:MOST_PROBLEMS]
        return None, tuple(
            Problem(_path_of(each["loc"]), _shortened(each["msg"]), _shown(each["input"])) for each in problems
        )


def _by_msgspec(value: Any, schema: Schema[Any]) -> tuple[Any, tuple[Problem, ...]]:
    """`strict=False` takes "34" for a number, which models write, and pydantic takes it, too."""
    import msgspec

    try:
        return msgspec.convert(value, schema.target, strict=False), ()
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        path = path.removesuffix("`").removeprefix("$").removeprefix(".")
        return None, (Problem(path, _shortened(reason), _shown(_at_path(value, path))),)


@lru_cache(maxsize=32)
def _adapter(target: Any) -> Any:
    return import_module("pydantic").TypeAdapter(target)


@lru_cache(maxsize=32)
def _uses_own_pydantic(target: Any) -> bool:
    """Whether pydantic checks it: its own classes, and those of others that hold them."""
    if uses_pydantic(target):
        return True
    import msgspec

    try:
        msgspec.json.schema(target)
    except TypeError:
        return True
    return False


# --- words


def _path_of(steps: tuple[int | str, ...]) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.removeprefix(".")


def _at_path(value: Any, path: str) -> Any:
    """What came at a path, as far as the path says where that is."""
    for index, name in STEP.findall(path):
        if name and isinstance(value, Mapping) and name in value:
            value = value[name]
        elif index.isdecimal() and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            break
    return value


def _shortened(text: str) -> str:
    return text if len(text) <= 2 * SHOWN else text[: 2 * SHOWN] + "…"


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
