"""Python's own structures, written in few lines: nested, indented, and cut wherever they are long or deep.

Only what is shown is written: a list of a million items costs as much as one of fifty.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import Any

from ..core.sizes import readable_size
from .table_summary import number

__all__ = ["array", "leaf", "title", "written"]

# Ours: items of one container, characters of one string and of one object's own repr, nesting, characters in all.
MAX_ITEMS = 50
MAX_STRING = 2_000
MAX_REPR = 4_000
MAX_DEPTH = 8
MAX_CHARACTERS = 40_000
# Elements of an array that are looked at for its range.
MAX_ELEMENTS = 5_000_000
INDENT = "    "


def title(value: object) -> str:
    """What it is, and how much of it: `dict, 12 items`."""
    name = type(value).__qualname__
    try:
        size = len(value) if isinstance(value, Mapping | Sequence | Set) else None
    except Exception:  # of a class of somebody's own: whatever it raises, its size is not known
        size = None
    return name if size is None else f"{name}, {size:,} item{'s' * (size != 1)}"


def written(value: object) -> str:
    """The value as text, at most about forty thousand characters of it."""
    pieces, size = [], 0
    for piece in _pieces_of(value, 0, ()):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_CHARACTERS:
            pieces.append(" … (cut)")
            break
    return "".join(pieces)


def _pieces_of(value: Any, depth: int, outer: tuple[int, ...]) -> Iterator[str]:
    """Yield the text of a value in pieces, so that the caller can stop at any length."""
    shape = _shape_of(value)
    if shape is None:
        yield leaf(value)
        return
    opening, items, size, closing = shape
    if id(value) in outer or depth > MAX_DEPTH:
        yield f"{opening}…{closing}"
        return
    if not size:
        yield opening + closing
        return
    yield opening
    inner = INDENT * (depth + 1)
    shown = list(islice(items, MAX_ITEMS))
    if not any(label or isinstance(item, str) or _shape_of(item) for label, item in shown):
        more = [f"… {size - MAX_ITEMS:,} more"] * (size > MAX_ITEMS)
        yield ", ".join([*(leaf(item) for _, item in shown), *more]) + closing
        return
    for label, item in shown:
        yield f"\n{inner}{label}"
        yield from _pieces_of(item, depth + 1, (*outer, id(value)))
        yield ","
    if size > MAX_ITEMS:
        yield f"\n{inner}… {size - MAX_ITEMS:,} more"
    yield f"\n{INDENT * depth}{closing}"


def _shape_of(value: Any) -> tuple[str, Iterator[tuple[str, Any]], int, str] | None:
    """How a container is written: its opening, its labelled items and their number, its closing. Not of a leaf."""
    name = type(value).__name__
    if isinstance(value, dict):
        opening, closing = ("{", "}") if type(value) is dict else (f"{name}({{", "})")
        return opening, ((f"{leaf(key)}: ", item) for key, item in value.items()), len(value), closing
    if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
        pairs = {"list": "[]", "tuple": "()", "set": "{}"}
        opening, closing = tuple(pairs[name]) if name in pairs and value else (f"{name}([", "])")
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) and len(value) <= MAX_REPR else value
        return opening, (("", item) for item in items), len(value), closing
    fields = _fields_of(value)
    if fields is None:
        return None
    return f"{name}(", ((f"{key}=", item) for key, item in fields.items()), len(fields), ")"


def _fields_of(value: Any) -> dict[str, Any] | None:
    """The fields that a dataclass, a named tuple, an attrs class or a pydantic model shows."""
    kind = type(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name, None) for each in dataclasses.fields(value) if each.repr}
    names = getattr(kind, "model_fields", None)
    if isinstance(names, Mapping):
        return {name: getattr(value, name, None) for name, each in names.items() if getattr(each, "repr", True)}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return {name: getattr(value, name) for name in kind._fields}
    attributes = getattr(kind, "__attrs_attrs__", None)
    if attributes is not None:
        return {each.name: getattr(value, each.name, None) for each in attributes if each.repr}
    return None


def leaf(value: object) -> str:
    """The value's own repr, cut at `MAX_REPR` characters; its type if the repr raises."""
    if isinstance(value, str) and len(value) > MAX_STRING:
        return f"{value[:MAX_STRING]!r}… ({len(value):,} characters)"
    if isinstance(value, bytes | bytearray) and len(value) > MAX_STRING:
        return f"<{readable_size(len(value))} of bytes>"
    try:
        text = repr(value)
    except Exception as error:  # of a class of somebody's own: whatever it raises
        return f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    return text if len(text) <= MAX_REPR else f"{text[:MAX_REPR]}… ({len(text):,} characters)"


def array(value: Any) -> tuple[str, str]:
    """An array of numpy or torch: what it is with its range, and its values as it shows them itself."""
    shape = " × ".join(f"{each:,}" for each in value.shape) or "scalar"
    facts = [type(value).__name__, shape, str(value.dtype)]
    if getattr(value.dtype, "kind", "") in "iuf" and value.size:
        step = -(-value.size // MAX_ELEMENTS)
        elements = value.flat[::step] if step > 1 else value
        known = elements[elements == elements]  # not a number is not equal to itself
        if known.size:
            facts.append(
                f"{number(known.min().item())} – {number(known.max().item())}, mean {number(float(known.mean()))}"
            )
        if known.size < elements.size:
            facts.append(f"{elements.size - known.size:,} NaN")
        facts += [f"from every {step}th element"] * (step > 1)
    return ", ".join(facts), leaf(value)
