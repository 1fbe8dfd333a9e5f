"""The public types, as a type checker sees them. Checked by `tests/unit/test_types.py`, never run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict, assert_type

from qwen_magic import Answer, DataAnswer, ask


@dataclass
class Person:
    name: str
    age: int


class City(TypedDict):
    name: str


assert_type(ask("Hello?"), Answer)
assert_type(ask("Who?", schema=Person), DataAnswer[Person])
assert_type(ask("Who?", schema=Person).data, Person)
assert_type(ask("Who?", schema=list[Person]).data, list[Person])
assert_type(ask("Who?", schema=Person, many=True, model="qwen-plus").data, list[Person])
assert_type(ask("Where?", schema=City).data, City)
assert_type(ask("Who?", schema="name, age int").data, Any)
assert_type(ask("Who?", schema={"type": "object"}, many=True).data, Any)
print(ask("Who?", schema=Person).data.agee)  # type: ignore[attr-defined]  # there is no such field
ask("Who?", modell="qwen-plus")  # type: ignore[call-overload]  # there is no such keyword
