"""What the magics do, from Python: `ask()`, `map()`, `chat()`, `compact()` and so on. Parses no lines."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, Unpack, overload

from .assistant.assistant import Answered, Assistant, nothing
from .assistant.interrupts import in_one_line
from .assistant.question import Question
from .attachments import Attach
from .conversations import Conversation
from .core.answer import Answer
from .core.errors import InputError, QwenError
from .core.translatable import _
from .magics.extension import load
from .structured.data_answer import DataAnswer

if TYPE_CHECKING:
    from .conversations import CellRef, Conversations
    from .mapping.mapper import Published
    from .mapping.views import MapView
    from .rendering.views.protocol import View
    from .structured.schema import Schema
    from .tools.tool import Tool
    from .tools.toolset import Toolset

__all__ = ["ask", "chat", "chats", "compact", "conversation", "map"]

T = TypeVar("T")
Paths = str | PathLike[str] | Iterable[str | PathLike[str]]
Variables = Mapping[str, Any] | str | Iterable[str]
PATH = (str, PathLike)
PATHS_ONLY = _("files and images take paths")
BY_NAME = _('Give an object by name: variables={{"it": value}}')


@contextmanager
def _noted_in_language() -> Iterator[None]:
    """Errors of this block have a note in the person's language, which Python shows below their English text."""
    try:
        yield
    except QwenError as error:
        if (said := error.in_language()) != str(error):
            error.add_note(said)
        raise


class _Options(TypedDict, total=False):
    """The keywords of `ask` beside those for data, for type checkers."""

    endpoint: str
    protocol: str
    model: str
    system: str | None
    think: bool | None
    search: bool | None
    alone: bool
    chat: str | Conversation
    append: bool | None
    pin: bool
    show: bool
    files: Paths
    images: Paths
    variables: Variables
    rows: int
    values: bool
    force: bool
    fields: Mapping[str, Any] | None
    tools: Iterable[Callable[..., Any] | Tool]
    allow: Iterable[str | Callable[..., Any] | Tool]


@overload
def ask(prompt: str, *, schema: None = None, many: Literal[False] = False, **options: Unpack[_Options]) -> Answer: ...


@overload
def ask(
    prompt: str, *, schema: type[T], many: Literal[False] = False, **options: Unpack[_Options]
) -> DataAnswer[T]: ...


@overload
def ask(prompt: str, *, schema: type[T], many: Literal[True], **options: Unpack[_Options]) -> DataAnswer[list[T]]: ...


@overload
def ask(
    prompt: str, *, schema: str | Mapping[str, Any], many: bool = False, **options: Unpack[_Options]
) -> DataAnswer[Any]: ...


