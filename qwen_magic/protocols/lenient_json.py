"""Readers of JSON from servers that may omit fields, send null, or send another type: each returns a usable value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["JSONObject", "count", "first_choice", "is_json_object", "mapping", "parsed", "rows", "text_of", "word"]

JSONObject = Mapping[str, Any]

# Levels of objects and arrays. Answers have about 8; code that walks or prints a value can recurse so far.
DEEPEST = 100
# The longest name, id or reason, in characters; the figure is ours.
LONGEST_WORD = 500
# Above this, integers are not exact in JSON (RFC 8259, section 6), and no count is so large.
LARGEST_COUNT = 2**53
SURROGATE = re.compile("[\ud800-\udfff]")


def parsed(text: str) -> Any:
    """The value of a JSON text, with U+FFFD for every half of a surrogate pair, which UTF-8 cannot hold.

    Raises `ValueError` for what is not JSON, for numbers longer than Python converts, and for absurd nesting.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > DEEPEST and _deeper_than(DEEPEST, value):
        raise ValueError("nested too deeply")
    if "\\ud" in text or "\\uD" in text:
        return json.loads(SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)))
    return value


def _deeper_than(limit: int, value: Any) -> bool:
    """Whether a value has more levels than this."""
    level = [value]
    for _ in range(limit):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inside(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def is_json_object(text: str) -> bool:
    """Whether a text is a JSON object, and nothing that only Python takes for one, such as NaN."""
    try:
        return isinstance(json.loads(text, parse_constant=_no_json), dict)
    except (ValueError, RecursionError):
        return False


def _no_json(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    # A dict, as good as always. A stream has these functions called for every few characters.
    return value if type(value) is dict or isinstance(value, Mapping) else {}


def rows(value: Any) -> list[JSONObject]:
    """The objects in a list; none where it is no list."""
    return [row for row in value if type(row) is dict or isinstance(row, Mapping)] if isinstance(value, list) else []


def first_choice(choices: Any, otherwise: JSONObject) -> JSONObject:
    """The first of several answers (n > 1): only it has a place in a conversation."""
    for choice in rows(choices):
        if not choice.get("index"):
            return choice
    return otherwise


def text_of(content: Any) -> str:
    """The text of a `content`: a string, null, or a list of parts of which those with a text count."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(text_of(mapping(part).get("text")) for part in content)
    return ""


def word(value: Any) -> str:
    """A name, an id or a reason: a string of a sensible length, or a number."""
    return str(value)[:LONGEST_WORD] if value and isinstance(value, (str, int)) else ""


def count(value: Any) -> int:
    """A number of tokens, where it is one."""
    return value if isinstance(value, int) and 0 < value < LARGEST_COUNT else 0
