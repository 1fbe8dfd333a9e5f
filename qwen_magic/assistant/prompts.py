"""A prompt is free text, but for `{{ expression }}`: that is evaluated in the notebook, and its value put in.

Braces that are no expression (LaTeX, JSON, C) are text. Not for `@path`: that is `qwen_magic.attachments`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ..core.errors import InputError
from ..core.translatable import _

__all__ = ["Expression", "fill", "split"]

OPEN, CLOSE = "{{", "}}"


@dataclass(frozen=True, slots=True)
class Expression:
    """What stands between `{{` and `}}` of a prompt, without the spaces around it."""

    source: str


def fill(prompt: str, evaluate: Callable[[str], Any], *, force: bool = False) -> str:
    """`prompt` with the value of each `{{ expression }}` in its place, as `str` shows it.

    `evaluate` gives the value of a Python expression. Raises `InputError`, which names the expression, when one
    fails, when one that stands between spaces is not Python, and, without `force`, when a value looks like a secret.
    """
    return "".join(_filled(piece, evaluate, force) for piece in split(prompt))


def split(prompt: str, names: Collection[str] = ()) -> Iterator[str | Expression]:
    """The text of a prompt and its expressions, in order. One of `names` is an expression, also if it is not Python.

    Raises `InputError` for what stands between spaces and is neither.
    """
    position = 0
    while (start := prompt.find(OPEN, position)) >= 0:
        found = _expression_at(prompt, start, names)
        yield prompt[position:start]
        if found is None:
            # Of three braces the first may be text, and the expression begin at the second.
            position = start + 1
            yield prompt[start]
        else:
            source, position = found
            yield Expression(source)
    yield prompt[position:]


def _filled(piece: str | Expression, evaluate: Callable[[str], Any], force: bool) -> str:
    if isinstance(piece, str):
        return piece
    value, text = _value_of(piece.source, evaluate)
    if not force:
        _refuse_secret(piece.source, value, text)
    return text


def _expression_at(prompt: str, start: int, names: Collection[str]) -> tuple[str, int] | None:
    """The expression that begins with the braces at `start`, and where it ends; `None` when those are just text."""
    first = None
    for end in (match.start() for match in re.finditer(r"\}(?=\})", prompt[start:])):
        source = prompt[start + len(OPEN) : start + end]
        first = first if first is not None else source
        if _is_expression(source) or source.strip() in names:
            return source.strip(), start + end + len(CLOSE)
        if "\n" in source:
            break
    if first and first[0] == " " and first[-1] == " " and first.strip():
        raise InputError(
            _("{{{{{code}}}}} is not a Python expression.", code=first),
            _("Nothing was sent. To send such braces as text, use --raw."),
        )
    return None


def _is_expression(source: str) -> bool:
    try:
        compile(source.strip(), "<prompt>", "eval")
    except (SyntaxError, ValueError):
        return False
    return True


def _value_of(source: str, evaluate: Callable[[str], Any]) -> tuple[Any, str]:
    try:
        value = evaluate(source)
        return value, str(value)
    except Exception as error:
        raise InputError(
            _("{{{{ {source} }}}} failed: {kind}: {error}.", source=source, kind=type(error).__name__, error=error),
            _("Nothing was sent. To send such braces as text, use --raw."),
        ) from error


def _refuse_secret(source: str, value: Any, text: str) -> None:
    from ..attachments.secret_scanner import own_keys, refuse_secret_text, refuse_secret_variable

    refuse_secret_variable(source, value)
    refuse_secret_text(text, source, own_keys())