@in_one_line()
@_noted_in_language()
def ask(
    prompt: str,
    *,
    schema: Any = None,
    many: bool = False,
    endpoint: str = "",
    protocol: str = "",
    model: str = "",
    system: str | None = None,
    think: bool | None = None,
    search: bool | None = None,
    alone: bool = False,
    chat: str | Conversation = "default",
    append: bool | None = None,
    pin: bool = False,
    show: bool = True,
    files: Paths = (),
    images: Paths = (),
    variables: Variables = (),
    rows: int = 5,
    values: bool = True,
    force: bool = False,
    fields: Mapping[str, Any] | None = None,
    tools: Iterable[Callable[..., Any] | Tool] = (),
    allow: Iterable[str | Callable[..., Any] | Tool] = (),
) -> Answer:
    """Ask, and return the answer; in a notebook it streams into the cell's output as well, unless `show` is false.

    The keywords are the options of `%%qwen`, and have its defaults. `endpoint` is a name or a base URL as for
    `%qwen use`, for this question; `protocol` alone asks the same endpoint in another protocol. Without them a notebook
    asks whom it uses, and a script, or a worker process, whom `QWEN_BASE_URL` names. `chat` is the name of a
    conversation, or one that you have made; there, turns belong to no cell. `files` and `images` are paths, globs or
    URLs, or one of them; `variables` are names in the notebook, or one of them, or objects by name; without `values`
    tables are described, and none of their values is sent. `fields` go into the request's body as they are
    (`{"temperature": 0.2}`). The prompt is sent as it is: in Python, f-strings put values in.

    `tools` are functions that the model may call: its name, docstring and annotations are what it is told of each, and
    `tool(function, …)` gives it others. Before one is called, the person is asked; those in `allow`, functions or their
    names, are called without. Where nobody can be asked, a call is refused, and the answer goes on.

    With a `schema` the answer has `data` and a `frame`: an instance of the class (a dataclass, TypedDict, pydantic
    model or msgspec Struct), a list for `list[…]` and with `many`, a dict for the short form (`"name, age int, city?"`)
    and for a JSON schema.

    Raises `SchemaMismatch` when the answer does not fit its schema, `QwenError` when there is no answer, and
    `KeyboardInterrupt` when it was stopped; in a notebook `_qwen` (and `%qwen last`) then have what had arrived.
    """
    _refuse_types(prompt, fields)
    attach = _attach(files, images, variables, rows, values, force)
    question = Question(
        prompt, endpoint=endpoint, protocol=protocol, model=model, system=system, think=think, search=search,
        fields=fields or {}, alone=alone, conversation=chat, append=append, pin=pin, attach=attach,
        schema=_schema(schema, many), tools=_tools(tools, allow),
    )  # fmt: skip
    return _asked(question, show)


class _MapKeywords(TypedDict, total=False):
    """The keywords of `map`, for type checkers."""

    schema: type[Any] | str | Mapping[str, Any] | None
    many: bool
    where: Any
    images: str
    endpoint: str
    protocol: str
    model: str
    system: str | None
    think: bool | None
    search: bool | None
    fields: Mapping[str, Any] | None
    concurrency: int | None
    rpm: float | None
    tpm: float | None
    cache: bool
    yes: bool
    force: bool
    column: str
    show: bool


@overload
def map(frame: list[Any] | tuple[Any, ...], template: str, **options: Unpack[_MapKeywords]) -> list[dict[str, Any]]: ...


@overload
def map(frame: Any, template: str, **options: Unpack[_MapKeywords]) -> Any: ...


@in_one_line()
@_noted_in_language()
def map(
    frame: Any,
    template: str,
    *,
    schema: Any = None,
    many: bool = False,
    where: Any = "live",
    images: str = "",
    endpoint: str = "",
    protocol: str = "",
    model: str = "",
    system: str | None = None,
    think: bool | None = None,
    search: bool | None = None,
    fields: Mapping[str, Any] | None = None,
    concurrency: int | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    cache: bool = True,
    yes: bool = False,
    force: bool = False,
    column: str = "answer",
    show: bool = True,
) -> Any:
    """Ask one question of each row, many at once, and return `frame` with its answers.

    `frame` is a DataFrame or Series of pandas or polars, or a list (of values, or of dicts). `{{ name }}` in the
    template is the row's value in that column, `{{ value }}` that of a Series or list; expressions are as in a cell.
    `images` is the column with each row's image, a path or URL.

    `where="batch-chat"` asks the service in Beijing at half the price; each row may wait for up to an hour.
    `where="batch"` uploads the rows, also at half the price, and waits for up to a day; a batch goes on without the
    kernel, and the same map, or `%qwen batches`, collects it.

    `where=client`, a client of a dask cluster, asks on its workers, with the same limits for all of them together. A
    dask DataFrame is asked on its cluster, once: what comes back is a dask DataFrame whose partitions the workers hold.
    Each worker finds the key by itself. docs/scaling.md says when that is worth it.

    What comes back is as it was given, index and order kept, with the columns `answer`, `error` (empty, or one line),
    `tokens_in` and `tokens_out`; of a list, a list of dicts. `column="topic"` makes that `topic`, `topic_error`, ….

    With a `schema`, as for `ask`, each field is a column of the schema's type in the place of `answer`; they may be
    empty, and are where there is an error. `column="x"` puts `x_` before their names. A list for each row (`list[…]`,
    `many`) is one column. An answer that does not fit is asked for once more, as by `ask`.

    One bad row is one cell of `error`. Answers are kept on the disk, so that a row is never paid for twice; without
    `cache` each is asked.

    `concurrency` is the most requests at once, `rpm` and `tpm` the most requests and tokens a minute, which hold in
    every second. More rows than `%config QwenMagics.ask_above` are agreed to first: `yes` says so beforehand. The other
    keywords are those of `ask`.

    Raises `InputError` before anything is sent, what fails every row (a wrong key, an unknown model), and
    `KeyboardInterrupt` when it was stopped; what was answered by then is kept, and in a notebook in `_qwen`.
    """
    from .mapping.mapper import MapOptions
    from .mapping.ways import run_map

    _refuse_types(template, fields)
    question = Question(
        template, endpoint=endpoint, protocol=protocol, model=model, system=system, think=think, search=search,
        fields=fields or {}, alone=True, schema=_schema(schema, many),
    )  # fmt: skip
    options = MapOptions(
        where=where, images=images, concurrency=concurrency, rpm=rpm, tpm=tpm, cache=cache, agreed=yes, force=force,
        column=column, namespace=_namespace(),
    )  # fmt: skip
    assistant, view, published = _map_surroundings(show)
    return run_map(assistant, frame, question, options, view, _agree, published)


