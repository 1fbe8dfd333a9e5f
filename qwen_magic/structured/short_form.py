"""The short form of a schema: `name, age int, city?`. Not for other kinds of schemas: those are in `schema`.

    FIELD[, FIELD …]             or one on each line, where a description may hold commas
    NAME [TYPE][[]][?][: DESCRIPTION]

TYPE is str (also where there is none), int, float, bool, date, or choices, `a|b|c`; `[]` makes a list of it; with `?`
the field may be empty.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

from ..core.errors import InputError
from ..core.translatable import _

__all__ = ["HOW", "short_form"]

TYPES: dict[str, dict[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
}
HOW = _("Such as: 'name, age int, city?, born date, size small|large, tags str[]'.")
FIELD = re.compile(
    r"(?P<name>[^\W\d][\w-]*)(?P<marks>[\[\]?]*)"
    r"(?:\s+(?P<type>[^\s|:：?\[\]]+(?:\s*\|\s*[^\s|:：?\[\]]+)*)(?P<type_marks>[\[\]?]*))?"
    r"\s*(?:[:：]\s*(?P<description>.*))?",
    re.DOTALL,
)
MARKS = ("", "?", "[]", "[]?", "?[]")


def short_form(text: str) -> dict[str, Any]:
    """The JSON schema of an object with these fields. Raises `InputError` for what is not the short form."""
    text = text.strip()
    parts = text.splitlines() if "\n" in text else re.split("[,，]", text)
    properties: dict[str, Any] = {}
    required = []
    for part in filter(None, (part.strip().rstrip(",，") for part in parts)):
        name, field, optional = _read_field(part)
        if name in properties:
            raise InputError(_("The schema has two fields {name}.", name=repr(name)), _("Rename one of them."))
        properties[name] = field
        if not optional:
            required.append(name)
    if not properties:
        raise InputError(_("The schema is empty."), HOW)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _read_field(part: str) -> tuple[str, dict[str, Any], bool]:
    """A field's name, its schema, and whether it may be empty."""
    found = FIELD.fullmatch(part)
    marks = (found["marks"] + (found["type_marks"] or "")) if found else "none"
    if found is None or marks not in MARKS:
        raise InputError(_("The schema's field {field} cannot be read.", field=repr(part)), HOW)
    field = dict(_type_of(found["type"] or "str", part))
    if "[]" in marks:
        field = {"type": "array", "items": field}
    optional = "?" in marks
    if optional:
        field = _nullable(field)
    if found["description"]:
        field["description"] = found["description"].strip()
    return found["name"], field, optional


def _nullable(field: dict[str, Any]) -> dict[str, Any]:
    if "enum" in field:
        return {"enum": [*field["enum"], None]}
    return field | {"type": [field["type"], "null"]}


def _type_of(text: str, part: str) -> dict[str, Any]:
    if "|" in text:
        return {"enum": [choice.strip() for choice in text.split("|")]}
    if text not in TYPES:
        near = difflib.get_close_matches(text.lower(), TYPES, n=1)
        others = _("Types are {names}, and choices such as a|b.", names=", ".join(TYPES))
        hint = _("Did you mean {name}?", name=near[0]) if near else others
        unknown = _("The schema's field {field} has an unknown type: {type}.", field=repr(part), type=text)
        raise InputError(unknown, hint)
    return TYPES[text]
