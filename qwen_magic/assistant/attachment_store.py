"""What goes along with a question: gathered once, sent in the form that the model takes, and kept as it was.

The attachments of a turn stay in memory as they were when it was asked, the newest ones within a budget: so a
follow-up works after the file was changed or deleted, a document that vanished on the service is uploaded again, and a
model that reads no uploaded files is given the words instead. Reading and fitting is the business of
`qwen_magic.attachments`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ..attachments import HIGH_RESOLUTION, Attach, Attachment, Sent, Target, gather, parts
from ..attachments.size_limits import INLINE_CHARACTERS, INLINE_TOKENS_BESIDE_FILES, MAX_DOCUMENT
from ..conversations import Turn
from ..core.errors import FileGone, InputError
from ..core.messages import Document, Message, Part, Text
from ..core.models import lookup
from ..core.tokens import count_tokens
from ..core.translatable import _
from ..provider.provider import Provider
from ..service.endpoints import Endpoint
from ..structured.instructions import instructions
from .question import Question

__all__ = ["AttachmentStore", "LoadedAttachments", "documents_in", "holds_documents", "too_large_to_quote"]

# Bytes that the attachments of one shell may take altogether. Ours: two documents of the largest size that the service
# takes, so that an afternoon of small ones fits as well, and a kernel's memory does not grow with every question.
BUDGET = 2 * MAX_DOCUMENT
# Stands for the id of a document that is not uploaded yet.
NOT_UPLOADED = "file-fe-(uploaded-when-asked)"


@dataclass(frozen=True)
class LoadedAttachments:
    """What goes along with one question (`own`), beside what the shell has kept of earlier ones, by its hash.

    Made by `AttachmentStore.load`, taken by the request builder. A value: nothing is read or uploaded here.
    """

    own: tuple[Attachment, ...]
    kept: Mapping[str, Attachment]

    def parts(self, here: Endpoint, model: str, context: Iterable[Turn]) -> Sent:
        """The question's own as parts of a message to `model`; those that `context` has already are only named.

        A document to be uploaded has a placeholder for its id. Raises `InputError` for what the model cannot read.
        """
        turns = tuple(context)
        sent = {attached.sha256 for turn in turns for attached in turn.answer.attachments}
        said = sum(count_tokens(turn.question.text) for turn in turns)
        target = replace(_target_of(here, model), beside_files=max(0, INLINE_TOKENS_BESIDE_FILES - said))
        return parts(self.own, target, sent=sent, upload=_not_uploaded)

    def readable(self, turns: Iterable[Turn], here: Endpoint, model: str) -> tuple[Turn, ...]:
        """The turns as `model` is sent them: their documents by reference, or in words."""
        known = {**self.kept, **_by_hash(self.own)}
        target = _target_of(here, model)
        return tuple(
            replace(turn, question=_with_documents(turn.question, known, target, _not_uploaded)) for turn in turns
        )


class AttachmentStore:
    """The attachments of one shell, by the hash of what was sent.

    A question asks it twice: to `load` what goes along, before anything is decided, and to `finish` the messages when
    all is. `own` is the attachments of the question that is being asked, which may be kept for nobody else.
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._kept: dict[str, Attachment] = {}

    def load(self, question: Question, system: str | None, here: Endpoint) -> LoadedAttachments:
        """Everything that is to go along with a question under this system prompt, read now.

        Raises `InputError` for what cannot or should not go along, such as what looks like a secret, unless forced.
        """
        key = here.key.secret
        keys = (key.reveal(),) if key else ()
        _refuse_secrets(question, system, keys)
        own = self.again(question.snapshots)
        if question.attach:
            own = (*own, *_gathered(question.attach, question, here, keys))
        return LoadedAttachments(own, dict(self._kept))

    def keep(self, attachments: Iterable[Attachment]) -> None:
        """Keep these for follow-ups; what was kept longest ago makes room."""
        for each in attachments:
            self._kept.pop(each.sha256, None)  # what is attached again becomes the newest
            self._kept[each.sha256] = each
        left = BUDGET
        for each in reversed(tuple(self._kept.values())):
            left -= each.memory
            if left < 0:
                self._kept.pop(each.sha256, None)

    def again(self, snapshots: Mapping[str, str]) -> tuple[Attachment, ...]:
        """What went along before, as it was then; `snapshots` are the names, by the hash of what was sent.

        Raises `InputError` for what is not kept (any more), or was sent by another kernel: only its name is known here.
        """
        for sha256, name in snapshots.items():
            if sha256 not in self._kept:
                raise InputError(
                    _("{name} was attached in another session or long ago, and is not at hand here.", name=name),
                    _("Attach it anew."),
                )
        return tuple(replace(self._kept[sha256], name=name) for sha256, name in snapshots.items())

    def finish(
        self,
        messages: tuple[Message, ...],
        here: Endpoint,
        model: str,
        own: Iterable[Attachment] = (),
        *,
        dry: bool = False,
    ) -> tuple[Message, ...]:
        """The messages with their documents as they can be read now: by an id that is good, or in words.

        Uploads what does not lie on the service, unless this is `dry`.
        """
        if not holds_documents(messages):
            return messages
        known, target = self._kept | _by_hash(own), _target_of(here, model)

        def upload(attachment: Attachment) -> str:
            return self._provider.files(here).upload(attachment.filename, attachment.data, attachment.sha256)

        way = _not_uploaded if dry else upload
        return tuple(_with_documents(message, known, target, way) for message in messages)

    def forget(self, messages: tuple[Message, ...], here: Endpoint, own: Iterable[Attachment], error: FileGone) -> bool:
        """The service has lost a document: upload it anew next time. Whether that can be done.

        It is the one of `messages` that the error names; when it names none, it may be any of them.
        """
        documents = documents_in(messages)
        gone = [document for document in documents if document.file_id in error.happened] or documents
        files = self._provider.files(here)
        for document in gone:
            files.forget(document.file_id)
        kept = self._kept | _by_hash(own)
        return bool(gone) and all(document.sha256 in kept for document in gone)


