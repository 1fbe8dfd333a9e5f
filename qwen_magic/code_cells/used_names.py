"""The names that a failing line used, described without their values: types, shapes, columns, keys, signatures.

No expression is evaluated for that. What looks like a secret is named, and no more is said of it.
"""

from __future__ import annotations

import dis
import inspect
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from ..attachments.secret_scanner import own_keys, refuse_secret_text, refuse_secret_variable
from ..attachments.variables import described
from ..core.errors import InputError

__all__ = ["described_names", "secrets_among", "used_names"]

# Ours: names of one error, keys of a dict, and characters of one description.
MAX_NAMES, MAX_KEYS, MAX_DESCRIPTION = 20, 40, 4_000
# Python's instructions that read a name, and their variants (the `dis` module's docs).
LOADS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT")
# A shorter secret may stand anywhere by chance.
SHORTEST_SECRET = 4
SECRET = "its value is not sent: it looks like a secret"


def used_names(traceback: TracebackType) -> dict[str, Any]:
    """The values of the names that the failing line of this frame used, but for built-in ones."""
    frame = traceback.tb_frame
    values = {**frame.f_globals, **frame.f_locals}
    return {name: values[name] for name in _loaded_names(frame.f_code, *_failing_lines(traceback)) if name in values}


def _loaded_names(code: types.CodeType, first: int, last: int) -> Iterator[str]:
    """The names that are read on these lines; no attributes and constants."""
    for instruction in dis.get_instructions(code):
        line = instruction.positions.lineno if instruction.positions else None
        if line is not None and first <= line <= last and instruction.opname.startswith(LOADS):
            # Python 3.13 loads two at once.
            loaded = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
            yield from (name for name in loaded if isinstance(name, str))


def _failing_lines(traceback: TracebackType) -> tuple[int, int]:
    """The first and the last line of the expression that failed."""
    positions = list(traceback.tb_frame.f_code.co_positions())
    at = traceback.tb_lasti // 2
    first, last, *_ = positions[at] if 0 <= at < len(positions) else (None, None)
    return min(first or traceback.tb_lineno, traceback.tb_lineno), last or traceback.tb_lineno


def described_names(names: Mapping[str, Any]) -> Iterator[str]:
    """A description for each of the first names, in markdown; modules are left to the list of versions."""
    values = [(name, value) for name, value in names.items() if not isinstance(value, types.ModuleType)]
    for name, value in values[:MAX_NAMES]:
        kind = type(value).__qualname__
        try:
            refuse_secret_variable(name, value)
            text = _description(name, value)
            refuse_secret_text(text, name, own_keys())
        except InputError:
            yield f"- `{name}`: {kind} ({SECRET})"
        except Exception:  # of a class of somebody's own: whatever it raises when it is looked at
            yield f"- `{name}`: {kind}"
        else:
            yield f"- `{name}`: {text[:MAX_DESCRIPTION].strip()}"


def _description(name: str, value: Any) -> str:
    """What a value is, without what is in it; numbers are short, and what most errors of arithmetic are about."""
    if value is None or isinstance(value, bool | int | float | complex):
        return f"{type(value).__qualname__}, {value!r}"[:MAX_DESCRIPTION]
    if inspect.isroutine(value) or isinstance(value, type):
        return _signature(value)
    text = described(name, value, None).text
    if isinstance(value, dict) and value:
        keys = list(value)[:MAX_KEYS]
        return f"{text}, keys {keys!r}{' …' * (len(value) > MAX_KEYS)}"
    return text


def _signature(value: Any) -> str:
    """A function or a class in a line, such as `function mean(x, axis=0)`."""
    kind = "class" if isinstance(value, type) else "function"
    name = getattr(value, "__qualname__", type(value).__qualname__)
    module = getattr(value, "__module__", None)
    place = f"{module}." if module and module not in ("__main__", "builtins") else ""
    with suppress(TypeError, ValueError):  # built in, or of a metaclass
        return f"{kind} {place}{name}{inspect.signature(value)}"
    return f"{kind} {place}{name}"


def secrets_among(names: Mapping[str, Any]) -> list[str]:
    """The texts that are the values of names that are called like secrets: a message may quote them."""
    found: list[str] = []
    for name, value in names.items():
        try:
            refuse_secret_variable(name, value)
        except InputError:
            found += _texts_in(value)
    return sorted({text for text in found if len(text) >= SHORTEST_SECRET}, key=len, reverse=True)


def _texts_in(value: Any) -> Iterable[str]:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else (value,)
    return [each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in items if _is_text(each)]


def _is_text(value: Any) -> bool:
    return isinstance(value, str | bytes)
