"""A question whose answer is to be data: what is sent, what a server that refuses is sent next, and the second try.

One form lower for a server that refuses the one that it was asked for; once more, with the validator's words, for an
answer that does not fit. Neither is part of the conversation. Not for sending anything: that is `Assistant`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, NamedTuple

from ..core.answer import MISMATCH, Answer
from ..core.errors import InvalidRequest, SchemaMismatch, ServiceError, StreamError
from ..core.messages import ChatRequest, Message
from ..core.models import lookup
from ..core.translatable import _, sentences
from ..service.endpoints import Endpoint
from ..structured.data_answer import DataAnswer
from ..structured.instructions import again
from ..structured.ladder import Ladder, Rung, facts_for
from ..structured.schema import Schema
from ..structured.validation import Checked, check
from .answer_builder import AnswerBuilder

__all__ = [
    "LIMIT_REACHED",
    "MOST_BLANKS",
    "DataQuestion",
    "EndlessBlanks",
    "Further",
    "about_form",
    "in_form",
    "rung_of",
]

# A server that holds a model to a schema may let it write blanks for ever (vllm-project/vllm#17393, #18819). No JSON
# has so many in a row, in characters; the figure is ours.
MOST_BLANKS = 2_000
# Servers that cannot make a grammar of a schema say so in their own words, some with HTTP 500 (llama-server, vLLM).
ABOUT_FORM = re.compile(r"response_format|json.?schema|json_object|grammar|guided|structured", re.IGNORECASE)
LIMIT_REACHED = "length"
KEPT = _("Its text is in _qwen.text.")


ENDLESS = _("it had no end")


class EndlessBlanks(StreamError):
    """The model writes nothing but blanks any more."""


class Further(NamedTuple):
    """The next request, and why there is one."""

    request: ChatRequest
    reason: str


def in_form(request: ChatRequest, schema: Schema[Any], here: Endpoint, rung: Rung) -> ChatRequest:
    """The request in this form. Thinking is off, unless it is known to work with data, or asked for."""
    think = request.think
    if think is None and not facts_for(here, request.model).thinks:
        think = None if lookup(request.model).thinking in ("always", "never") else False
    output = None if rung == "prompt" else schema.format(rung)
    return replace(request, think=think, output=output)


def rung_of(request: ChatRequest) -> Rung:
    """The form that a request for data asks for."""
    return "prompt" if request.output is None else request.output.kind


class DataQuestion:
    """One question for data, while it is asked. `kept` says where a person finds the text of one that does not fit."""

    def __init__(
        self, schema: Schema[Any], here: Endpoint, ladder: Ladder, request: ChatRequest, kept: str = KEPT
    ) -> None:
        self.checked = Checked()
        self._fits = False
        self._schema = schema
        self._here = here
        self._ladder = ladder
        self._model = request.model
        self._kept = kept
        self._rung = rung_of(request)
        self._lowered = False
        self._asked_again = False

    def watching(self, reply: AnswerBuilder, check: Callable[[], None]) -> Callable[[], None]:
        """`check`, which also raises `EndlessBlanks`."""

        def look() -> None:
            check()
            if reply.blanks > MOST_BLANKS:
                raise EndlessBlanks(ENDLESS)

        return look

    def refused(self, request: ChatRequest, error: ServiceError) -> Further | None:
        """The same request one form lower, where the form may be what was refused."""
        lower = self._ladder.below(self._rung)
        if lower is None or not (type(error) is InvalidRequest or about_form(str(error))):
            return None
        refused, self._rung, self._lowered = self._rung, lower, True
        reason = _("{model} takes no {form} here: asked with {lower}", model=self._model, form=refused, lower=lower)
        return Further(in_form(request, self._schema, self._here, lower), reason)

    def answered(self, request: ChatRequest, reply: AnswerBuilder, *, endless: bool = False) -> Further | None:
        """What to ask once more, when the answer is there and does not fit.

        Raises `SchemaMismatch` for a second one, and for one that was cut at the token limit.
        """
        if self._lowered:
            self._ladder.remember(self._here, self._model, self._rung)
        self.checked = check(reply.text, self._schema)
        self._fits = self.checked.fits
        if self._fits:
            # What came after the data, such as the same once more up to the limit, is of no matter.
            reply.end("stop")
            return None
        if reply.finish_reason == LIMIT_REACHED and not endless:
            raise _cut(reply, self._kept)
        if self._asked_again:
            reply.end(MISMATCH)
            raise _mismatch(self.checked, endless, self._kept)
        self._asked_again = True
        problem = ENDLESS if endless else str(self.checked.problems[0])
        reason = _("asked once more, because the answer did not fit the schema: {problem}", problem=problem)
        if endless:  # it is the form that keeps the model from ending
            self._rung = "prompt"
            return Further(in_form(request, self._schema, self._here, "prompt"), reason)
        wrong = Message.assistant(reply.text) if reply.text.strip() else Message.assistant("{}")
        messages = (*request.messages, wrong, Message.user(again(self.checked.problems)))
        return Further(replace(request, messages=messages), reason)

    def data_answer(self, answer: Answer) -> DataAnswer[Any]:
        """The answer with its data, if it fits."""
        values = {each.name: getattr(answer, each.name) for each in fields(Answer)}
        found = self.checked
        return DataAnswer(**values, data=found.data, plain=found.plain, schema=self._schema, fits=self._fits)


def about_form(refusal: str) -> bool:
    """Whether a server's words are about the form that it was asked for."""
    return ABOUT_FORM.search(refusal) is not None


def _cut(reply: AnswerBuilder, kept: str) -> SchemaMismatch:
    tokens = reply.usage.output if reply.usage else 0
    raising = _("Raise the limit with --set max_tokens=N (fields={{'max_tokens': N}} in Python), or ask for less.")
    return SchemaMismatch(
        _("The answer was cut at the token limit ({tokens:,} tokens), in the middle of its JSON.", tokens=tokens),
        sentences(raising, kept),
    )


def _mismatch(checked: Checked, endless: bool, kept: str) -> SchemaMismatch:
    problem = ENDLESS if endless else "; ".join(map(str, checked.problems[:2]))
    return SchemaMismatch(
        _("The answer does not fit the schema, also when asked again: {problem}.", problem=problem),
        sentences(_("Describe the field in the schema, or let it be empty."), kept),
    )
