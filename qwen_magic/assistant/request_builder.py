"""Decide what one question sends: which model, which context, in which form; nothing is asked here.

The only thing that may happen on the way is the upload of a document, when everything else is decided and fits.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ..attachments import Attachment, Sent
from ..attachments.size_limits import BESIDE_MESSAGES, MAX_IMAGES, SHARED_BODY, TOKENS_BESIDE_FILES, WORKSPACE_BODY
from ..code_cells.unified_diff import CellSource
from ..conversations import Conversation, FittedContext, Limits, Turn, fit
from ..core.answer import Answer, Attached
from ..core.errors import InputError
from ..core.messages import ChatRequest, Message, Text
from ..core.models import lookup
from ..core.tokens import count_tokens
from ..core.translatable import _, _n
from ..protocols import HttpRequest, protocol
from ..provider.provider import Provider
from ..service.endpoints import Choice, Endpoint
from ..structured.instructions import instructions
from ..structured.ladder import Ladder, facts_for
from ..structured.schema import Schema
from ..tools.results import ResultLimits
from ..tools.toolset import Toolset, next_request
from .attachment_store import AttachmentStore, LoadedAttachments, documents_in, holds_documents, too_large_to_quote
from .data_question import in_form
from .question import Question

__all__ = ["DryRun", "Plan", "RequestBuilder", "continued"]

# At the most so much of a window is kept free for the answer.
RESERVE_SHARE = 4
# A local server that does not say how much a model reads may read no more than this (Ollama's docs, "FAQ": the window
# that it has by default), and leave out the rest without a word.
LEAST_WINDOW = 4_096
# A workspace's own host (the service's docs, "Base URL", Oct 2026).
WORKSPACES = ".maas.aliyuncs.com"
GO_ON = "Go on with your last answer exactly where it stops. Repeat nothing of it and do not comment."


@dataclass(frozen=True)
class Plan:
    """Everything that has been decided for one question, before anything is sent.

    Made by `RequestBuilder.plan` from a `Question`, taken by the `Assistant`: what is sent is its `request`, the rest
    is for the view, the kept turn and `%qwen continue`. `choice` names the endpoint, so that it can be looked up again.
    `loaded` is what goes along, and `attachments` what is said of it. The model may call what is in `tools`, of whose
    results as much is sent as `result_limits` says.
    """

    choice: Choice
    endpoint: Endpoint
    request: ChatRequest
    question: Message
    loaded: tuple[Attachment, ...] = ()
    attachments: tuple[Attached, ...] = ()
    notes: tuple[str, ...] = ()
    # Notes that are shown while the answer comes, and not kept.
    hints: tuple[str, ...] = ()
    estimate: int = 0
    pin: bool = False
    spends: Conversation | None = None
    schema: Schema[Any] | None = None
    tools: Toolset | None = None
    result_limits: ResultLimits = field(default_factory=ResultLimits)
    rewrites: tuple[CellSource, ...] = ()


@dataclass(frozen=True)
class DryRun:
    """The exact request that a question would send, for a person to read. The key is not in it.

    Made by `RequestBuilder.dry_run`. `body` is the JSON of the request.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: dict[str, Any]
    attachments: tuple[Attached, ...] = ()
    notes: tuple[str, ...] = ()