def _refuse_secrets(question: Question, system: str | None, keys: tuple[str, ...]) -> None:
    """Raises `InputError` when the question, its system prompt or a field holds a likely secret, unless forced."""
    from ..attachments.secret_scanner import own_keys, refuse_secret_text

    if question.attach is None or not question.attach.force:
        keys = own_keys(keys)
        refuse_secret_text(question.prompt, _("The question"), keys)
        if question.schema is not None:
            refuse_secret_text(instructions(question.schema), _("The schema"), keys)
        if question.tools is not None:
            refuse_secret_text(question.tools.text, _("What is said of the tools"), keys)
        if system:
            refuse_secret_text(system, _("The system prompt"), keys)
        for name, value in question.fields.items():
            refuse_secret_text(f"{name}={value!r}", _("The field {name}", name=name), keys)


def _gathered(attach: Attach, question: Question, here: Endpoint, keys: tuple[str, ...]) -> tuple[Attachment, ...]:
    """What the question names, in the form that its own fields and model ask for."""
    sharp = question.fields.get("vl_high_resolution_images") or question.fields.get("max_pixels")
    return gather(
        replace(
            attach,
            keys=keys,
            as_documents=_target_of(here, question.model).uploads,
            limits=HIGH_RESOLUTION if sharp else attach.limits,
        )
    )


def _not_uploaded(attachment: Attachment) -> str:
    return NOT_UPLOADED


def _with_documents(
    message: Message, known: Mapping[str, Attachment], target: Target, upload: Callable[[Attachment], str]
) -> Message:
    """The message with its documents as `target` can read them; `upload` gives the id of one that is at hand."""

    def current(part: Part) -> Part:
        if not isinstance(part, Document):
            return part
        found = known.get(part.sha256)
        if found is not None and target.uploads and found.uploadable:
            return replace(part, file_id=upload(found))
        if found is not None:
            return parts([found], target).parts[0]
        if target.uploads:
            return part
        return Text(f"[The document {part.name or part.file_id} was attached here. This model cannot read it.]")

    return replace(message, parts=tuple(map(current, message.parts)))


def _by_hash(attachments: Iterable[Attachment]) -> dict[str, Attachment]:
    return {each.sha256: each for each in attachments}


def _target_of(here: Endpoint, model: str) -> Target:
    """Who will read: what the model can do, at this endpoint."""
    facts = lookup(model)
    return Target(name=model, sees=facts.vision is not False, uploads=here.keeps_files and facts.reads_files)


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
