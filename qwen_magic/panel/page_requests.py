"""What a page may say to a panel: each message is checked, field by field, before anything is done for it.

A message that is none changes nothing: half of one would leave a question that never ends, or a state that cannot be
sent any more. Not for what the messages do: that is `session`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..conversations.serialization import Damaged, read
from ..core.errors import InputError
from ..core.translatable import _

__all__ = ["Ask", "Complete", "Given", "Hello", "Model", "PageMessage", "Plain", "Stop", "Upload", "message_in"]

# The names that a page gives to questions and uploads; ours are UUIDs.
KEY = re.compile(r"[\w-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Plain:
    """A message that is all in its name."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A page is there, and has seen message number `seen` last."""

    seen: int


@dataclass(frozen=True, slots=True)
class Given:
    """Something to attach: a path, the name of a variable, or the hash of what was attached before."""

    kind: Literal["file", "variable", "snapshot"]
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question, to be asked in the place of the one called `again`, if there is one."""

    key: str
    text: str
    attachments: tuple[Given, ...] = ()
    again: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """The answer to the question `key` is not wanted any more."""

    key: str


@dataclass(frozen=True, slots=True)
class Model:
    """The model to ask from now on; empty for the usual one."""

    model: str


@dataclass(frozen=True, slots=True)
class Complete:
    """List what can be attached for `text`, which is typed behind an @."""

    text: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A piece of a file is in the message's buffer."""

    id: str
    name: str


PageMessage = Plain | Hello | Ask | Stop | Model | Complete | Upload

KINDS: Mapping[str, type[PageMessage]] = {
    **dict.fromkeys(("clear", "undo", "models"), Plain),
    "hello": Hello,
    "ask": Ask,
    "stop": Stop,
    "model": Model,
    "offer": Complete,
    "upload": Upload,
}


def message_in(content: Any) -> tuple[str, PageMessage]:
    """What the page wants done, and the rest of its message. Raises `InputError` for what is no such message."""
    try:
        do = content.get("do") if isinstance(content, dict) else None
        if not isinstance(do, str) or do not in KINDS:
            raise Damaged("do")
        message: PageMessage = read(KINDS[do], content, do)
        if not KEY.fullmatch(getattr(message, "key", getattr(message, "id", "0"))):
            raise Damaged("key")
    except Damaged as error:
        raise InputError(
            _("The page sent what is no message of this panel ({reason}).", reason=error), _("Reload the page.")
        ) from None
    return do, message
