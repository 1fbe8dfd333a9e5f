"""One question, from prompt to kept turn: the only place that knows the order of things.

attachments -> conversation -> client -> view -> kept turn. Every surface (cell magic, `ask()`, chat panel) goes
through `Assistant.ask`; nothing here parses a line, draws a pixel or knows a protocol.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..code_cells.diff_answer import DiffAnswer, diff_answer
from ..conversations import CellRef, Conversation, Conversations, Reservation, Turn
from ..core.answer import FAILED, MISMATCH, STOPPED, Answer
from ..core.errors import FileGone, InputError, ServiceError, Stopped
from ..core.events import Again, Event, Note, ReasoningDelta, RoundEnded, TextDelta, ToolReturned
from ..core.messages import ChatRequest
from ..core.settings import Settings
from ..core.translatable import _, _n
from ..provider.provider import Provider
from ..service.credentials import Credentials
from ..structured.data_answer import DataAnswer
from ..structured.ladder import Ladder
from ..structured.validation import prepare_check
from ..tools.consent import Consent
from .answer_builder import AnswerBuilder
from .attachment_store import AttachmentStore, documents_in
from .data_question import DataQuestion, EndlessBlanks
from .interrupts import Interrupts
from .question import Question
from .request_builder import DryRun, Plan, RequestBuilder, continued

if TYPE_CHECKING:
    from ..core.tool_rounds import ToolResult
    from ..protocols import HttpRequest
    from ..rendering.views.protocol import View
    from ..service.answer_stream import AnswerStream
    from ..tools.toolset import Toolset

__all__ = ["Assistant", "Cancel", "nothing"]


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


Answered = Callable[[Answer], None]


def nothing(answer: Answer) -> None:
    """For whoever wants no more than what `ask` returns."""


@dataclass(frozen=True)
class _Last:
    """The last question that was asked, for `%qwen last` and `%qwen continue`."""

    plan: Plan
    answer: Answer
    conversation: Conversation | None
    turn: Turn | None


class Assistant:
    """What one shell asks with: who is asked (`provider`), the conversations, and the last answer.

    `ladder` has what servers have refused as a form of data.
    """

    def __init__(self, settings: Settings | None = None, credentials: Credentials | None = None) -> None:
        self.provider = Provider(settings or Settings.of_environment(), credentials or Credentials())
        self.conversations = Conversations()
        self.last: _Last | None = None
        self.consent = Consent()
        self._store = AttachmentStore(self.provider)
        self.ladder = Ladder()
        self._builder = RequestBuilder(self.provider, self._store, self.ladder)

    @property
    def settings(self) -> Settings:
        """The defaults for every question."""
        return self.provider.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.provider.settings = settings

    def close(self) -> None:
        """Close every connection, and the sandbox."""
        self.provider.close()

    # --- asking

    def ask(self, question: Question, view: View, cancel: Cancel | None = None, answered: Answered = nothing) -> Answer:
        """Ask, show the answer in `view` as it comes, keep the turn, and return the answer.

        Raises `Stopped` when the person interrupts or `cancel` is called, and what went wrong otherwise; what had
        arrived is shown, marked, kept as `last` and told to `answered` before that.
        """
        conversation = self._conversation(question)
        if question.alone:
            plan = replace(self._builder.plan(question, conversation, ()), spends=conversation)
            return self._ask(plan, view, None, None, cancel=cancel, answered=answered)
        with self._place(question, conversation) as reserved:
            plan = self._builder.plan(question, conversation, reserved.context)
            self._store.keep(plan.loaded)
            if reserved.replaces is not None and question.again is None:
                plan = replace(plan, hints=(REPLACED,))
            if conversation.predecessor and not len(conversation):
                plan = replace(plan, notes=(*plan.notes, _begun_anew(conversation)))
            return self._ask(plan, view, conversation, reserved, cancel=cancel, answered=answered)

    def dry_run(self, question: Question) -> DryRun:
        """The exact request that `ask` would send now. Nothing is sent, and nothing is kept."""
        conversation = self._conversation(question)
        conversation.runs.spare(question.cell)
        if question.alone:
            return self._builder.dry_run(self._builder.plan(question, conversation, (), dry=True))
        with self._place(question, conversation) as reserved:
            return self._builder.dry_run(self._builder.plan(question, conversation, reserved.context, dry=True))

    def plan_alone(self, question: Question) -> Plan:
        """Who would be asked, and what, for a question without context. Nothing is sent. Raises `InputError`."""
        return self._builder.plan(question, Conversation(""), ())

    def vary(self, plan: Plan, question: Question) -> ChatRequest:
        """The request of another question that is asked as `plan` says, without context: other words and attachments.

        Nothing is sent. Raises `InputError`, also for what looks like a secret.
        """
        return self._builder.vary(plan, question)

    def shown(self, plan: Plan, request: HttpRequest) -> DryRun:
        """A request to the endpoint of a plan, for a person to read."""
        return self._builder.shown(plan, request)

    def go_on(self, view: View, cell: CellRef | None = None, answered: Answered = nothing) -> Answer:
        """Go on with the last answer, where it was stopped or cut. Raises `InputError` when there is none such.

        It is the same endpoint that is asked, wherever it is by now: a local engine may have been started anew.
        """
        last = self.last
        if last is None or last.answer.complete:
            raise InputError(
                _("There is no answer to go on with."), _("Only one that was stopped or cut can be continued.")
            )
        # One that was stopped while the model was thinking begins anew: no protocol can go on with a thought. So does
        # one that is not the data that was asked for.
        begun = last.answer.text or last.answer.rounds
        beginning = last.answer if begun and last.answer.finish_reason != MISMATCH else None
        plan = replace(last.plan, endpoint=self.provider.resolve(last.plan.choice))
        if last.conversation is None or last.turn is None:
            return self._ask(plan, view, None, None, beginning, answered=answered)
        with last.conversation.reopen(last.turn, cell) as reserved:
            return self._ask(plan, view, last.conversation, reserved, beginning, answered=answered)

    def compact(
        self, conversation: Conversation, view: View, cell: CellRef | None = None, answered: Answered = nothing
    ) -> Answer:
        """Let the model sum up the oldest turns; from now on its summary is sent in their stead."""
        from ..conversations import SUMMARISE

        with conversation.summarise(cell=cell) as reserved:
            plan = self._builder.plan(Question(SUMMARISE), conversation, reserved.context)
            return self._ask(plan, view, conversation, reserved, answered=answered)

    def _ask(
        self,
        plan: Plan,
        view: View,
        conversation: Conversation | None,
        reserved: Reservation | None,
        beginning: Answer | None = None,
        cancel: Cancel | None = None,
        answered: Answered = nothing,
    ) -> Answer:
        from ..rendering.views.protocol import Heading

        request = continued(plan, beginning, self.settings.tool_rounds) if beginning else plan.request
        reply = AnswerBuilder(plan.request.think)
        data = DataQuestion(plan.schema, plan.endpoint, self.ladder, request) if plan.schema else None
        error: BaseException | None = None
        with Interrupts() as interrupts:
            stream = self.provider.client.stream(plan.endpoint, request)
            if plan.schema is not None:
                prepare_check(plan.schema)
            try:
                notes = (*plan.notes, *plan.hints)
                who = (request.model, plan.endpoint.name)
                view.start(Heading(*who, plan.attachments, notes, plan.schema, bool(plan.rewrites)))
                with interrupts.passing():
                    if beginning is not None:
                        _pass_on(_events_of(beginning), reply, view)
                    self._listen(stream, plan, request, data, reply, view, cancel, interrupts.check)
            except (KeyboardInterrupt, Exception) as caught:
                error = caught
            finally:
                stream.cancel()
            broken_off = isinstance(error, KeyboardInterrupt) or bool(error and cancel and cancel.asked)
            answer = reply.answer(
                STOPPED if broken_off else FAILED,
                model=plan.request.model,
                endpoint=plan.endpoint.name,
                attachments=plan.attachments,
                notes=plan.notes,
            )
            answer = data.data_answer(answer) if data else answer
            answer = diff_answer(answer, plan.rewrites) if plan.rewrites else answer
            self._keep(plan, answer, conversation, reserved)
            answered(answer)
            view.finish(answer)
        if error is not None and not broken_off:
            raise error
        if broken_off or interrupts.waiting:
            raise _stopped(answer) from None
        return answer

    def _listen(
        self,
        stream: AnswerStream,
        plan: Plan,
        request: ChatRequest,
        data: DataQuestion | None,
        reply: AnswerBuilder,
        view: View,
        cancel: Cancel | None,
        check: Callable[[], None],
    ) -> None:
        """Pass the answer on; where it is to be data, ask on as `data` says."""
        while data is not None:
            try:
                self._hear(stream, plan, request, reply, view, cancel, data.watching(reply, check))
                further = data.answered(request, reply)
            except EndlessBlanks:
                further = data.answered(request, reply, endless=True)
            except ServiceError as error:
                further = data.refused(request, error) if reply.empty else None
                if further is None:
                    raise
            if further is None:
                return
            request, reason = further
            _pass_on([Again(reason)], reply, view)
            stream = self.provider.client.stream(plan.endpoint, request)
        request = self._hear(stream, plan, request, reply, view, cancel, check)
        check = _checking(cancel, check)
        while plan.tools and (with_results := self._call_tools(plan.tools, plan, request, reply, view, check)):
            stream = self.provider.client.stream(plan.endpoint, with_results)
            request = self._hear(stream, plan, with_results, reply, view, cancel, check)

    def _call_tools(
        self,
        tools: Toolset,
        plan: Plan,
        request: ChatRequest,
        reply: AnswerBuilder,
        view: View,
        check: Callable[[], None],
    ) -> ChatRequest | None:
        """Run what the model called, and return the request with the results; `None` where the answer is whole."""
        from ..tools.loop import ToolCalls, stopped, with_ids
        from ..tools.toolset import next_request

        earlier, most = len(reply.rounds), self.settings.tool_rounds
        calls = with_ids(reply.calls, earlier)
        if not calls or reply.finish_reason == LIMIT_REACHED or earlier >= most:
            return None
        results: list[ToolResult] = []
        try:
            with view.pausing():
                for called in ToolCalls(tools, self.consent, plan.result_limits, check).run(calls):
                    results.append(called.result)
                    notes = [Note(called.note)] if called.note else []
                    _pass_on([*notes, ToolReturned(called.result)], reply, view)
        except BaseException:
            left = stopped(calls[len(results) :], tools)
            _pass_on([*map(ToolReturned, left), RoundEnded()], reply, view)
            raise
        last = earlier + 1 >= most
        _pass_on([RoundEnded(), *([Note(_last_round(most))] if last else [])], reply, view)
        return next_request(request, reply.rounds[-1].messages, last=last)

    def _hear(
        self,
        stream: AnswerStream,
        plan: Plan,
        request: ChatRequest,
        reply: AnswerBuilder,
        view: View,
        cancel: Cancel | None,
        check: Callable[[], None],
    ) -> ChatRequest:
        """Pass one answer on, and return its request; documents that have gone from the service are uploaded anew."""
        for left in reversed(range(1 + len(documents_in(request.messages)))):
            try:
                _read(stream, reply, view, cancel, check)
            except FileGone as error:
                if not left or not self._store.forget(request.messages, plan.endpoint, plan.loaded, error):
                    raise
            else:
                break
            messages = self._store.finish(request.messages, plan.endpoint, request.model, plan.loaded)
            request = replace(request, messages=messages)
            stream = self.provider.client.stream(plan.endpoint, request)
        return request

    def _keep(
        self, plan: Plan, answer: Answer, conversation: Conversation | None, reserved: Reservation | None
    ) -> None:
        turn = None
        if reserved is not None and conversation is not None:
            words = answer.in_words if isinstance(answer, DataAnswer | DiffAnswer) else answer
            # The service has counted the question anew in every round.
            estimate = 0 if answer.rounds else plan.estimate
            turn = Turn(plan.question, words, plan.request.model, time.time(), pinned=plan.pin, estimate=estimate)
            turn = reserved.keep(turn)
        elif plan.spends is not None:
            plan.spends.spending.count(plan.request.model, answer.usage)
        self.last = _Last(plan, answer, conversation, turn)

    def _conversation(self, question: Question) -> Conversation:
        asked = question.conversation
        return asked if isinstance(asked, Conversation) else self.conversations.get(asked)

    def _place(self, question: Question, conversation: Conversation) -> Reservation:
        """Where the question's turn goes."""
        if question.again is not None:
            return conversation.reopen(question.again)
        return conversation.begin(
            question.cell, append=self.settings.append if question.append is None else question.append
        )


