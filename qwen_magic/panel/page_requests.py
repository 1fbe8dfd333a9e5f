"""The messages from a page to a panel: each is checked, field by field, before it has any effect.

An invalid message changes nothing: half of one could leave a question that never ends, or a state that cannot be sent.
Not for the effect of messages: that is `session`.
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
    """A message without fields."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A page is connected; the last message that it received has the number `seen`."""

    seen: int


@dataclass(frozen=True, slots=True)
class Given:
    """An attachment: a path, the name of a variable, or the hash of an earlier attachment."""

    kind: Literal["file", "variable", "snapshot"]
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question. It replaces the one with the key `again`, if there is one."""

    key: str
    text: str
    attachments: tuple[Given, ...] = ()
    again: str | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the answer to the question `key`."""

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
    """The name of a message, and the message. Raises `InputError` for an invalid one."""
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
