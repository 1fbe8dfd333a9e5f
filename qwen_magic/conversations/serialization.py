"""A conversation in a file: JSON, UTF-8, one object.

    format    "qwen_magic conversation"
    version   1; a reader refuses a greater one, and ignores fields that it does not know
    name      the conversation's
    system    its system prompt, or null
    model     its model, or null: the shell's
    turns     in their order, each with
        place     {"cell": id, "number": from 0}, or null for a turn that is bound to no cell
        cell      {"id", "run"} of the run that asked, or null
        question  {"role": "user", "parts": […]}; a part has a "type":
                  text      text
                  image     url, name, sha256; without its contents a picture's url is "", unless it lies on the web
                  document  file_id, name, sha256
        answer    text, reasoning, model, endpoint, usage, finish_reason, request_id, seconds, tool_calls, sources,
                  attachments, notes, rounds: the fields of `Answer`; a round has results (of `ToolResult`), text,
                  reasoning
        model     that was asked
        asked     seconds since 1970, UTC
        pinned, estimate, summary, keeps: the fields of `Turn`

Fields that have their default value may be missing. Attachments are named by their sha256 (of the bytes that were
sent, in hex). There is no key in the file, because there is none in a conversation.

Neither msgspec nor cattrs reads it: msgspec takes no union of several dataclasses, and `core` has no other values;
cattrs makes "5" of 5 and 5 of "5", where this has to refuse, and would need a hook for each kind of field.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from errno import EACCES, EINVAL
from functools import cache
from inspect import Parameter, signature
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from ..attachments.file_access import open_file
from ..core.errors import InputError
from ..core.messages import Document, Image, Part, Text
from ..core.translatable import _
from .ordering import Place
from .turns import Turn

__all__ = ["Damaged", "Saved", "load", "read", "save", "write_in_one_piece"]

FORMAT, VERSION = "qwen_magic conversation", 1
# The format is named in so many first bytes.
HEAD = 100
# As much text as a model reads in a hundred conversations, or a day's pictures; parsed it takes several times that.
LARGEST = 500_000_000
# No count, and no time, is beyond what JSON's readers agree on (RFC 8259, 6: "Numbers").
LARGEST_NUMBER = 2**53
# What a path raises: one with a null character ValueError, one in an unknown user's home RuntimeError.
UNUSABLE = (OSError, ValueError, RuntimeError)

PARTS: Mapping[str, type[Part]] = {_("text"): Text, "image": Image, "document": Document}

# The URLs that a picture of a saved conversation may have: data in the file, the service's own storage, or the web, at
# a name with a dot in it. The server that answers fetches it, also one on this machine; so no `file:`, and no address
# of this machine or network: numbers of any form, `localhost`, names for use within a network (RFC 6761, RFC 6762,
# RFC 8375, and ICANN's `.internal`).
PICTURE = re.compile(
    r"data:image/|oss://|https?://((?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*)\.?(?::\d+)?(?:[/?#]|$)", re.IGNORECASE
)
WITHIN = re.compile(r"\.(?:localhost|local|internal|lan|home\.arpa)$", re.IGNORECASE)

JSON_TYPES = {
    str: "a text",
    int: _("a whole number"),
    float: _("a number"),
    bool: _("true or false"),
    list: _("a list"),
    dict: _("an object"),
}


class Saved(NamedTuple):
    """What is in a file."""

    name: str
    system: str | None
    model: str | None
    turns: tuple[tuple[Place | None, Turn], ...]


class Damaged(Exception):
    """A field of the file is not what it should be."""


def save(saved: Saved, path: str | os.PathLike[str], *, contents: bool = False) -> None:
    """Writes the file; with `contents` also the pictures, else only their names and hashes.

    Raises `InputError` when it cannot be written, or when something else is there, which then stays.
    """
    if _is_foreign(path):
        raise InputError(
            _("{path} is there already, and is no saved conversation.", path=path), _("Take another name.")
        )
    turns = [
        {"place": place._asdict() if place else None} | _plain(turn if contents else _without_contents(turn))
        for place, turn in saved.turns
    ]
    head = {"format": FORMAT, "version": VERSION, "name": saved.name, "system": saved.system, "model": saved.model}
    text = json.dumps(head | {"turns": turns}, ensure_ascii=False, indent=1)
    # Half of a surrogate pair, which UTF-8 cannot hold, becomes the escape that JSON has for it.
    write_in_one_piece(path, text.encode("utf-8", "backslashreplace") + b"\n")


def load(path: str | os.PathLike[str]) -> Saved:
    """What `save` wrote. Raises `InputError` with the reason when the file is not such a one, or not whole."""
    try:
        path = Path(path).expanduser()
        with open_file(path, str(path)) as file:
            content = file.read(LARGEST + 1)
    except UNUSABLE as error:
        raise InputError(_("{path} cannot be read: {error}.", path=path, error=_reason(error))) from None
    if len(content) > LARGEST:
        raise InputError(_("{path} is larger than {largest} MB.", path=path, largest=LARGEST // 1000000))
    data = _parse(content, path)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise _foreign(path)
    try:
        version = read(int, data.get("version"), "version")
        if version > VERSION:
            raise InputError(
                _(
                    "{path} was saved by a newer qwen_magic (format {version}; this one reads {newest}).",
                    path=path,
                    version=version,
                    newest=VERSION,
                ),
                _("Upgrade with: pip install --upgrade qwen_magic"),
            )
        return _read_conversation(data)
    except Damaged as error:
        raise InputError(_("{path} is damaged: {error}.", path=path, error=error)) from None


def _is_foreign(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file, which something else has written."""
    with suppress(*UNUSABLE):
        path = Path(path).expanduser()
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(HEAD)
            return bool(head) and FORMAT.encode() not in head
    return False


