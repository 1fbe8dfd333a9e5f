"""The public types, held in place by mypy: a change here is a change for those who use the package. Nothing runs.

`assert_type` is exact: where the type of a name becomes `Any` or wider, the check of the types fails. A wrong call has
a `type: ignore`, which mypy refuses as soon as the call is allowed. (Not pyright too: its package fetches Node.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, assert_type

import qwen_magic
from qwen_magic import (
    Answer,
    CodeBlock,
    Conversation,
    DataAnswer,
    QwenError,
    ask,
    chat,
    chats,
    compact,
    conversation,
    tool,
)
from qwen_magic.conversations import Conversations
from qwen_magic.conversations.turns import Turn
from qwen_magic.core.answer import Attached
from qwen_magic.core.errors import InputError, NoKey, RateLimited, ServiceError
from qwen_magic.core.events import Source, Usage
from qwen_magic.core.messages import Message, ToolCall


@dataclass
class Person:
    name: str
    age: int


class City(TypedDict):
    name: str


def asking(chosen: Conversation, table: object) -> None:
    assert_type(ask("Hello?"), Answer)
    assert_type(ask("Hello?", model="qwen-plus", system=None, think=True, search=False, show=False, alone=True), Answer)
    assert_type(ask("Hello?", endpoint="singapore", protocol="dashscope", chat=chosen, append=True, pin=True), Answer)
    assert_type(ask("What?", files="a.md", images=[Path("b.png"), "*.png"], variables={"it": table}, rows=3), Answer)
    assert_type(ask("What?", variables=["one", "two"], values=False, force=True, fields={"top_k": 5}), Answer)
    assert_type(ask("What?", tools=[chats, tool(chats, name="all", parallel=True)], allow=["chats", chats]), Answer)
    assert_type(compact("review", show=False), Answer)
    ask()  # type: ignore[call-overload]  # there has to be a question
    ask(b"Hello?")  # type: ignore[call-overload]  # it is text
    ask("Hello?", temperature=0.2)  # type: ignore[call-overload]  # that is one of `fields`


def data() -> None:
    assert_type(ask("Who?", schema=Person), DataAnswer[Person])
    assert_type(ask("Who?", schema=Person).data, Person)
    assert_type(ask("Who?", schema=list[Person]).data, list[Person])
    assert_type(ask("Who?", schema=Person, many=True, model="qwen-plus").data, list[Person])
    assert_type(ask("Where?", schema=City).data, City)
    assert_type(ask("Who?", schema="name, age int").data, Any)
    assert_type(ask("Who?", schema={"type": "object"}, many=True).data, Any)
    print(ask("Who?", schema=Person).data.agee)  # type: ignore[attr-defined]  # there is no such field


def maps(frame: Any) -> None:
    assert_type(qwen_magic.map(["a"], "{{ value }}", schema=Person), list[dict[str, Any]])
    assert_type(qwen_magic.map(("a",), "{{ value }}", schema="name, age int", many=True), list[dict[str, Any]])
    assert_type(qwen_magic.map([{"a": 1}], "{{ a }}", schema=list[City], column="x"), list[dict[str, Any]])
    assert_type(qwen_magic.map(frame, "{{ a }}", schema={"type": "object"}, where="batch", rpm=60), Any)
    qwen_magic.map(frame, "{{ a }}", schema=Person("a", 1))  # type: ignore[call-overload]  # a class, not an object
    qwen_magic.map(frame, "{{ a }}", chat="review")  # type: ignore[call-overload]  # a map has no conversation


def answers(answer: Answer) -> None:
    assert_type(answer.text, str)
    assert_type(answer.reasoning, str)
    assert_type(answer.model, str)
    assert_type(answer.endpoint, str)
    assert_type(answer.usage, Usage | None)
    assert_type(answer.finish_reason, str)
    assert_type(answer.request_id, str)
    assert_type(answer.seconds, float)
    assert_type(answer.tool_calls, tuple[ToolCall, ...])
    assert_type(answer.sources, tuple[Source, ...])
    assert_type(answer.attachments, tuple[Attached, ...])
    assert_type(answer.notes, tuple[str, ...])
    assert_type(answer.complete, bool)
    assert_type(answer.code, tuple[CodeBlock, ...])
    assert_type(answer.code[0].language, str)
    block: str = answer.code[0]
    assert block
    answer.text = "another"  # type: ignore[misc]  # an answer does not change


def conversations() -> None:
    chat("review")
    assert_type(chats(), Conversations)
    own = conversation("review")
    assert_type(own, Conversation)
    assert_type(own.turns, tuple[Turn, ...])
    assert_type(own.turns[0].answer, Answer)
    assert_type(own.messages(), tuple[Message, ...])
    assert_type(own.usage, Usage)
    assert_type(own.system, str | None)
    assert_type(own.model, str | None)
    assert_type(own.fork("side"), Conversation)
    assert_type(own.undo(), str)
    assert_type(own.transcript(), str)
    assert_type(Conversation.load("review.json"), Conversation)
    own.save(Path("review.json"), contents=True)


def errors() -> None:
    try:
        ask("Hello?")
    except RateLimited as error:
        assert_type(error.retry_after, float | None)
    except ServiceError as error:
        assert_type(error.status, int)
        assert_type(error.code, str)
        assert_type(error.request_id, str)
    except (InputError, NoKey) as error:
        failure: QwenError = error
        assert failure
    except QwenError as error:
        assert_type(error.transient, bool)


def others(fields: Mapping[str, Any]) -> None:
    assert_type(qwen_magic.__version__, str)
    assert_type(ask("Hello?", fields=fields), Answer)
