"""The request of each row: one plan for all of them, with the row's own words and images in it. Nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..assistant.assistant import Assistant
from ..assistant.data_question import in_form
from ..assistant.question import Question
from ..assistant.request_builder import Plan
from ..attachments import Attach
from ..core.errors import InputError
from ..core.messages import ChatRequest
from ..core.models import lookup, only_streams
from ..core.tokens import count_tokens
from ..core.translatable import _
from ..protocols import Decoder, HttpRequest, protocol
from ..service.credentials import SERVICE
from ..service.endpoints import Endpoint
from ..service.exchange import keywords_of
from ..structured.instructions import instructions
from ..structured.ladder import RUNGS, Ladder
from .cache import cache_key
from .frames import Rows
from .template import Template, no_column

__all__ = ["RowRequest", "RowRequests", "columns_sent", "row_requests", "template_of"]

# A burst is queued for so many seconds instead of refused (the service's docs, "Rate limits", Nov 2026).
WAIT = {"X-DashScope-Wait-Timeout": "30"}
# So many rows are tried for one whose image can be read.
TRIED = 20
# Tokens of a message beside its words: the role and the marks of the chat template (Qwen's chat template, ChatML).
BESIDE = 8


@dataclass(frozen=True, slots=True)
class RowRequest:
    """What one row sends. `key` is that of its answer in the cache; `tokens` is an estimate of what the model reads."""

    chat: ChatRequest
    http: HttpRequest
    key: bytes
    tokens: int


class RowRequests:
    """Makes the requests of the rows of one map.

    `plan` says who is asked and how, `shared` how many tokens the messages before a row's own have; `images` is the
    column with each row's image, a path or a URL, or nothing.
    """

    def __init__(self, assistant: Assistant, plan: Plan, template: Template, images: str, force: bool) -> None:
        self.plan = plan
        self.template = template
        self.images = images
        self._assistant = assistant
        self._force = force
        self._form = protocol(plan.endpoint.protocol)
        self._window = lookup(plan.request.model).window if plan.endpoint.dialect.service else None
        self.shared = sum(count_tokens(message.text) for message in plan.request.messages[:-1])
        self._beside = BESIDE + (count_tokens(instructions(plan.schema)) if plan.schema else 0)

    @property
    def endpoint(self) -> Endpoint:
        """Who is asked."""
        return self.plan.endpoint

    @property
    def ladder(self) -> Ladder:
        """What servers have refused as a form of data."""
        return self._assistant.ladder

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are sent."""
        return columns_sent(self.template, self.images)

    def make(self, row: Mapping[str, Any]) -> RowRequest:
        """The request of a row. Raises what is wrong with the row: a missing value, a secret, too long a text."""
        prompt = self.template.render(row)
        attach = Attach(images=(_image_of(row, self.images),) if self.images else (), force=self._force, cwd=CWD)
        chat = self._assistant.vary(self.plan, Question(prompt, attach=attach))
        tokens = self.shared + count_tokens(prompt) + self._beside
        if self._window is not None and tokens > self._window:
            raise InputError(
                _(
                    "The row has about {tokens:,} tokens, and {model} reads {most:,}.",
                    tokens=tokens,
                    model=chat.model,
                    most=self._window,
                ),
                _("Shorten the row."),
            )
        return self._encoded(chat, tokens)

    def changed(self, request: RowRequest, chat: ChatRequest, *, same_key: bool) -> RowRequest:
        """`chat` in the place of a row's request; with `same_key` its answer is kept as that of the row's request."""
        made = self._encoded(chat, request.tokens)
        return replace(made, key=request.key) if same_key else made

    def in_other_forms(self, request: RowRequest) -> Iterator[RowRequest]:
        """A row's request for data in the forms that another run may have asked for."""
        if self.plan.schema is None:
            return
        for rung in RUNGS:
            chat = in_form(request.chat, self.plan.schema, self.endpoint, rung)
            if chat != request.chat:
                yield self._encoded(chat, request.tokens)

    def _encoded(self, chat: ChatRequest, tokens: int) -> RowRequest:
        http = self._form.encode(chat, self.endpoint.dialect)
        content = keywords_of(http)["content"]
        if self.endpoint.account == SERVICE:
            http = replace(http, headers={**http.headers, **WAIT})
        return RowRequest(chat, http, cache_key(self.endpoint.url(http.path), content), tokens)

    def decoder(self, request: RowRequest) -> Decoder:
        """What decodes the answer to a request of this map, once."""
        return self._form.decoder(request.chat, self.endpoint.dialect)


CWD = Path()


def row_requests(
    assistant: Assistant, rows: Rows, question: Question, *, images: str = "", namespace: Mapping[str, Any], force: bool
) -> RowRequests:
    """Decide who is asked and how, for all rows; `question.prompt` is the template.

    Raises `InputError` for a template or column that cannot be, and `NoKey` and the like. Nothing is sent.
    """
    template = template_of(question.prompt, rows.names, images, namespace)
    attach = Attach(force=force, cwd=CWD)
    plan = None
    if images:
        plan = _plan_with_image(assistant, rows, question, images, attach)
    plan = plan or assistant.plan_alone(replace(question, attach=attach))
    plan.endpoint.authorization()
    plan = replace(plan, request=replace(plan.request, stream=only_streams(plan.request.model)))
    return RowRequests(assistant, plan, template, images, force)


def template_of(prompt: str, names: tuple[str, ...], images: str, namespace: Mapping[str, Any]) -> Template:
    """The template of a map over these columns. Raises `InputError` for one that cannot be, or takes no column."""
    template = Template(prompt, names, namespace)
    if images and images not in names:
        raise no_column(images, names)
    if not template.fields and not images:
        raise InputError(
            _("The prompt takes nothing from the rows, so that each would get the same answer."),
            _("Put a column in it: {{{{ {column} }}}}.", column=names[0]),
        )
    return template


def columns_sent(template: Template, images: str) -> tuple[str, ...]:
    """The columns of a map that are sent."""
    return tuple(dict.fromkeys((*template.fields, *filter(None, (images,)))))


def _plan_with_image(assistant: Assistant, rows: Rows, question: Question, images: str, attach: Attach) -> Plan:
    """The plan of a question with the first image that can be read: which model sees it depends on there being one."""
    first: InputError | None = None
    for row in islice(rows.values((images,)), TRIED):
        try:
            image = _image_of(row, images)
            return assistant.plan_alone(replace(question, attach=replace(attach, images=(image,))))
        except InputError as error:
            first = first or error
    raise first or InputError(_("{column} has no images.", column=images), _("Name another column."))


def _image_of(row: Mapping[str, Any], column: str) -> str:
    """The path or URL of a row's image."""
    if row[column] is None or not str(row[column]).strip():
        raise InputError(_("{column} is missing in this row.", column=column))
    return str(row[column])
