"""Messages that can be translated: the English text, with its template and its values.

`_("No file named {name}.", name=name)` is a string like any other: it compares, prints, logs and is saved as its
English text. Code that displays it translates it first (`languages.translated`). Babel finds the templates by the
names of these functions, so that they are literals in the source. Not for data, and not for what is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = [
    "N_",
    "Translatable",
    "_",
    "_n",
    "alternatives",
    "applied",
    "conjunction",
    "from_json",
    "listed",
    "sentences",
    "to_json",
]

# Around a message within another one; no text has this character, which Unicode keeps for such uses. In Chinese a place
# stands between spaces, as names and numbers do; what is Chinese itself goes without them.
EDGE = "\ufdd0"
CJK = "[\u3001-\u30ff\u4e00-\u9fff\uff01-\uff60]"
# Compiled when the first message is translated.
CLOSE = f"(?<={CJK}) {EDGE}(?={CJK})|(?<={CJK}){EDGE} (?={CJK})|{EDGE}"

_Value = str | int | float | bool


class Translatable(str):
    """A text made of `template` (with `{name}` for each of `values`), or of `plural` unless `values["count"]` is 1.

    `steps` are functions that the text has been through, such as one that redacts keys; a translation goes through
    them as well. Values are kept as numbers, plain text and other `Translatable`s, so that all of it can be pickled.
    """

    __slots__ = ("plural", "steps", "template", "values")

    template: str
    plural: str
    values: Mapping[str, _Value]
    steps: tuple[Callable[[str], str], ...]

    def __new__(
        cls,
        template: str,
        values: Mapping[str, object],
        plural: str = "",
        steps: tuple[Callable[[str], str], ...] = (),
    ) -> Translatable:
        kept = {name: _simple(value) for name, value in values.items()}
        chosen = plural if plural and kept["count"] != 1 else template
        made = super().__new__(cls, _passed(chosen.format_map(kept), steps))
        made.template, made.plural, made.values, made.steps = template, plural, kept, steps
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Translatable, (self.template, self.values, self.plural, self.steps)

    def through(self, step: Callable[[str], str]) -> Translatable:
        """This text after `step`, which is a function of a module, so that it can be pickled."""
        return Translatable(self.template, self.values, self.plural, (*self.steps, step))

    def translated(self, lookup: Callable[[str], str]) -> str:
        """The text in another language; `lookup` gives the translation of a template, or "" for none."""
        template = lookup(self.template)
        if not template:
            return str(self)
        values = {
            name: f"{EDGE}{value.translated(lookup)}{EDGE}" if isinstance(value, Translatable) else value
            for name, value in self.values.items()
        }
        return _passed(re.sub(CLOSE, "", template.format_map(values)), self.steps)


def to_json(text: str) -> object:
    """A message as a JSON value, for `from_json` in another process; its `steps` are not kept."""
    if not isinstance(text, Translatable):
        return text
    values = {name: to_json(value) if isinstance(value, str) else value for name, value in text.values.items()}
    return [text.template, values, text.plural]


def from_json(data: Any) -> str:
    """The message that `to_json` encoded."""
    if isinstance(data, str):
        return data
    template, values, plural = data
    known = {name: from_json(value) if isinstance(value, list) else value for name, value in values.items()}
    return Translatable(template, known, plural)


def _simple(value: object) -> _Value:
    if isinstance(value, BaseException) and any(isinstance(each, Translatable) for each in value.args):
        value = sentences(*map(_str_or_message, value.args))
    return value if isinstance(value, Translatable | int | float) else str(value)


def _str_or_message(value: object) -> str:
    return value if isinstance(value, Translatable) else str(value)


def _passed(text: str, steps: Iterable[Callable[[str], str]]) -> str:
    for step in steps:
        text = step(text)
    return text


def _(template: str, /, **values: object) -> Translatable:
    """A message. `template` is a literal format string of English: `{name}` is a value, `{{` a brace."""
    return Translatable(template, values)


def _n(singular: str, plural: str, /, *, count: int, **values: object) -> Translatable:
    """A message with a number in it: `singular` for a `count` of 1, else `plural`; both may use `{count}`."""
    return Translatable(singular, {"count": count, **values}, plural)


def N_(template: str, /) -> str:
    """Mark a literal for the catalogue which becomes a message later, by `_(variable, …)`."""
    return template


def applied(step: Callable[[str], str], text: str) -> str:
    """`step(text)`, which can still be translated if `text` can."""
    return text.through(step) if isinstance(text, Translatable) else step(text)


def sentences(*texts: str) -> str:
    """The texts that are not empty, one after the other."""
    return _between(N_("{first} {second}"), filter(None, texts))


def alternatives(names: Iterable[str]) -> str:
    """The names with "or" between them."""
    return _between(N_("{first} or {second}"), names)


def conjunction(names: Iterable[str]) -> str:
    """The names with "and" between them."""
    return _between(N_("{first} and {second}"), names)


def listed(texts: Iterable[str]) -> str:
    """The texts that are not empty, with commas between them."""
    return _between(N_("{first}, {second}"), filter(None, texts))


def _between(template: str, texts: Iterable[str]) -> str:
    found = list(texts)
    joined = found.pop() if found else ""
    while found:
        joined = _(template, first=found.pop(), second=joined)
    return joined
