"""What goes along with a question: gathered once, sent in the form that the model takes, and kept as it was.

An attachment stays in memory as it was when it was asked about: so a follow-up works after the file was changed or
deleted, a document that vanished on the service is uploaded again, and a model that reads no uploaded files is given
the words instead. Reading and fitting is the business of `qwen_magic.attachments`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .attachments import HIGH_RESOLUTION, Attach, Attachment, Sent, Target, gather, parts
from .attachments.limits import INLINE_CHARACTERS
from .conversations import Turn
from .errors import InputError
from .gateway import Gateway
from .messages import Document, Message, Part, Text
from .models import lookup

if TYPE_CHECKING:
    from .files import Files

__all__ = ["Cargo", "holds_documents", "too_large_to_quote"]

# Stands for the id of a document that would be uploaded, were this no dry run.
NOT_UPLOADED = "file-fe-(uploaded-when-asked)"


class Cargo:
    """The attachments of one shell, by the hash of what was sent."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._kept: dict[str, Attachment] = {}

    def gather(self, attach: Attach, model: str, fields: Mapping[str, Any]) -> tuple[Attachment, ...]:
        """Everything that is to go along, read now for a question to `model` with these fields.

        Raises `InputError` for what cannot or should not go along.
        """
        if not attach:
            return ()
        key = self._gateway.credentials.find(self._gateway.endpoint.account)
        sharp = fields.get("vl_high_resolution_images") or fields.get("max_pixels")
        attachments = gather(
            replace(
                attach,
                keys=(key.secret.reveal(),) if key else (),
                as_documents=self._target(model).uploads,
                limits=HIGH_RESOLUTION if sharp else attach.limits,
            )
        )
        self._kept |= {each.sha256: each for each in attachments}
        return attachments

    def again(self, snapshots: Mapping[str, str]) -> tuple[Attachment, ...]:
        """What went along before, as it was then; `snapshots` are the names, by the hash of what was sent.

        Raises `InputError` for what was sent by another kernel: only its name is known here.
        """
        for sha256, name in snapshots.items():
            if sha256 not in self._kept:
                raise InputError(f"{name} was attached in another session, and is not at hand here.", "Attach it anew.")
        return tuple(replace(self._kept[sha256], name=name) for sha256, name in snapshots.items())

    def load(self, attachments: tuple[Attachment, ...], model: str, context: Iterable[Turn], *, dry: bool) -> Sent:
        """The attachments as parts of a message to `model`; those that `context` has already are only named.

        Uploads what the model reads as files, unless this is `dry`.
        """
        sent = {attached.sha256 for turn in context for attached in turn.answer.attachments}
        return parts(attachments, self._target(model), sent=sent, upload=self._upload(dry))

    def current(self, messages: tuple[Message, ...], model: str, *, dry: bool) -> tuple[Message, ...]:
        """The messages with their documents as they can be read now: by an id that is good, or in words."""
        if not holds_documents(messages):
            return messages
        target, upload = self._target(model), self._upload(dry)
        return tuple(
            replace(message, parts=tuple(self._current(part, target, upload) for part in message.parts))
            for message in messages
        )

    def forget(self, messages: tuple[Message, ...]) -> bool:
        """The service has lost a document: upload those of `messages` anew next time. Whether that can be done."""
        documents = [part for message in messages for part in message.parts if isinstance(part, Document)]
        files = self._files()
        for document in documents:
            files.forget(document.file_id)
        return bool(documents) and all(document.sha256 in self._kept for document in documents)

    def _current(self, part: Part, target: Target, upload: Callable[[Attachment], str]) -> Part:
        kept = self._kept.get(part.sha256) if isinstance(part, Document) else None
        if kept is not None:
            return parts([kept], target, upload=upload).parts[0]
        if isinstance(part, Document) and not target.uploads:
            return Text(f"[The document {part.name or part.file_id} was attached here. This model cannot read it.]")
        return part

    def _target(self, model: str) -> Target:
        facts = lookup(model)
        service = self._gateway.endpoint.dialect.service
        return Target(name=model, sees=facts.vision is not False, uploads=service and facts.reads_files)

    def _upload(self, dry: bool) -> Callable[[Attachment], str]:
        if dry:
            return lambda attachment: NOT_UPLOADED
        return lambda attachment: self._files().upload(attachment.filename, attachment.data, attachment.sha256)

    def _files(self) -> Files:
        return self._gateway.files()


def holds_documents(messages: Iterable[Message]) -> bool:
    """Whether any of the messages refers to an uploaded document."""
    return any(isinstance(part, Document) for message in messages for part in message.parts)


def too_large_to_quote(attachment: Attachment) -> bool:
    """Whether an attachment is better uploaded than put into the question."""
    return attachment.form == "document" or (attachment.form == "text" and attachment.size > INLINE_CHARACTERS)