class RequestBuilder:
    """Makes plans for one shell."""

    def __init__(self, provider: Provider, store: AttachmentStore, ladder: Ladder) -> None:
        self._provider = provider
        self._store = store
        self._ladder = ladder

    def plan(
        self, question: Question, conversation: Conversation, context: tuple[Turn, ...], *, dry: bool = False
    ) -> Plan:
        """Decide all that is sent. Raises `InputError` and the like; nothing was asked by then.

        The endpoint is looked up here, once, and handed on. Documents are uploaded on the way, where the model reads
        uploads, unless this is a `dry` run.
        """
        if not question.prompt.strip():
            raise InputError(_("There is no question."), _("Write it below the line, or after %qwen."))
        choice = self._provider.choice.changed(question.endpoint, question.protocol)
        here = self._provider.resolve(choice)
        if question.search and not here.dialect.service:
            raise InputError(_("{name} has no web search.", name=here.name), _("Leave out --search."))
        system = self._system(question, conversation)
        loaded = self._store.load(question, system, here)
        model, notes = self._model_for(question, here, conversation, context, loaded.own)
        _refuse_form(question, model)
        _refuse_tools(question, model)
        if lookup(model).single_turn:
            notes = (*notes, *(_("asked alone: {model} takes one message", model=model),) * bool(context or system))
            context, system = (), None
        window = self._provider.models.window(here, model)
        sent, fitted = _fitted_to(question, system, context, loaded, here, model, window)
        _refuse_documents(fitted.messages, model)
        messages = self._store.finish(fitted.messages, here, model, loaded.own, dry=dry)
        return Plan(
            choice,
            here,
            self._request(question, messages, here, model),
            _as_typed(messages[-1], question),
            loaded.own,
            sent.attached,
            notes=(*notes, *_notes_on(fitted, here, window)),
            estimate=fitted.estimate,
            pin=question.pin,
            schema=question.schema,
            tools=question.tools,
            result_limits=_result_limits(question, here, model, window),
            rewrites=question.rewrites,
        )

    def vary(self, plan: Plan, question: Question) -> ChatRequest:
        """The request of another question that is asked as `plan` says, without context: other words and attachments.

        With the plan's schema it has the form that the server takes as far as is known by now. Cheap, so that it can be
        done for each row of a table. Raises `InputError` for what cannot go along.
        """
        here, model, schema = plan.endpoint, plan.request.model, plan.schema
        sent = self._store.load(question, None, here).parts(here, model, ())
        message = Message.user(question.prompt, *sent.parts)
        message = replace(message, parts=(*message.parts, *_instructions(schema)))
        request = replace(plan.request, messages=(*plan.request.messages[:-1], message))
        if schema is None:
            return request
        return in_form(request, schema, here, self._ladder.rung(here, model, request.think))

    def dry_run(self, plan: Plan) -> DryRun:
        """The exact request of a plan."""
        here = plan.endpoint
        return self.shown(plan, protocol(here.protocol).encode(plan.request, here.dialect))

    def shown(self, plan: Plan, sent: HttpRequest) -> DryRun:
        """A request to the endpoint of a plan, for a person to read."""
        here = plan.endpoint
        key = {"Authorization": "Bearer …"} if here.needs_key or here.key.secret else {}
        headers = {**key, **sent.headers}
        return DryRun(sent.method, here.url(sent.path), headers, dict(sent.body or {}), plan.attachments, plan.notes)

    def _request(self, question: Question, messages: tuple[Message, ...], here: Endpoint, model: str) -> ChatRequest:
        """The request with these messages, in the form that the answer is to have."""
        think = self._provider.settings.think if question.think is None else question.think
        request = ChatRequest(
            model=model,
            messages=messages,
            think=think,
            search=question.search,
            fields=question.fields,
            stream=question.fields.get("stream") is not False,
        )
        if question.tools is not None:
            return question.tools.given_to(request)
        if question.schema is None:
            return request
        if question.think is None and think and not facts_for(here, model).thinks:
            request = replace(request, think=None)  # that setting is for answers in words
        return in_form(request, question.schema, here, self._ladder.rung(here, model, request.think))

    def _system(self, question: Question, conversation: Conversation) -> str | None:
        given = question.system if question.system is not None else conversation.system
        return self._provider.settings.system if given is None else given

    def _model_for(
        self,
        question: Question,
        here: Endpoint,
        conversation: Conversation,
        context: tuple[Turn, ...],
        attachments: tuple[Attachment, ...],
    ) -> tuple[str, tuple[str, ...]]:
        """The model to ask, and what the person should know of the choice."""
        settings = self._provider.settings
        model = question.model or conversation.model or settings.model or self._provider.models.default(here)
        facts = lookup(model)
        if not here.dialect.service:
            return model, ()
        if facts.single_turn:
            context = ()
        if _has_images(context, attachments):
            if facts.vision is not False:
                return model, ()
            if question.model:
                raise InputError(
                    _("{model} does not see images.", model=model),
                    _(
                        "Leave out -m {model}, or choose one that sees, such as {vision_model}.",
                        model=model,
                        vision_model=settings.vision_model,
                    ),
                )
            return settings.vision_model, (
                _(
                    "{vision_model} answers, because {model} does not see images",
                    vision_model=settings.vision_model,
                    model=model,
                ),
            )
        may_change = facts.known and not facts.reads_files and not question.model
        if may_change and here.keeps_files and _has_documents(context, attachments):
            return settings.document_model, (
                _("{document_model} answers, because it reads documents", document_model=settings.document_model),
            )
        return model, ()


def _instructions(schema: Schema[Any] | None, instruction: str = "") -> tuple[Text, ...]:
    """What stands behind the person's words, on the form of the answer."""
    return tuple(Text(text) for text in (instructions(schema) if schema else "", instruction) if text)


def _as_typed(sent: Message, question: Question) -> Message:
    """The question without the instructions, which is what the conversation keeps."""
    return replace(
        sent, parts=sent.parts[: len(sent.parts) - len(_instructions(question.schema, question.instruction))]
    )


def _refuse_form(question: Question, model: str) -> None:
    """Raises `InputError` for data or code from a model that only translates."""
    if (question.schema or question.instruction) and lookup(model).single_turn:
        only = _("{model} translates, and answers with nothing else.", model=model)
        raise InputError(only, _("Name another model with -m."))


def _refuse_tools(question: Question, model: str) -> None:
    """Raises `InputError` for tools together with what the service, or a server, does not take beside them."""
    if question.tools is None:
        return
    if question.search or question.fields.get("enable_search"):
        # nocobase/nocobase#9012
        raise InputError(_("The service takes either tools or --search."), _("Leave out one of them."))
    if "tools" in question.fields:
        raise InputError(_("--set tools and -t exclude each other."), _("Leave out one of them."))
    if question.schema is not None:
        raise InputError(_("A question takes either tools or a schema."), _("Ask for the data in a second question."))
    if lookup(model).single_turn:
        only = _("{model} translates, and answers with nothing else.", model=model)
        raise InputError(only, _("Name another model with -m."))