@in_one_line()
@_noted_in_language()
def compact(chat: str | Conversation = "default", *, show: bool = True) -> Answer:
    """Let the model sum up the oldest turns of a conversation, and return its summary, which is sent in their stead.

    Raises `QwenError` when there is nothing to sum up yet, or no answer.
    """
    assistant, view, cell, answered = _surroundings(show)
    whole = chat if isinstance(chat, Conversation) else assistant.conversations.find(chat)
    return assistant.compact(whole, view, cell if whole in assistant.conversations else None, answered)


def chat(name: str = "default") -> None:
    """Show the chat panel of the conversation `name`: what is asked there and in cells with `-c NAME` is one.

    The panel never blocks the kernel. Shown again, it is the same panel. Raises `InputError` outside of a notebook,
    and for a name that is none.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        raise InputError(_("The chat panel needs a notebook."), _("In a terminal, ask with %qwen or ask()."))
    load(shell).panels.show(name)


def conversation(name: str = "default") -> Conversation:
    """The conversation of this name, the one that `%%qwen -c NAME` asks in; made if need be."""
    return chats().get(name)


def chats() -> Conversations:
    """All conversations of this notebook, to go through, `find`, `fork`, `rename`, `drop` or `load`."""
    return _surroundings(show=False)[0].conversations


def _refuse_types(prompt: Any, fields: Any) -> None:
    """Raises `InputError` for a question that is no text, and for fields that are no mapping."""
    if not isinstance(prompt, str):
        raise InputError(_("A question is text, and this is of the type {kind}.", kind=type(prompt).__name__))
    if not isinstance(fields or {}, Mapping):
        raise InputError(
            _("fields is of the type {kind}.", kind=type(fields).__name__), _("It takes a dict, by the fields' names.")
        )


def _attach(files: Paths, images: Paths, variables: Variables, rows: int, values: bool, force: bool) -> Attach:
    """What goes along, by `ask`'s keywords. Raises `InputError` for one that is of the wrong type."""
    names = _listed(variables, str, _("variables takes names"))
    return Attach(
        _listed(files, PATH, PATHS_ONLY),
        _listed(images, PATH, PATHS_ONLY),
        names,
        namespace=variables if isinstance(variables, Mapping) else _namespace(),
        rows=rows,
        values=values,
        force=force,
    )


