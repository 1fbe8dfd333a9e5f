"""The options of `%%qwen`, as a table, and how they are read off the front of a line; and the words of a command.

What follows the options is free text and stays as it is: quotes, braces, dollars and backslashes mean nothing there.
So this is not a shell's grammar, and not argparse's.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..core.errors import InputError
from ..core.languages import translated
from ..core.translatable import Translatable, _, sentences

__all__ = [
    "OF_MAP",
    "OPTIONS",
    "Option",
    "Parsed",
    "grouped_lines",
    "option_of",
    "parse",
    "refuse_map_options",
    "typed",
    "usage",
    "words",
]

_Kind = Literal["flag", "off", "choice", "word", "words"]


@dataclass(frozen=True, slots=True)
class Option:
    """An option: a `flag` sets its destination, `off` clears it, a `word` has a value, `words` may be repeated.

    A `choice` is one of its `choices`: the first one, unless another stands behind `=`. What `words` collect stands in
    a second destination, too, where there is one (`also`).
    """

    names: tuple[str, ...]
    kind: _Kind
    destination: str
    value: str
    help: Translatable
    also: str = ""
    choices: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        return ", ".join(self.names) + (" " if self.value and self.kind != "choice" else "") + self.value

    @property
    def offered(self) -> tuple[str, ...]:
        """What Tab offers."""
        return (*self.names, *(f"{self.names[0]}={choice}" for choice in self.choices[1:]))


OPTIONS = (
    Option(("-m", "--model"), "word", "model", "MODEL", _("ask this model")),
    Option(("-s", "--system"), "word", "system", "TEXT", _("the system prompt, for this question")),
    Option(("-o", "--out"), "word", "out", "NAME", _("put the answer in this variable (always in _qwen)")),
    Option(
        ("--schema",),
        "word",
        "schema",
        "SCHEMA",
        _("answer with data: 'name, age int, city?', a class or dict of the notebook, file.json"),
    ),
    Option(("--many",), "flag", "many", "", _("with --schema: answer with a list of it")),
    Option(
        ("--code",),
        "choice",
        "code",
        "[=each]",
        _("answer with code, which goes into one cell below; with =each each block into one of its own"),
        choices=("one", "each"),
    ),
    Option(("-c", "--chat"), "word", "chat", "NAME", _("ask in this conversation")),
    Option(
        ("-f", "--file"), "words", "files", "PATH", _("attach a file, a glob or a URL; @PATH in the prompt does it too")
    ),
    Option(("-i", "--image"), "words", "files", "PATH", _("attach an image"), also="images"),
    Option(
        ("-v", "--var"),
        "words",
        "variables",
        "NAME",
        _("attach a variable of the notebook, or the value of an expression"),
    ),
    Option(("--rows",), "word", "rows", "N", _("show so many first and last rows of a table")),
    Option(("--no-values",), "flag", "no_values", "", _("describe tables and variables without any of their values")),
    Option(("--force",), "flag", "force", "", _("send what looks like a secret, fetch from a private address")),
    Option(("--think",), "flag", "think", "", _("think first")),
    Option(("--no-think",), "off", "think", "", _("do not think first")),
    Option(("--search",), "flag", "search", "", _("let the service search the web")),
    Option(
        ("-t", "--tool"),
        "words",
        "tools",
        "NAME",
        _("give the model this function of the notebook; before it is called, you are asked"),
    ),
    Option(("--allow",), "words", "allow", "NAME", _("with -t: let it call this function, and do not ask before")),
    Option(("--alone",), "flag", "alone", "", _("without context, and not kept")),
    Option(("--append",), "flag", "append", "", _("ask at the end, do not replace this cell's earlier turn")),
    Option(("--pin",), "flag", "pin", "", _("keep this turn when old ones are left out")),
    Option(("--set",), "words", "fields", "KEY=VALUE", _("any other field of the request, such as temperature=0.2")),
    Option(("--raw",), "flag", "raw", "", _("leave {{{{ … }}}} and @path in the prompt alone")),
    Option(("--dry-run",), "flag", "dry_run", "", _("show the exact request, send nothing")),
    Option(
        ("--map",),
        "word",
        "map",
        "FRAME",
        _("ask about each row of a frame, Series or list; {{{{ column }}}} is its value"),
    ),
    Option(
        ("--where",),
        "word",
        "where",
        "WHERE",
        _("with --map: live, at half the price batch-chat or batch, or a dask client"),
    ),
    Option(
        ("--column",),
        "word",
        "column",
        "NAME",
        _("with --map: the answer's column, or what its fields begin with"),
    ),
    Option(("--image-column",), "word", "image_column", "NAME", _("with --map: the column with each row's image")),
    Option(("--concurrency",), "word", "concurrency", "N", _("with --map: at most so many requests at once")),
    Option(("--rpm",), "word", "rpm", "N", _("with --map: at most so many requests a minute")),
    Option(("--tpm",), "word", "tpm", "N", _("with --map: at most so many tokens a minute")),
    Option(("--no-cache",), "flag", "no_cache", "", _("with --map: ask every row, also those that have answers")),
    Option(("--yes",), "flag", "yes", "", _("with --map: ask many rows without a confirmation")),
)

# Of a map alone.
OF_MAP = ("where", "column", "image_column", "concurrency", "rpm", "tpm", "no_cache", "yes")

# Where a person looks for an option, by its destination; one that is in no group is among others, at the end.
GROUPS: tuple[tuple[Translatable, tuple[str, ...]], ...] = (
    (_("How it is asked"), ("model", "system", "think", "search", "fields", "raw", "dry_run")),
    (_("What goes along"), ("files", "variables", "rows", "no_values", "force", "tools", "allow")),
    (_("What comes back"), ("out", "schema", "many", "code")),
    (_("The conversation"), ("chat", "alone", "append", "pin")),
    (_("Many rows"), ("map", *OF_MAP)),
)


def usage(language: str = "") -> str:
    """The options, a line each, in groups, in a language; by default in that of what runs now."""
    return grouped_lines(((option.destination, option.usage, option.help) for option in OPTIONS), GROUPS, language)


def grouped_lines(
    lines: Iterable[tuple[str, str, str]],
    groups: Iterable[tuple[Translatable, tuple[str, ...]]],
    language: str = "",
) -> str:
    """A screen of help: each line is a name, what is written, and what that does; `groups` have headings and names."""
    lines = list(lines)
    widest = max(len(written) for _name, written, _help in lines)
    known = {name for _heading, names in groups for name in names}
    others = (_("Others"), tuple(name for name, *_rest in lines if name not in known))
    found = []
    for heading, names in (*groups, others):
        inside = [
            f"  {written:<{widest}}  {translated(text, language)}" for name, written, text in lines if name in names
        ]
        if inside:
            found.append("\n".join([translated(heading, language), *inside]))
    return "\n".join(found)


BY_NAME = {name: option for option in OPTIONS for name in option.names}

# A word, or a quoted one. Backslashes are letters, because paths have them; but where they part no folders, one before
# a space keeps a path together, as in a shell.
QUOTED = r"""\"(?P<double>[^"]*)\"|'(?P<single>[^']*)'"""
WORD = re.compile(rf"{QUOTED}|(?P<bare>\S+)")
PATH = re.compile(rf"{QUOTED}|(?P<bare>(?:\\ |\S)+)") if os.sep == "/" else WORD
FLAG = re.compile(r"(?P<name>--?[A-Za-z][\w-]*)(?:=|(?=\s)|$)")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A line of `%qwen` or `%%qwen`: the options that were given, by destination, and the free text behind them.

    Made by `parse`, taken by `QwenMagics`, which makes a `Question` or a command of it.
    `ended` is true where `--` ended the options: then the text is a question, whatever it begins with.
    """

    given: dict[str, Any]
    text: str
    ended: bool = False


def parse(line: str) -> Parsed:
    """Read the options off the front of `line`. `--` ends them. Raises `InputError` with one clear line."""
    given: dict[str, Any] = {}
    position = _skip_spaces(line, 0)
    while flag := FLAG.match(line, position):
        option = _known(flag["name"])
        position = flag.end()
        if option.kind in ("flag", "off"):
            if flag[0].endswith("="):
                raise InputError(_("{flag} takes no value.", flag=flag["name"]))
            given[option.destination] = option.kind == "flag"
        elif option.kind == "choice":
            given[option.destination], position = _choice_at(line, position, flag, option)
        else:
            value, position = _word_at(line, position, option)
            if option.kind == "word":
                if option.destination in given:
                    raise InputError(
                        _("{flag} is given twice.", flag=flag["name"]),
                        _("A question takes one: {usage}.", usage=option.usage),
                    )
                given[option.destination] = value
            else:
                for destination in filter(None, (option.destination, option.also)):
                    given.setdefault(destination, []).append(value)
        position = _skip_spaces(line, position)
    text = line[position:]
    ended = text == "--" or text.startswith("-- ")
    return Parsed(given, text[3:] if ended else text, ended)


def option_of(destination: str) -> str:
    """The first name of the option with this destination."""
    return next(option.names[0] for option in OPTIONS if option.destination == destination)


def refuse_map_options(given: Mapping[str, Any]) -> None:
    """Raises `InputError` for an option that only a map has, in a question that is none."""
    alone = next((name for name in given if name in OF_MAP), None)
    if alone is not None:
        raise InputError(_("{option} needs --map.", option=option_of(alone)), _("Such as %%qwen --map df -o out."))


def words(text: str) -> tuple[str, ...]:
    """The words of a command; quotes keep one with spaces together. One that begins with a quote has no end to it."""
    return tuple(map(_unquoted, PATH.finditer(text)))


def typed(assignments: list[str]) -> dict[str, Any]:
    """The fields of `--set KEY=VALUE`: numbers, booleans, null, lists and objects as JSON has them, else text.

    A dot in a key goes down into an object: `--set search_options.forced_search=true`.
    """
    fields: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        path = key.split(".")
        if not equals or not all(path):
            raise InputError(
                _("--set {assignment} is not KEY=VALUE.", assignment=assignment), _("Such as --set temperature=0.2.")
            )
        target = fields
        for name in path[:-1]:
            target = target.setdefault(name, {})
            if not isinstance(target, dict):
                raise InputError(
                    _("--set {key}: {name} has a value already, and cannot have fields.", key=key, name=name)
                )
        target[path[-1]] = _json_value(value)
    return fields


def _json_value(text: str) -> Any:
    try:
        return json.loads({"True": "true", "False": "false", "None": "null"}.get(text, text))
    except ValueError:
        return text


def _known(name: str) -> Option:
    option = BY_NAME.get(name)
    if option is None:
        import difflib

        near = difflib.get_close_matches(name, BY_NAME, n=1, cutoff=0.7)
        hint = _("Did you mean {name}?", name=near[0]) if near else _("%qwen help lists the options.")
        raise InputError(
            _("There is no option {name}.", name=name),
            sentences(hint, _("A question that begins with a dash goes after --.")),
        )
    return option


def _word_at(line: str, position: int, option: Option) -> tuple[str, int]:
    """The value of `option`; a quote in the middle of it, as in key="a b", belongs to it."""
    position = _skip_spaces(line, position)
    parts: list[str] = []
    if option.destination == "fields" and (key := re.compile(r"[\w.]+=(?=[\"'{\[])").match(line, position)):
        parts.append(key[0])
        position = key.end()
        if line[position] in "{[":
            return _read_json(line, position, key[0])
    word = (PATH if option.value == "PATH" else WORD).match(line, position)
    if word is None:
        raise InputError(
            _("{names} needs a value.", names=option.names[-1]),
            _("{usage}: {help}.", usage=option.usage, help=option.help),
        )
    if word["bare"] and word["bare"][0] in "\"'":
        raise InputError(_("The quote in {names} {word} is not closed.", names=option.names[-1], word=word["bare"]))
    parts.append(_unquoted(word))
    return "".join(parts), word.end()


def _choice_at(line: str, position: int, flag: re.Match[str], option: Option) -> tuple[str, int]:
    """The value of an option that need not have one."""
    if not flag[0].endswith("="):
        return option.choices[0], position
    value, position = _word_at(line, position, option)
    if value not in option.choices:
        raise InputError(
            _("{flag}={value}: there is no such choice.", flag=flag["name"], value=value),
            _("It is {usage}.", usage=" / ".join(option.offered)),
        )
    return value, position


def _unquoted(word: re.Match[str]) -> str:
    if word["bare"] is not None:
        return word["bare"].replace("\\ ", " ")
    return word["double"] or word["single"] or ""


def _read_json(line: str, position: int, key: str) -> tuple[str, int]:
    """A JSON object or list, which may hold spaces."""
    try:
        value, end = json.JSONDecoder().raw_decode(line, position)
    except ValueError as error:
        raise InputError(
            _("--set {key}{line} is not JSON: {error}.", key=key, line=line[position:], error=error)
        ) from error
    return key + json.dumps(value), end


def _skip_spaces(line: str, position: int) -> int:
    while position < len(line) and line[position] in " \t":
        position += 1
    return position