def _parse(content: bytes, path: Path) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        if FORMAT.encode() in content[:HEAD]:
            raise InputError(_("{path} is damaged: it is cut short, or not JSON any more.", path=path)) from None
        raise _foreign(path) from None


def _foreign(path: Path) -> InputError:
    return InputError(_("{path} is not a saved conversation.", path=path), _("`%qwen save FILE` writes one."))


def _read_conversation(data: Mapping[str, Any]) -> Saved:
    entries = read(list, data.get("turns"), "turns")
    turns = tuple(_read_turn(entry, f"turns[{index}]") for index, entry in enumerate(entries))
    places = [place for place, _ in turns if place is not None]
    if len(set(places)) < len(places):
        raise Damaged(_("two turns have the same place"))
    system, model = (read(str | None, data.get(name), name) for name in ("system", "model"))
    return Saved(read(str, data.get("name"), "name"), system, model, turns)


def _read_turn(data: Any, where: str) -> tuple[Place | None, Turn]:
    turn = read(Turn, data, where)
    place = read(Place | None, data.get("place"), f"{where}.place")
    return place if place and place.cell else None, turn


def _without_contents(turn: Turn) -> Turn:
    """The turn without the bytes of its pictures; those on the web keep their address."""

    def emptied(parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(
            replace(part, url="") if isinstance(part, Image) and part.url.startswith("data:") else part
            for part in parts
        )

    rounds = tuple(
        replace(each, results=tuple(replace(result, parts=emptied(result.parts)) for result in each.results))
        for each in turn.answer.rounds
    )
    question = replace(turn.question, parts=emptied(turn.question.parts))
    return replace(turn, question=question, answer=replace(turn.answer, rounds=rounds))


def _plain(value: Any) -> Any:
    """A value for JSON: without fields at their defaults; parts have a field `type`."""
    if is_dataclass(value):
        kind = next(({"type": name} for name, part in PARTS.items() if type(value) is part), {})
        given = {field.name: (getattr(value, field.name), field.default) for field in fields(value)}
        return kind | {name: _plain(item) for name, (item, default) in given.items() if item != default}
    if hasattr(value, "_asdict"):
        return value._asdict()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def read(kind: Any, data: Any, where: str) -> Any:
    """The value of the type `kind` in `data`. Raises `Damaged` with the field's name, which begins with `where`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind == Part:
        return _read_part(data, where)
    if origin in (Union, UnionType):
        return None if data is None else read(arguments[0], data, where)
    if origin is Literal:
        return _one_of(arguments, data, where)
    if origin is tuple:
        items = enumerate(read(list, data, where))
        return tuple(read(arguments[0], item, f"{where}[{index}]") for index, item in items)
    if kind in JSON_TYPES:
        if type(data) is not kind and not (kind is float and type(data) is int):
            raise Damaged(_("{where} is not {kind}", where=where, kind=JSON_TYPES[kind]))
        # JSON's readers make infinity of 1e999.
        if kind in (int, float) and not abs(data) < LARGEST_NUMBER:
            raise Damaged(_("{where} is too large a number", where=where))
        return kind(data)
    return _read_fields(kind, data, where)


def _read_part(data: Any, where: str) -> Part:
    name = _one_of(tuple(PARTS), read(dict, data, where).get("type"), f"{where}.type")
    part: Part = _read_fields(PARTS[name], data, where)
    if isinstance(part, Image) and part.url and not _is_picture(part.url):
        raise Damaged(_("{where}.url is no picture, and no public address of one", where=where))
    return part


def _is_picture(url: str) -> bool:
    """Whether a picture may lie there."""
    found = PICTURE.match(url)
    return found is not None and not (found[1] and WITHIN.search(found[1]))


def _one_of(choices: tuple[Any, ...], data: Any, where: str) -> Any:
    if data not in choices:
        raise Damaged(_("{where} is none of {choices}", where=where, choices=", ".join(choices)))
    return data


def _read_fields(cls: Any, data: Any, where: str) -> Any:
    data = read(dict, data, where)
    kinds, parameters = _described(cls)
    if missing := [name for name in parameters if parameters[name].default is Parameter.empty and name not in data]:
        raise Damaged(_("{where} has no {missing}", where=where, missing=missing[0]))
    return cls(**{name: read(kinds[name], data[name], f"{where}.{name}") for name in parameters if name in data})


@cache
def _described(cls: type) -> tuple[Mapping[str, Any], Mapping[str, Parameter]]:
    """The types of a value's fields, and which of them have a default."""
    return get_type_hints(cls), signature(cls).parameters


def write_in_one_piece(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes the whole file or leaves the old one: into a file beside it first, which then takes its name.

    Raises `InputError` when that is not possible.
    """
    temporary = None
    try:
        given = Path(path).expanduser()
        target = Path(os.path.realpath(given))
        if os.path.lexists(given) and not target.is_file():
            raise OSError(EINVAL, _("It is no file, or a link that leads nowhere"))
        if target.exists() and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
            raise PermissionError(EACCES, _("It is read-only"))
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            temporary = file.name
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except UNUSABLE as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise InputError(_("{path} cannot be written: {error}.", path=path, error=_reason(error))) from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
