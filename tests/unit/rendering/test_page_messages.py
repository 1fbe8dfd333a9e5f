"""Kernel and page define the same messages: the same names, with the same fields of the same types."""

from __future__ import annotations

import re
import types
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from qwen_magic.rendering import page_messages
from qwen_magic.rendering.page_script import STATIC

TEXT = (STATIC / "page_messages.js").read_text(encoding="utf-8")
TYPEDEF = re.compile(r"@typedef \{object\} (\w+)\n((?: \* @property .*\n)*)")
PROPERTY = re.compile(r"@property \{(.*)\} (\[?)(\w+)\]?")
ALIAS = re.compile(r"@typedef \{(\"[^}]*|Record[^}]*)\} (\w+)")

# A field by its name: whether it may be missing, and its type as JSDoc writes it.
Fields = dict[str, tuple[bool, str]]

PYTHON = {name: value for name, value in vars(page_messages).items() if name in page_messages.__all__}
ALIASES = {name: value for name, value in PYTHON.items() if not is_typeddict(value)}
MESSAGES = {name: value for name, value in PYTHON.items() if is_typeddict(value)}

# What only Python names: the part that two states have in common.
SHARED_PARTS = {"GrowingState"}


def of_page() -> dict[str, Fields]:
    return {
        name: {field: (bool(optional), kind) for kind, optional, field in PROPERTY.findall(fields)}
        for name, fields in TYPEDEF.findall(TEXT)
    }


def of_kernel(message: Any) -> Fields:
    written = get_type_hints(message, include_extras=True)
    missing = {field for field, hint in written.items() if get_origin(hint) is NotRequired} | message.__optional_keys__
    return {field: (field in missing, jsdoc(hint)) for field, hint in get_type_hints(message).items()}


def jsdoc(hint: Any) -> str:
    """A Python type, as JSDoc writes it: by its name, if it has one."""
    return next((name for name, value in PYTHON.items() if hint == value), None) or written(hint)


def written(hint: Any) -> str:
    """A Python type without a name of its own, as JSDoc writes it."""
    simple = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "any"}
    if hint in simple:
        return simple[hint]
    inner = get_args(hint)
    if get_origin(hint) is Literal:
        return " | ".join(f'"{value}"' for value in inner)
    if get_origin(hint) in (Union, types.UnionType):
        return " | ".join(map(jsdoc, inner))
    if get_origin(hint) is list:
        return f"{jsdoc(inner[0])}[]"
    if get_origin(hint) is dict:
        return f"Record<string, {jsdoc(inner[1])}>"
    raise AssertionError(f"no JSDoc for {hint}")


def test_the_same_messages_are_defined_on_both_sides() -> None:
    assert set(of_page()) == set(MESSAGES) - SHARED_PARTS


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - SHARED_PARTS))
def test_a_message_has_the_same_fields_on_both_sides(name: str) -> None:
    assert of_page()[name] == of_kernel(MESSAGES[name])


def test_phases_outcomes_and_texts_in_all_languages_are_the_same_on_both_sides() -> None:
    of_the_page = {name: values for values, name in ALIAS.findall(TEXT)}
    assert of_the_page == {name: written(value) for name, value in ALIASES.items()}
