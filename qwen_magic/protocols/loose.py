"""Readers for JSON of which nothing is certain: nulls, missing fields and surprises are nothing to act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["JSONObject", "count", "first_choice", "mapping", "text_of"]

JSONObject = Mapping[str, Any]


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def first_choice(choices: Any, otherwise: JSONObject) -> JSONObject:
    """The first of several answers (n > 1): only it has a place in a conversation."""
    found = (choice for choice in map(mapping, choices if isinstance(choices, list) else ()) if not choice.get("index"))
    return next(found, otherwise)


def text_of(content: Any) -> str:
    """The text of a `content`: a string, null, or a list of parts of which those with a text count."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(text_of(mapping(part).get("text")) for part in content)
    return ""


def count(value: Any) -> int:
    """A number of tokens, where it is one."""
    return value if isinstance(value, int) and value > 0 else 0