# The service's word for an answer that was cut at the token limit: a call in it may be cut, too.
LIMIT_REACHED = "length"

# The cell's output is replaced as well, for everybody to see: it is said while the answer comes, and not kept.
REPLACED = _("an earlier turn of this cell was replaced: %qwen undo brings it back")

WHOLE = _("The answer is whole, and kept.")
NOTHING = _("Nothing had arrived yet.")
KEPT = _("What had arrived is kept: %qwen continue goes on from there.")


def _begun_anew(conversation: Conversation) -> str:
    """Where the first question goes in a conversation whose name another one had before."""
    old = f"'{conversation.predecessor}'" if " " in conversation.predecessor else conversation.predecessor
    return _(
        "a new conversation {name!r}: -c {old} goes on with the one that was called so before",
        name=conversation.name,
        old=old,
    )


def _stopped(answer: Answer) -> Stopped:
    """What says that the person stopped this answer, and what is left of it."""
    arrived = answer.text or answer.thinking or answer.rounds
    return Stopped(WHOLE if answer.complete else KEPT if arrived else NOTHING)


def _checking(cancel: Cancel | None, check: Callable[[], None]) -> Callable[[], None]:
    """`check`, which also raises when the answer is to be stopped from elsewhere."""

    def look() -> None:
        check()
        if cancel is not None and cancel.asked:
            raise KeyboardInterrupt

    return look


