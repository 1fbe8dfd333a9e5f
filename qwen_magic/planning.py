"""Decide what one question sends: which model, which context, in which form; nothing is asked here.

The only thing that may happen on the way is the upload of a document, when everything else is decided.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .answer import Attached
from .attachments import Attachment, Sent
from .cargo import Cargo, holds_documents, too_large_to_quote
from .conversations import Conversation, Fitted, Turn, fit
from .endpoints import Endpoint
from .errors import InputError
from .gateway import Gateway
from .messages import ChatRequest, Message, Text
from .models import lookup
from .protocols import protocol
from .question import Question

__all__ = ["DryRun", "Plan", "Planner", "continued"]

# At the most so much of a window is kept free for the answer.
RESERVE_SHARE = 4
GO_ON = "Go on with your last answer exactly where it stops. Repeat nothing of it and do not comment."


@dataclass(frozen=True)
class Plan:
    """Everything that has been decided for one question, before anything is sent."""

    endpoint: Endpoint
    request: ChatRequest
    question: Message
    attachments: tuple[Attached, ...] = ()
    notes: tuple[str, ...] = ()
    estimate: int = 0
    pin: bool = False
    spends: Conversation | None = None


@dataclass(frozen=True)
class DryRun:
    """The exact request that a question would send. The key is not in it."""

    method: str
    url: str
    headers: dict[str, str]
    body: dict[str, Any]
    attachments: tuple[Attached, ...] = ()
    notes: tuple[str, ...] = ()


class Planner:
    """Makes plans for one shell."""

    def __init__(self, gateway: Gateway, cargo: Cargo) -> None:
        self._gateway = gateway
        self._cargo = cargo

    def plan(
        self, question: Question, conversation: Conversation, context: tuple[Turn, ...], *, dry: bool = False
    ) -> Plan:
        """Decide all that is sent. Raises `InputError` and the like; nothing was asked by then.

        Documents are uploaded on the way, where the model reads uploads, unless this is a `dry` run.
        """
        if not question.prompt.strip():
            raise InputError("There is no question.", "Write it below the line, or after %qwen.")
        here = self._gateway.awake()
        if question.search and not here.dialect.service:
            raise InputError(f"{here.name} has no web search.", "Leave out --search.")
        attachments = self._attachments(question)
        model, notes = self._model_for(question, conversation, context, attachments)
        sent = self._cargo.load(attachments, model, context, dry=dry)
        fitted = self._fitted(question, conversation, context, sent, model)
        if fitted.left_out and attachments:  # what is left out cannot be referred to
            sent = self._cargo.load(attachments, model, (), dry=dry)
            fitted = self._fitted(question, conversation, context, sent, model)
        if fitted.left_out:
            notes = (*notes, f"{fitted.left_out} earlier turn{'s' * (fitted.left_out > 1)} left out")
        settings = self._gateway.settings
        request = ChatRequest(
            model=model,
            messages=self._cargo.current(fitted.messages, model, dry=dry),
            think=settings.think if question.think is None else question.think,
            search=question.search,
            fields=question.fields,
            stream=question.fields.get("stream") is not False,
        )
        return Plan(here, request, fitted.messages[-1], sent.attached, notes, fitted.estimate, question.pin)

    def dry_run(self, plan: Plan) -> DryRun:
        """The exact request of a plan."""
        encoded = protocol(plan.endpoint.protocol).encode(plan.request, plan.endpoint.dialect)
        url = plan.endpoint.url(encoded.path)
        return DryRun("POST", url, dict(encoded.headers), dict(encoded.body), plan.attachments, plan.notes)

    def _attachments(self, question: Question) -> tuple[Attachment, ...]:
        again = self._cargo.again(question.snapshots)
        if not question.attach:
            return again
        return (*again, *self._cargo.gather(question.attach, question.model, question.fields))

    def _fitted(
        self,
        question: Question,
        conversation: Conversation,
        context: tuple[Turn, ...],
        sent: Sent,
        model: str,
    ) -> Fitted:
        """The question, with what goes along, behind as much of the context as the model can read."""
        system = question.system if question.system is not None else conversation.system
        return fit(
            context,
            Message.user(question.prompt, *sent.parts),
            system=self._gateway.settings.system if system is None else system,
            model=model,
            window=self._gateway.window(model),
            reserve=reserve(model),
        )

    def _model_for(
        self,
        question: Question,
        conversation: Conversation,
        context: tuple[Turn, ...],
        attachments: tuple[Attachment, ...],
    ) -> tuple[str, tuple[str, ...]]:
        """The model to ask, and what the person should know of the choice."""
        settings = self._gateway.settings
        model = question.model or conversation.model or settings.model or self._gateway.default_model()
        facts = lookup(model)
        if not self._gateway.endpoint.dialect.service:
            return model, ()
        if has_images(context, attachments):
            if facts.vision is not False:
                return model, ()
            if question.model:
                raise InputError(
                    f"{model} does not see images.",
                    f"Leave out -m {model}, or choose one that sees, such as {settings.vision_model}.",
                )
            return settings.vision_model, (f"{settings.vision_model} answers, because {model} does not see images",)
        if has_documents(context, attachments) and facts.known and not facts.reads_files and not question.model:
            return settings.document_model, (f"{settings.document_model} answers, because it reads documents",)
        return model, ()


def has_images(context: tuple[Turn, ...], attachments: tuple[Attachment, ...]) -> bool:
    return any(each.form == "image" for each in attachments) or any(turn.question.images for turn in context)


def has_documents(context: tuple[Turn, ...], attachments: tuple[Attachment, ...]) -> bool:
    """Whether there is anything that is better uploaded than quoted."""
    return any(map(too_large_to_quote, attachments)) or holds_documents(turn.question for turn in context)


def reserve(model: str) -> int:
    """Tokens to keep free for the answer."""
    facts = lookup(model)
    return min(facts.max_output or 0, (facts.window or 0) // RESERVE_SHARE)


def continued(plan: Plan, text: str) -> ChatRequest:
    """The request that goes on with `text`: in the protocol's partial mode where the model has it, else by asking."""
    request = plan.request
    if not text:
        return request
    if plan.endpoint.dialect.service and lookup(request.model).continues:
        # "partial: true on the last assistant message; not while thinking" (docs, "Partial mode").
        beginning = Message("assistant", (Text(text),), partial=True)
        switch = False if lookup(request.model).thinking == "on" or request.think else request.think
        return replace(request, messages=(*request.messages, beginning), think=switch)
    return replace(request, messages=(*request.messages, Message.assistant(text), Message.user(GO_ON)))
