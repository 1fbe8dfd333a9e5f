"""One question, from prompt to kept turn: the only place that knows the order of things.

attachments -> conversation -> client -> view -> kept turn. Every surface (cell magic, `ask()`, chat panel) goes
through `Assistant.ask`; nothing here parses a line, draws a pixel or knows a protocol.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .answer import FAILED, STOPPED, Answer, Attached
from .conversations import CellRef, Conversation, Conversations, Reservation, Turn
from .credentials import Credentials
from .endpoints import Endpoint
from .errors import InputError
from .events import Event, ReasoningDelta, TextDelta
from .gateway import Gateway
from .messages import ChatRequest, Document, Message, Text
from .models import lookup
from .protocols import protocol
from .question import Question
from .reply import Reply
from .settings import Settings

if TYPE_CHECKING:
    from .rendering.view import View

__all__ = ["Assistant", "Cancel", "Plan", "Stopped"]

# At the most so much of a window is kept free for the answer.
RESERVE_SHARE = 4
GO_ON = "Go on with your last answer exactly where it stops. Repeat nothing of it and do not comment."


class Stopped(KeyboardInterrupt):
    """The person stopped the answer. What had arrived is kept; the cell ends here, and so does a loop of questions."""

    def _render_traceback_(self) -> list[str]:
        return ["Stopped. What had arrived is kept: %qwen continue goes on from there."]


class Cancel:
    """Stops one answer from another thread, as an interrupt does in a cell's own; also before it has begun."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._stop: Callable[[], None] | None = None

    @property
    def asked(self) -> bool:
        """Whether it is to stop."""
        return self._asked.is_set()

    def __call__(self) -> None:
        """Stop the answer; does nothing after its end."""
        self._asked.set()
        if self._stop is not None:
            self._stop()

    def calls(self, stop: Callable[[], None]) -> None:
        """`stop` is how the answer is stopped from now on."""
        self._stop = stop
        if self.asked:
            stop()


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
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Last:
    """The last question that was asked, for `%qwen last` and `%qwen continue`."""

    plan: Plan
    answer: Answer
    conversation: Conversation | None
    turn: Turn | None


