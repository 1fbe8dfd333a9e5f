"""Makes the parts of a message from attachments, for the model that is asked: inline, as an image, or uploaded.

Everything is decided, cut and checked before `upload` is called. Reads no file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from ..core.answer import Attached
from ..core.errors import InputError
from ..core.messages import Document, Image, Part, Text
from ..core.tokens import count_tokens
from ..core.translatable import _, listed
from .attachment import Attachment
from .size_limits import INLINE_CHARACTERS, INLINE_TOKENS_BESIDE_FILES

__all__ = ["Sent", "Target", "data_url", "fenced", "parts"]

_Route = Literal["repeated", "image", "uploaded", "inline"]
_Upload = Callable[[Attachment], str]


@dataclass(frozen=True, slots=True)
class Target:
    """What the model can read: whether it reads images, and whether it reads uploaded files.

    `characters` is the limit of inline text in one question, altogether; longer text is cut, with a remark.
    `beside_files` is the same in tokens for a model that reads uploaded files: longer text is uploaded. `name` is for
    messages.
    """

    name: str = _("this model")
    sees: bool = True
    uploads: bool = False
    characters: int = INLINE_CHARACTERS
    beside_files: int = INLINE_TOKENS_BESIDE_FILES


@dataclass(frozen=True, slots=True)
class Sent:
    """The parts of a message, in the order of the attachments, and the display of each."""

    parts: tuple[Part, ...] = ()
    attached: tuple[Attached, ...] = ()


def parts(
    attachments: Sequence[Attachment],
    target: Target,
    *,
    sent: Collection[str] = (),
    upload: _Upload | None = None,
) -> Sent:
    """The attachments as parts that `target` can read.

    Args:
        attachments: in their order in the message.
        target: what the model can read.
        sent: the hashes (sha256, in hex) of attachments in the context; these are referred to by name.
        upload: uploads an attachment and returns its id; called last, when everything else is decided.

    Raises:
        InputError: the model cannot read an image, or a document's text cannot be extracted.
    """
    routes = _routed(attachments, target, set(sent), upload)
    texts = _inlined([each for each, route in zip(attachments, routes, strict=True) if route == "inline"], target)
    pairs = [_part_of(attachment, route, texts, upload) for attachment, route in zip(attachments, routes, strict=True)]
    return Sent(tuple(part for part, _ in pairs), tuple(shown for _, shown in pairs))


def _routed(attachments: Sequence[Attachment], target: Target, sent: set[str], upload: _Upload | None) -> list[_Route]:
    """How each attachment is sent."""
    uploads = target.uploads and upload is not None
    left = target.beside_files if uploads else 0
    routes: list[_Route] = []
    for attachment in attachments:
        route: _Route = "inline"
        if attachment.sha256 in sent:
            route = "repeated"
        elif attachment.form == "image" and target.sees:
            route = "image"
        elif uploads and attachment.uploadable:
            needed = count_tokens(attachment.text) if attachment.form in ("text", "description") else left + 1
            route = "uploaded" if needed > left else "inline"
            left -= needed if route == "inline" else 0
        elif attachment.form == "image":
            raise InputError(
                _("{name} is an image, and {target} does not see.", name=attachment.name, target=target.name),
                _("Ask one that does (-m)."),
            )
        routes.append(route)
        sent.add(attachment.sha256)
    return routes


def _part_of(
    attachment: Attachment, route: _Route, texts: dict[str, tuple[str, str]], upload: _Upload | None
) -> tuple[Part, Attached]:
    part: Part
    note = attachment.note
    match route:
        case "repeated":
            part = Text(f"{_called(attachment)} is attached above already.")
            note = listed((note, _("attached already")))
        case "image":
            part = Image(data_url(attachment), attachment.name, attachment.sha256)
        case "uploaded":
            assert upload is not None
            part = Document(upload(attachment), attachment.name, attachment.sha256)
            note = listed((note, _("uploaded"), attachment.upload_note))
        case "inline":
            words, remark = texts[attachment.sha256]
            part, note = Text(words), listed((note, remark))
    return part, Attached(attachment.name, attachment.kind, attachment.size, attachment.sha256, note)


def data_url(attachment: Attachment) -> str:
    """The bytes of an attachment as a URL."""
    from base64 import b64encode

    return f"data:{attachment.mime};base64,{b64encode(attachment.data).decode('ascii')}"


def _inlined(attachments: Sequence[Attachment], target: Target) -> dict[str, tuple[str, str]]:
    """Each text as it stands in the message, and the note on what was cut, by its hash."""
    read = {each.sha256: _words_of(each, target.characters) for each in attachments}
    limits = _shares({key: len(words) for key, (words, _, _) in read.items()}, target.characters)
    return {each.sha256: _presented(each, *read[each.sha256], limits[each.sha256]) for each in attachments}


def _words_of(attachment: Attachment, characters: int) -> tuple[str, bool, str]:
    """The text of an attachment up to so many characters, whether there is more, and a remark on it."""
    if attachment.form == "document":
        from .documents import quotable

        extracted = quotable(attachment, characters)
        return extracted.text, extracted.more, extracted.remark
    text = attachment.text.replace("\r\n", "\n")
    return text[:characters], len(text) > characters, ""


def _shares(lengths: dict[str, int], budget: int) -> dict[str, int]:
    """How many characters each text may have: small ones all of theirs, the large ones the rest in equal parts."""
    allowed = {}
    for place, key in enumerate(sorted(lengths, key=lambda key: lengths[key])):
        allowed[key] = min(lengths[key], budget // (len(lengths) - place))
        budget -= allowed[key]
    return allowed


def _presented(attachment: Attachment, words: str, more: bool, remark: str, limit: int) -> tuple[str, str]:
    """The text as it stands in the message, named and fenced, and the note on what was left out of it."""
    kept = words[:limit]
    if len(kept) < len(words) or more:
        kept = kept[: kept.rfind("\n") + 1 or len(kept)]
        if attachment.form == "document":
            cut = _("cut after {kept:,} characters", kept=len(kept))
        else:
            cut = _("cut after {kept:,} of {total:,} characters", kept=len(kept), total=len(attachment.text))
        remark = listed((remark, cut))
    if attachment.form == "description":
        return (f"{kept}\n({remark})\n" if remark else kept), remark
    known = listed((attachment.note, remark))
    head = _called(attachment) + (f" ({known})" if known else "")
    return f"{head}:\n\n{fenced(kept, attachment.language)}", remark


def _called(attachment: Attachment) -> str:
    name = " ".join(attachment.name.split()).replace("`", "'")
    kind = "File" if attachment.kind == "text" else attachment.kind.capitalize()
    return f"{kind} `{name}`"


def fenced(text: str, language: str) -> str:
    """`text` in a fence that nothing in it can close."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