def _result_limits(question: Question, here: Endpoint, model: str, window: int | None) -> ResultLimits:
    """How much is sent of what a function returns."""
    key = here.key.secret
    keys = (key.reveal(),) if key else ()
    forced = question.attach is not None and question.attach.force
    return ResultLimits.for_window(window, sees=lookup(model).vision is not False, forced=forced, keys=keys)


def _fitted_to(
    question: Question,
    system: str | None,
    context: tuple[Turn, ...],
    loaded: LoadedAttachments,
    here: Endpoint,
    model: str,
    window: int | None,
) -> tuple[Sent, FittedContext]:
    """The question, with what goes along, behind as much of the context as the request can have."""
    turns = loaded.readable(context, here, model)

    def fitted(sent: Sent) -> FittedContext:
        asked = Message.user(question.prompt, *sent.parts)
        return fit(
            turns,
            replace(asked, parts=(*asked.parts, *_instructions(question.schema, question.instruction))),
            system=system,
            model=model,
            window=window,
            reserve=_reserve(model, window) + (count_tokens(question.tools.text) if question.tools else 0),
            limits=_limits(here, model),
        )

    sent = loaded.parts(here, model, context)
    found = fitted(sent)
    if found.left_out and loaded.own:  # what is left out cannot be referred to
        sent = loaded.parts(here, model, ())
        found = fitted(sent)
    return sent, found


def _has_images(context: tuple[Turn, ...], attachments: tuple[Attachment, ...]) -> bool:
    return any(each.form == "image" for each in attachments) or any(turn.question.images for turn in context)


def _has_documents(context: tuple[Turn, ...], attachments: tuple[Attachment, ...]) -> bool:
    """Whether there is anything that is better uploaded than quoted."""
    return any(map(too_large_to_quote, attachments)) or holds_documents(turn.question for turn in context)


def _notes_on(fitted: FittedContext, here: Endpoint, window: int | None) -> tuple[str, ...]:
    """What the person should know of how the question fits."""
    notes: list[str] = []
    if fitted.left_out:
        notes.append(_n("{count} earlier turn left out", "{count} earlier turns left out", count=fitted.left_out))
    # Nothing is left out for a window that nobody knows: a guess that is too small would throw away what the
    # model could have read, and a server that refuses says so. Some cut without a word: hence the note.
    if not here.dialect.service and fitted.tokens > LEAST_WINDOW and window is None:
        notes.append(
            _(
                "about {tokens:,} tokens, and {name} does not say how many it reads: if the answer "
                "forgets something, %qwen compact or %qwen reset",
                tokens=fitted.tokens,
                name=here.name,
            )
        )
    return tuple(notes)


def _reserve(model: str, window: int | None) -> int:
    """Tokens of the window to keep free for the answer."""
    share = (window or 0) // RESERVE_SHARE
    return min(lookup(model).max_output or share, share)


def _limits(endpoint: Endpoint, model: str) -> Limits:
    """What the service takes in one request beside tokens; other servers have no such limits, or do not say."""
    if not endpoint.dialect.service:
        return Limits()
    body = WORKSPACE_BODY if endpoint.host.endswith(WORKSPACES) else SHARED_BODY
    return Limits(
        body=body - BESIDE_MESSAGES,
        images=MAX_IMAGES,
        words=TOKENS_BESIDE_FILES if lookup(model).reads_files else None,
    )


def _refuse_documents(messages: tuple[Message, ...], model: str) -> None:
    """Raises `InputError` for more documents than the model reads in one request."""
    count, most = len(documents_in(messages)), lookup(model).max_files
    if most and count > most:
        raise InputError(
            _(
                "These are {count} documents, with those of earlier turns, and {model} reads {most} at once.",
                count=count,
                model=model,
                most=most,
            ),
            _("Attach fewer of them, or ask with --alone."),
        )


def continued(plan: Plan, beginning: Answer, tool_rounds: int) -> ChatRequest:
    """The request that goes on with an answer: in the protocol's partial mode where the model has it, else by asking.

    After so many `tool_rounds` the model may call no function more.

    Raises `InputError` for a model that cannot be asked twice.
    """
    text = beginning.text
    # Nothing that is gone on with begins as a form has to.
    request = replace(plan.request, output=None) if text else plan.request
    if beginning.rounds:
        called = [message for each in beginning.rounds for message in each.messages]
        request = next_request(request, called, last=len(beginning.rounds) >= tool_rounds)
    if not text:
        return request
    if lookup(request.model).single_turn:
        raise InputError(
            _("{model} takes one message, and cannot go on with its answer.", model=request.model), _("Ask it again.")
        )
    if plan.endpoint.dialect.service and lookup(request.model).continues:
        # "partial: true on the last assistant message; not while thinking" (docs, "Partial mode").
        begun = Message("assistant", (Text(text),), partial=True)
        switch = False if lookup(request.model).thinking == "on" or request.think else request.think
        return replace(request, messages=(*request.messages, begun), think=switch)
    return replace(request, messages=(*request.messages, Message.assistant(text), Message.user(GO_ON)))
