"""What goes along with a question: gathered once, sent in the form that the model takes, and kept as it was.

An attachment stays in memory as it was when it was asked about: so a follow-up works after the file was changed or
deleted, a document that vanished on the service is uploaded again, and a model that reads no uploaded files is given
the words instead. Reading and fitting is the business of `qwen_magic.attachments`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .attachments import HIGH_RESOLUTION, Attach, Attachment, Sent, Target, gather, parts
from .attachments.limits import INLINE_CHARACTERS, INLINE_TOKENS_BESIDE_FILES
from .conversations import Turn
from .errors import FileGone, InputError
from .gateway import Gateway
from .messages import Document, Message, Part, Text
from .models import lookup
from .tokens import count_tokens

if TYPE_CHECKING:
    from .files import Files

__all__ = ["Cargo", "documents_in", "holds_documents", "too_large_to_quote"]

# Stands for the id of a document that is not uploaded yet.
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

    def load(self, attachments: tuple[Attachment, ...], model: str, context: Iterable[Turn]) -> Sent:
        """The attachments as parts of a message to `model`; those that `context` has already are only named.

        Nothing is uploaded by that: `current` does it, when all else is decided.
        """
        turns = tuple(context)
        sent = {attached.sha256 for turn in turns for attached in turn.answer.attachments}
        said = sum(count_tokens(turn.question.text) for turn in turns)
        target = replace(self._target(model), beside_files=max(0, INLINE_TOKENS_BESIDE_FILES - said))
        return parts(attachments, target, sent=sent, upload=lambda attachment: NOT_UPLOADED)

    def readable(self, turns: Iterable[Turn], model: str) -> tuple[Turn, ...]:
        """The turns as `model` is sent them: their documents by reference, or in words. Nothing is uploaded."""
        return tuple(replace(turn, question=self.current((turn.question,), model, dry=True)[0]) for turn in turns)

    def current(self, messages: tuple[Message, ...], model: str, *, dry: bool) -> tuple[Message, ...]:
        """The messages with their documents as they can be read now: by an id that is good, or in words.

        Uploads what does not lie on the service, unless this is `dry`.
        """
        if not holds_documents(messages):
            return messages
        target = self._target(model)
        return tuple(
            replace(message, parts=tuple(self._current(part, target, dry) for part in message.parts))
            for message in messages
        )

    def forget(self, messages: tuple[Message, ...], error: FileGone) -> bool:
        """The service has lost a document: upload it anew next time. Whether that can be done.

        It is the one of `messages` that the error names; when it names none, it may be any of them.
        """
        documents = documents_in(messages)
        gone = [document for document in documents if document.file_id in error.happened] or documents
        files = self._files()
        for document in gone:
            files.forget(document.file_id)
        return bool(gone) and all(document.sha256 in self._kept for document in gone)

    def _current(self, part: Part, target: Target, dry: bool) -> Part:
        if not isinstance(part, Document):
            return part
        kept = self._kept.get(part.sha256)
        if kept is not None and target.uploads and kept.uploadable:
            return replace(part, file_id=NOT_UPLOADED if dry else self._upload(kept))
        if kept is not None:
            return parts([kept], target).parts[0]
        if target.uploads:
            return part
        return Text(f"[The document {part.name or part.file_id} was attached here. This model cannot read it.]")

    def _target(self, model: str) -> Target:
        facts = lookup(model)
        uploads = self._gateway.endpoint.keeps_files and facts.reads_files
        return Target(name=model, sees=facts.vision is not False, uploads=uploads)

    def _upload(self, attachment: Attachment) -> str:
        return self._files().upload(attachment.filename, attachment.data, attachment.sha256)

    def _files(self) -> Files:
        return self._gateway.files()


def documents_in(messages: Iterable[Message]) -> tuple[Document, ...]:
    """The uploaded documents that the messages refer to, each once."""
    found = (part for message in messages for part in message.parts if isinstance(part, Document))
    return tuple({part.sha256 or part.file_id: part for part in found}.values())


def holds_documents(messages: Iterable[Message]) -> bool:
    """Whether any of the messages refers to an uploaded document."""
    return bool(documents_in(messages))


def too_large_to_quote(attachment: Attachment) -> bool:
    """Whether an attachment is better uploaded than put into the question."""
    return attachment.form == "document" or (attachment.form == "text" and attachment.size > INLINE_CHARACTERS)