def _schema(given: Any, many: bool) -> Schema[Any] | None:
    """The form of the answer, by `ask`'s keywords. Raises `InputError` for what is no schema."""
    from .structured.schema import schema_given

    if given is None and many:
        raise InputError(_("many needs a schema."), _('Such as schema="name, age int", many=True.'))
    return None if given is None else schema_given(given, _namespace(), many=many)


def _tools(tools: Any, allow: Any) -> Toolset | None:
    """What the model may call, by `ask`'s keywords. Raises `InputError` for what is no tool."""
    from .tools.tool import Tool
    from .tools.toolset import toolset

    given = (tools,) if callable(tools) or isinstance(tools, Tool) else tuple(tools)
    allowed = (allow,) if callable(allow) or isinstance(allow, str | Tool) else tuple(allow)
    if allowed and not given:
        raise InputError(_("allow needs tools."), _('Such as tools=[lookup], allow=["lookup"].'))
    return toolset(given, allowed) if given else None


def _asked(question: Question, show: bool) -> Answer:
    """Ask a question where this runs: in the shell's conversations, or in one that belongs to no cell."""
    assistant, view, cell, answered = _surroundings(show)
    chat = question.conversation
    if isinstance(chat, Conversation) and chat not in assistant.conversations:
        cell = None
    return assistant.ask(replace(question, cell=cell), view, answered=answered)


def _surroundings(show: bool) -> tuple[Assistant, View, CellRef | None, Answered]:
    """Who asks, what shows the answer, in which cell, and who is told: those of the IPython shell, if there is one.

    A child that a cell has forked shows nothing: its parent's front-end does not hear it.
    """
    from IPython.core.getipython import get_ipython

    from .rendering.views.silent import SilentView

    shell = get_ipython()
    if shell is None:
        return _of_script(), SilentView(), None, nothing
    from .magics.cells import cell_of

    magics = load(shell)
    view = magics.view() if show and not magics.forked else SilentView()
    return magics.assistant, view, cell_of(shell), magics.publisher()


def _map_surroundings(show: bool) -> tuple[Assistant, MapView, Published]:
    """Who asks, what shows a map, and who is told of its result: as `_surroundings` has it for a question."""
    from IPython.core.getipython import get_ipython

    from .mapping.views import SilentMapView, map_view

    shell = get_ipython()
    if shell is None:
        return _of_script(), map_view(None, {}) if show else SilentMapView(), lambda result: None
    magics = load(shell)
    view = magics.map_view() if show and not magics.forked else SilentMapView()
    return magics.assistant, view, magics.map_publisher()


def _agree(question: str) -> bool | None:
    """Whether the person at the notebook or the terminal agrees; `None` where there is nobody."""
    from .magics.commands.progress import confirm
    from .rendering.command_output import in_notebook

    return confirm(question) if in_notebook() or (sys.stdin is not None and sys.stdin.isatty()) else None


def _listed(given: Any, kinds: type | tuple[type, ...], wanted: str) -> tuple[Any, ...]:
    """One of these kinds, or several, as several. Raises `InputError` for anything else; `wanted` says what it takes.

    A table is one thing, though it can be gone through.
    """
    one = isinstance(given, kinds) or hasattr(given, "shape") or not isinstance(given, Iterable)
    several = (given,) if one else tuple(given)
    for each in several:
        if not isinstance(each, kinds):
            raise InputError(
                _("{wanted}, and this is of the type {kind}.", wanted=wanted, kind=type(each).__name__), BY_NAME
            )
    return several


def _namespace() -> Mapping[str, Any]:
    """The notebook's variables."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell.user_ns if shell is not None else {}


@cache
def _of_script() -> Assistant:
    """What a script asks with, outside of IPython: one for the process, closed at its end."""
    from .magics.consent_prompt import ask_person

    assistant = Assistant()
    assistant.consent.ask = ask_person
    atexit.register(assistant.close)
    return assistant
