"""What a function returned, as the model is told it: text, JSON, a described table, a picture; cut where it is long.

Not for calling the function.
"""

from __future__ import annotations

import json
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..core.control_characters import one_line
from ..core.errors import redacted
from ..core.messages import Image, Part, Text

__all__ = ["ResultLimits", "error_line", "parts_of", "traceback_of"]

# Ours. Characters of one result; a fifth of a small window, at three characters a token, is the least of both.
LARGEST_RESULT = 40_000
SHARE_OF_WINDOW, CHARACTERS_A_TOKEN = 5, 3
LONGEST_ERROR, LONGEST_TRACEBACK = 500, 10_000
NOTHING = "The function returned nothing."
PICTURE = "The function returned a picture, which is in the next message."
UNSEEN = "The function returned a picture, which this model cannot see."


@dataclass(frozen=True, slots=True)
class ResultLimits:
    """What may be sent of a result: so many `characters`; pictures if the model `sees`; secrets if it is `forced`."""

    characters: int = LARGEST_RESULT
    sees: bool = True
    forced: bool = False
    keys: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def for_window(cls, window: int | None, *, sees: bool, forced: bool, keys: tuple[str, ...] = ()) -> ResultLimits:
        """The limits for a model that reads so many tokens; `None` where nobody knows."""
        most = LARGEST_RESULT if window is None else window * CHARACTERS_A_TOKEN // SHARE_OF_WINDOW
        return cls(min(LARGEST_RESULT, most), sees, forced, keys)


def parts_of(value: Any, name: str, limits: ResultLimits) -> tuple[Part, ...]:
    """A returned value as parts of a message. Raises `InputError` for what looks like a secret, or cannot be shown."""
    parts = _parts(value, name, limits)
    text = "\n".join(part.text for part in parts if isinstance(part, Text))
    _refuse_secret(text, name, limits)
    return tuple(Text(_cut(part.text, limits.characters)) if isinstance(part, Text) else part for part in parts)


def error_line(error: BaseException, name: str, limits: ResultLimits) -> str:
    """What the model is told of an exception: its class and its message, in one line; no message with a secret."""
    kind = type(error).__name__
    try:
        message = str(error)
        _refuse_secret(message, name, limits)
    except Exception:  # a secret, or of a class of somebody's own: whatever that raises
        message = ""
    line = one_line(f"It raised {kind}: {message}" if message.strip() else f"It raised {kind}.")
    return redacted(_cut_line(line))


def traceback_of(error: BaseException) -> str:
    """What a person is shown of an exception, from the function on; of a long one the end."""
    own = error.__traceback__
    while own is not None and own.tb_frame.f_globals.get("__package__") == __package__:
        own = own.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, own))
    except Exception:  # of a class of somebody's own
        text = type(error).__name__
    return redacted(text if len(text) <= LONGEST_TRACEBACK else f"…{text[-LONGEST_TRACEBACK:]}")


def _refuse_secret(text: str, name: str, limits: ResultLimits) -> None:
    """Raises `InputError` for a text with a secret in it, unless that is forced."""
    from ..attachments.secret_scanner import own_keys, refuse_secret_text

    if not limits.forced:
        refuse_secret_text(text, f"The result of {name}", own_keys(limits.keys))


def _parts(value: Any, name: str, limits: ResultLimits) -> tuple[Part, ...]:
    from ..attachments.variables import is_picture

    if value is None:
        return (Text(NOTHING),)
    if isinstance(value, str):
        return (Text(value),)
    if is_picture(value):
        return _picture(value, name, limits)
    return (Text(_described(value, name)),)


def _picture(value: Any, name: str, limits: ResultLimits) -> tuple[Part, ...]:
    from ..attachments import Attach
    from ..attachments.message_parts import data_url
    from ..attachments.variables import read_variable

    if not limits.sees:
        return (Text(UNSEEN),)
    found = read_variable(name, value, Attach(force=True))
    if found.form != "image":  # a plotly figure, where nothing draws it
        return (Text(found.text),)
    return Text(PICTURE), Image(data_url(found), name, found.sha256)


def _described(value: Any, name: str) -> str:
    """Data as JSON; a table, an array and what is not data in words, as `-v` describes it."""
    from ..attachments import Attach
    from ..attachments.variables import is_table, read_variable

    if not (is_table(value) or isinstance(value, bytes | bytearray | memoryview)):
        with suppress(TypeError, ValueError, RecursionError):  # no data
            return _as_json(value)
    return read_variable(name, value, Attach(force=True)).text


def _as_json(value: Any) -> str:
    import msgspec

    return json.dumps(msgspec.to_builtins(value, str_keys=True, enc_hook=_plain), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """A pydantic model, or a number of numpy, as JSON has it. Raises `TypeError` for anything else."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        return value.item()
    raise TypeError(type(value).__name__)


def _cut_line(line: str) -> str:
    return line if len(line) <= LONGEST_ERROR else f"{line[:LONGEST_ERROR]}…"


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[:most]}\n… (cut: these are the first {most:,} of {len(text):,} characters)"