def _last_round(most: int) -> str:
    return _n(
        "functions were called once, as often as in one answer is allowed (%config QwenMagics.tool_rounds)",
        "functions were called {count} times, as often as in one answer is allowed (%config QwenMagics.tool_rounds)",
        count=most,
    )


def _events_of(beginning: Answer) -> list[Event]:
    """An answer that is gone on with, as it came."""
    events: list[Event] = []
    for each in beginning.rounds:
        results = map(ToolReturned, each.results)
        events += [ReasoningDelta(each.reasoning), TextDelta(each.text), *results, RoundEnded()]
    return [*events, ReasoningDelta(beginning.reasoning), TextDelta(beginning.text)]


def _read(
    stream: AnswerStream, reply: AnswerBuilder, view: View, cancel: Cancel | None, check: Callable[[], None]
) -> None:
    """Pass the answer on as it comes; `check` may raise. Whatever ends it, `reply` has all that had arrived."""
    with stream:
        if cancel is not None:
            cancel.calls(stream.cancel)
        try:
            for events in stream.batches(view.interval):
                _pass_on(events, reply, view)
                check()
        finally:
            reply.add(stream.rest())


def _pass_on(events: Sequence[Event], reply: AnswerBuilder, view: View) -> None:
    reply.add(events)
    view.update(events)