class Assistant:
    """What one shell asks with: who is asked (`gateway`), the conversations, and the last answer."""

    def __init__(self, settings: Settings | None = None, credentials: Credentials | None = None) -> None:
        self.gateway = Gateway(settings or Settings(), credentials or Credentials())
        self.conversations = Conversations()
        self.last: Last | None = None

    @property
    def settings(self) -> Settings:
        """The defaults for every question."""
        return self.gateway.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.gateway.settings = settings

    def close(self) -> None:
        """Close every connection, and the sandbox."""
        self.gateway.close()

    # --- asking

    def ask(self, question: Question, view: View, cancel: Cancel | None = None) -> Answer:
        """Ask, show the answer in `view` as it comes, keep the turn, and return the answer.

        Raises `Stopped` when the person interrupts or `cancel` is called, and what went wrong otherwise; what had arrived is shown, marked
        and kept as `last` before that.
        """
        conversation = self.conversations.get(question.conversation)
        if question.alone:
            plan = replace(self.plan(question, conversation, ()), spends=conversation)
            return self._ask(plan, view, None, None, cancel=cancel)
        with self._place(question, conversation) as reserved:
            plan = self.plan(question, conversation, reserved.context)
            if reserved.replaces is not None and question.again is None:
                plan = replace(plan, notes=(*plan.notes, REPLACED))
            return self._ask(plan, view, conversation, reserved, cancel=cancel)

    def plan(self, question: Question, conversation: Conversation, context: tuple[Turn, ...]) -> Plan:
        """Decide all that is sent. Raises `InputError` and the like; nothing has been sent by then."""
        from .conversations import fit

        if not question.prompt.strip():
            raise InputError("There is no question.", "Write it below the line, or after %qwen.")
        here = self.gateway.awake()
        if question.search and not here.dialect.service:
            raise InputError(f"{here.name} has no web search.", "Leave out --search.")
        asked = Message.user(question.prompt)
        model, notes = self._model_for(question, conversation, (asked, *(turn.question for turn in context)))
        fitted = fit(
            context,
            asked,
            system=system_prompt(question, conversation, self.settings),
            model=model,
            window=self.gateway.window(model),
            reserve=reserve(model),
        )
        if fitted.left_out:
            notes = (*notes, f"{fitted.left_out} earlier turn{'s' * (fitted.left_out > 1)} left out")
        request = ChatRequest(
            model=model,
            messages=fitted.messages,
            think=self.settings.think if question.think is None else question.think,
            search=question.search,
            fields=question.fields,
            stream=question.fields.get("stream") is not False,
        )
        return Plan(here, request, asked, notes=notes, estimate=fitted.estimate, pin=question.pin)

    def dry_run(self, question: Question) -> DryRun:
        """The exact request that `ask` would send now. Nothing is sent, and nothing is kept."""
        conversation = self.conversations.get(question.conversation)
        if question.alone:
            plan = self.plan(question, conversation, ())
        else:
            with self._place(question, conversation) as reserved:
                plan = self.plan(question, conversation, reserved.context)
        encoded = protocol(plan.endpoint.protocol).encode(plan.request, plan.endpoint.dialect)
        return DryRun("POST", plan.endpoint.url(encoded.path), dict(encoded.headers), dict(encoded.body), plan.notes)

    def go_on(self, view: View, cell: CellRef | None = None) -> Answer:
        """Go on with the last answer, where it was stopped or cut. Raises `InputError` when there is none such."""
        last = self.last
        if last is None or last.answer.complete:
            raise InputError("There is no answer to go on with.", "Only one that was stopped or cut can be continued.")
        plan = replace(last.plan, request=continued(last.plan, last.answer.text))
        if last.conversation is None or last.turn is None:
            return self._ask(plan, view, None, None, beginning=last.answer)
        with last.conversation.reopen(last.turn, cell) as reserved:
            return self._ask(plan, view, last.conversation, reserved, beginning=last.answer)

    def compact(self, conversation: Conversation, view: View, cell: CellRef | None = None) -> Answer:
        """Let the model sum up the oldest turns; from now on its summary is sent in their stead."""
        from .conversations import SUMMARISE

        with conversation.summarise(cell=cell) as reserved:
            plan = self.plan(Question(SUMMARISE), conversation, reserved.context)
            return self._ask(plan, view, conversation, reserved)

    def _ask(
        self,
        plan: Plan,
        view: View,
        conversation: Conversation | None,
        reserved: Reservation | None,
        beginning: Answer | None = None,
        cancel: Cancel | None = None,
    ) -> Answer:
        from .rendering.view import Heading

        stream = self.gateway.client.stream(plan.endpoint, plan.request)
        reply = Reply()
        error: BaseException | None = None
        with stream:
            if cancel is not None:
                cancel.calls(stream.cancel)
            try:
                view.start(Heading(plan.request.model, plan.endpoint.name, plan.attachments, plan.notes))
                if beginning is not None:
                    known: list[Event] = [ReasoningDelta(beginning.reasoning), TextDelta(beginning.text)]
                    reply.add(known)
                    view.update(known)
                for events in stream.batches(view.interval):
                    reply.add(events)
                    view.update(events)
            except (KeyboardInterrupt, Exception) as caught:
                error = caught
                reply.add(stream.rest())
        stopped = isinstance(error, KeyboardInterrupt) or (error is not None and cancel is not None and cancel.asked)
        answer = reply.answer(
            STOPPED if stopped else FAILED,
            model=plan.request.model,
            endpoint=plan.endpoint.name,
            attachments=plan.attachments,
            notes=plan.notes,
        )
        self._keep(plan, answer, conversation, reserved)
        view.finish(answer)
        if stopped:
            raise Stopped from None
        if error is not None:
            raise error
        return answer

    def _keep(
        self, plan: Plan, answer: Answer, conversation: Conversation | None, reserved: Reservation | None
    ) -> None:
        turn = None
        if reserved is not None and conversation is not None:
            turn = Turn(plan.question, answer, plan.request.model, time.time(), pinned=plan.pin, estimate=plan.estimate)
            turn = reserved.keep(turn)
        elif plan.spends is not None:
            plan.spends.count(plan.request.model, answer.usage)
        self.last = Last(plan, answer, conversation, turn)

    def _place(self, question: Question, conversation: Conversation) -> Reservation:
        """Where the question's turn goes."""
        if question.again is not None:
            return conversation.reopen(question.again)
        return conversation.begin(
            question.cell, append=self.settings.append if question.append is None else question.append
        )

    # --- choosing a model

    def _model_for(
        self, question: Question, conversation: Conversation, messages: tuple[Message, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """The model to ask, and what the person should know of the choice."""
        model = question.model or conversation.model or self.settings.model or self.gateway.default_model()
        if not self.gateway.endpoint.dialect.service:
            return model, ()
        needed = needs(messages, self.settings)
        if needed is None or able(model, messages):
            return model, ()
        if question.model:
            raise InputError(
                f"{model} cannot take what is attached.",
                f"Leave out -m {model}, or choose one that can, such as {needed}.",
            )
        return needed, (f"{needed} answers: {model} cannot take what is attached",)


REPLACED = "an earlier turn of this cell was replaced: %qwen undo brings it back"


def system_prompt(question: Question, conversation: Conversation, settings: Settings) -> str:
    return question.system if question.system is not None else conversation.system or settings.system


def needs(messages: tuple[Message, ...], settings: Settings) -> str | None:
    """The model that can take what these messages hold, where that takes a special one."""
    if any(isinstance(part, Document) for message in messages for part in message.parts):
        return settings.document_model
    return settings.vision_model if any(message.images for message in messages) else None


def able(model: str, messages: tuple[Message, ...]) -> bool:
    """Whether the model can take what these messages hold; of unknown models nothing is concluded."""
    facts = lookup(model)
    documents = any(isinstance(part, Document) for message in messages for part in message.parts)
    images = any(message.images for message in messages)
    return (not documents or facts.reads_files or not facts.known) and (not images or facts.vision is not False)


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
