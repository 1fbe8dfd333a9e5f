"""Kernel and page define the same messages: the same names, with the same fields of the same types."""

from __future__ import annotations

import dataclasses
import re
import types
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from qwen_magic.panel.page_requests import KINDS, Given
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

# What only Python names: the part that two states have in common, a change that has no number yet.
SHARED_PARTS = {"Change", "GrowingState"}


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
    if hint is Given:
        return "GivenAttachment"
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
    if get_origin(hint) in (list, tuple):
        return f"{jsdoc(inner[0])}[]"
    if get_origin(hint) is dict:
        return f"Record<string, {jsdoc(inner[1])}>"
    raise AssertionError(f"no JSDoc for {hint}")


def requests_of_kernel() -> dict[str, Fields]:
    """What a panel may send, as the kernel reads it."""
    requests: dict[str, Fields] = {}
    for kind in dict.fromkeys(KINDS.values()):
        names = [name for name, found in KINDS.items() if found is kind]
        hints = get_type_hints(kind)
        fields = {
            field.name: (field.default is not dataclasses.MISSING, jsdoc(hints[field.name]).removesuffix(" | null"))
            for field in dataclasses.fields(kind)
        }
        requests[f"{kind.__name__}Request"] = {"do": (False, written(Literal[*names]))} | fields
    return requests


# An answer's widget asks for one thing, whatever the message is.
RECORD_REQUEST = {"RecordRequest": {"do": (False, '"record"')}}


def test_the_same_messages_are_defined_on_both_sides() -> None:
    assert set(of_page()) == (set(MESSAGES) - SHARED_PARTS) | set(requests_of_kernel()) | set(RECORD_REQUEST)


def test_what_a_page_may_send_is_the_same_on_both_sides() -> None:
    expected = requests_of_kernel() | RECORD_REQUEST
    assert {name: fields for name, fields in of_page().items() if name in expected} == expected


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - SHARED_PARTS))
def test_a_message_has_the_same_fields_on_both_sides(name: str) -> None:
    assert of_page()[name] == of_kernel(MESSAGES[name])


def test_phases_outcomes_and_texts_in_all_languages_are_the_same_on_both_sides() -> None:
    of_the_page = {name: values for values, name in ALIAS.findall(TEXT)}
    assert of_the_page == {name: written(value) for name, value in ALIASES.items()}
