"""One row while it is asked: what is sent next, and what the row gets from what comes. Sends nothing, keeps nothing.

A row asked for data is asked once more where its answer does not fit, and in another form where the server takes none
such, by the rules of a cell (`assistant.data_question`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..assistant.answer_builder import AnswerBuilder
from ..assistant.data_question import MOST_BLANKS, DataQuestion, about_form, rung_of
from ..core.errors import InvalidRequest, QwenError, SchemaMismatch, ServiceError
from ..core.events import Event, Finish, TextDelta, Usage
from ..core.messages import ChatRequest
from ..core.translatable import _, sentences
from ..structured.schema import Schema
from ..structured.validation import Checked, check
from .cache import CachedAnswer
from .row_requests import RowRequest, RowRequests

__all__ = ["RowQuestion", "RowResult", "answer_of", "failed", "question_of"]


# Gives the answer that was kept under a key.
_Find = Callable[[bytes], CachedAnswer | None]


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row: a text, data by a schema, or a line that says why there is neither.

    `data` is as JSON has it. `cached`: nothing was asked for it.
    """

    text: str | None = None
    error: str = ""
    usage: Usage | None = None
    cached: bool = False
    finish_reason: str = ""
    data: Any = None


class RowQuestion:
    """A row that gets a text. `request` is what to send next, `usage` what all of the row's requests have taken.

    `misfit` is what is wrong with an answer that was kept.
    """

    def __init__(self, request: RowRequest) -> None:
        self.request = request
        self.usage: Usage | None = None
        self.misfit: SchemaMismatch | None = None

    def recall(self, find: _Find) -> RowResult | None:
        """What the row gets from an answer that was kept, by the key of its request; `None` for a row to be asked."""
        known = find(self.request.key)
        return None if known is None else RowResult(known.text, "", known.usage, True, known.finish_reason)

    def refused(self, error: QwenError) -> str:
        """Why `request` is another one now, after this refusal; empty where it is not."""
        return ""

    def avoid(self, refusals: Mapping[bytes, str]) -> None:
        """Ask for no form that was refused; `refusals` are a server's words, by the keys of the requests."""

    def answered(self, answer: CachedAnswer) -> RowResult | None:
        """What the row gets from this answer; `None` where `request` is to be asked once more.

        Raises `SchemaMismatch` for an answer that does not fit.
        """
        self._count(answer)
        return RowResult(answer.text, "", self.usage, False, answer.finish_reason)

    def _count(self, answer: CachedAnswer) -> None:
        if answer.usage is not None:
            self.usage = (self.usage or Usage()) + answer.usage


class _RowDataQuestion(RowQuestion):
    """A row that gets data by the schema of its map."""

    def __init__(self, request: RowRequest, requests: RowRequests, schema: Schema[Any]) -> None:
        super().__init__(request)
        self._requests = requests
        self._schema = schema
        self._data = DataQuestion(schema, requests.endpoint, requests.ladder, request.chat, kept="")
        self._repairs = False

    def recall(self, find: _Find) -> RowResult | None:
        """The same, whatever form the answer was asked for in.

        One that does not fit counts as the first try, since it is paid for. One that was cut is asked for anew.
        """
        for request in (self.request, *self._requests.in_other_forms(self.request)):
            known = find(request.key)
            if known is not None and (checked := check(known.text, self._schema)).fits:
                return RowResult(None, "", known.usage, True, "stop", checked.plain)
        if (known := find(self.request.key)) is not None:
            try:
                self.answered(known)
                self.misfit = _misfit(self._data.checked)
            except SchemaMismatch as error:
                self.misfit, self.usage = error, None
        return None

    def refused(self, error: QwenError) -> str:
        further = self._data.refused(self.request.chat, error) if isinstance(error, ServiceError) else None
        if further is None:
            return ""
        self.request = self._requests.changed(self.request, further.request, same_key=self._repairs)
        return further.reason

    def avoid(self, refusals: Mapping[bytes, str]) -> None:
        while about_form(refusal := refusals.get(self.request.key, "")) and self.refused(InvalidRequest(refusal)):
            chat = self.request.chat
            self._requests.ladder.remember(self._requests.endpoint, chat.model, rung_of(chat))

    def answered(self, answer: CachedAnswer) -> RowResult | None:
        self._count(answer)
        reply = _reply_of(answer)
        further = self._data.answered(self.request.chat, reply, endless=reply.blanks > MOST_BLANKS)
        if further is None:
            return RowResult(None, "", self.usage, False, reply.finish_reason, self._data.checked.plain)
        # The answer to this one is kept as that of the row's own request, where the next map looks for it.
        self.request = self._requests.changed(self.request, further.request, same_key=True)
        self._repairs = True
        return None


def question_of(requests: RowRequests, request: RowRequest) -> RowQuestion:
    """The question of one row of a map."""
    schema = requests.plan.schema
    return RowQuestion(request) if schema is None else _RowDataQuestion(request, requests, schema)


def _misfit(checked: Checked) -> SchemaMismatch:
    return SchemaMismatch(
        _("The answer does not fit the schema: {problem}.", problem=checked.problems[0]),
        _("Run the map again: it asks this row once more."),
    )


def failed(error: QwenError, usage: Usage | None = None) -> RowResult:
    """The result of a row that has this error instead of an answer; the error can still be translated."""
    return RowResult(error=sentences(error.happened, error.remedy), usage=usage)


def answer_of(request: ChatRequest, events: list[Event]) -> CachedAnswer:
    """The answer that the events of a request make."""
    reply = AnswerBuilder(request.think)
    reply.add(events)
    answer = reply.answer(model=request.model, endpoint="")
    return CachedAnswer(answer.text, answer.model, answer.finish_reason, answer.request_id, answer.usage)


def _reply_of(answer: CachedAnswer) -> AnswerBuilder:
    """The same answer as one that has just arrived."""
    reply = AnswerBuilder()
    reply.add([TextDelta(answer.text), *filter(None, (answer.usage,)), Finish(answer.finish_reason)])
    return reply
