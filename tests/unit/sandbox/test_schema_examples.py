"""What the sandbox invents for a JSON schema fits the schema, and the class that the schema was made from."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
import uuid
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar

import httpx
import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
from annotated_types import Ge, Gt, Len, Lt, MultipleOf
from pydantic import (
    AnyUrl,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    Json,
    RootModel,
    StringConstraints,
    TypeAdapter,
    conset,
)
from typing_extensions import TypedDict

from qwen_magic.sandbox import Sandbox


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 5


class Address(BaseModel):
    street: str
    zip: Annotated[str, StringConstraints(pattern=r"^\d{5}(-\d{4})?$")]


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=2, max_length=5)]
    age: Annotated[int, Field(gt=17, lt=19)]
    home: Address
    others: list[Address] = Field(min_length=2)
    city: str | None = None


class Tree(BaseModel):
    value: int
    children: list[Tree] = []
    left: Optional[Tree] = None  # noqa: UP045  # a forward reference has no `|`


class Chain(BaseModel):
    next: Chain | None
    other: Chain | int


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Ge(1), Lt(10)]


class Dog(BaseModel):
    kind: Literal["dog"]
    barks: bool


class Pet(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    plain: Cat | Dog


T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]
    total: Annotated[int, Ge(0)]


class Point(NamedTuple):
    x: float
    y: Annotated[float, Gt(0), Lt(1)]


@dataclass
class Reading:
    when: dt.datetime
    values: tuple[int, str, bool]


class Options(TypedDict, total=False):
    mode: Literal["fast", "slow"]
    retries: Annotated[int, MultipleOf(7), Gt(10)]


class Everything(BaseModel):
    day: dt.date
    time: dt.time
    moment: dt.datetime
    span: dt.timedelta
    id: uuid.UUID
    url: HttpUrl
    any_url: AnyUrl
    v4: ipaddress.IPv4Address
    v6: ipaddress.IPv6Address
    net: ipaddress.IPv4Network
    path: Path
    price: Annotated[Decimal, Field(gt=0, max_digits=6, decimal_places=2)]
    raw: bytes
    text: Json[dict[str, int]]
    colour: Colour
    level: Level
    pattern: re.Pattern[str]


ADAPTED: dict[str, Any] = {
    "a model with limits": Person,
    "a recursive model": Tree,
    "a recursive model that is required": Chain,
    "a discriminated union": Pet,
    "a generic": Page[Person],
    "a named tuple": Point,
    "a dataclass": Reading,
    "a typed dict": Options,
    "formats": Everything,
    "a root model": RootModel[list[Level]],
    "an enum": Colour,
    "a dict by pattern": dict[Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")], int],
    "a dict of lists": Annotated[dict[str, list[float]], Len(2)],
    "a set": set[int],
    "a set of three": Annotated[set[Literal["a", "b", "c"]], Len(3)],
    "a set of booleans": conset(bool, min_length=2),
    "a tuple": tuple[int, str, *tuple[float, ...]],
    "a tuple with one type": Annotated[tuple[str, ...], Len(3, 3)],
    "a union of plain types": int | str | None,
    "a long string": Annotated[str, Len(200, 210)],
    "an open interval": Annotated[float, Gt(0.1), Lt(0.2)],
    "a multiple of a fraction": Annotated[float, MultipleOf(0.25), Gt(3)],
    "a negative number": Annotated[int, Lt(-5)],
    "a number from two sides": Annotated[int, Ge(40), Lt(41)],
    "a pattern with branches": Annotated[str, StringConstraints(pattern=r"^(?:INV|ORD)-\d{4}/[^\s/]+$")],
    "a pattern with a length": Annotated[str, StringConstraints(pattern=r"^[a-z_]\w*$", min_length=12, max_length=20)],
    "a constant": Literal[42],
    "anything": Any,
}
# Without pydantic: what JSON schemas say otherwise.
RAW: dict[str, dict[str, Any]] = {
    "all of": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"a": {"minimum": 7}}},
        ]
    },
    "a reference with company": {"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n", "minimum": 12},
    "several types": {"type": ["null", "integer"], "minimum": 3},
    "one of": {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "string", "const": "x"}]},
    "prefix and no more": {"type": "array", "prefixItems": [{"type": "integer"}, {"const": "b"}], "items": False},
    "contains": {"type": "array", "contains": {"const": 7}, "minContains": 2, "items": {"type": "integer"}},
    "names by pattern": {
        "type": "object",
        "patternProperties": {"^x_[a-z]+$": {"type": "integer"}},
        "additionalProperties": False,
        "minProperties": 2,
    },
    "what brings others along": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
        "dependentRequired": {"a": ["b"]},
        "required": ["a"],
    },
    "a required name without a schema": {"type": "object", "required": ["id"]},
    "no type at all": {"properties": {"a": {"minLength": 3}}},
    "a pointer with escapes": {"$defs": {"a/b": {"type": "boolean"}}, "$ref": "#/$defs/a~1b"},
}
SCHEMAS = {name: TypeAdapter(kind).json_schema() for name, kind in ADAPTED.items()} | RAW


@pytest.fixture(scope="module")
def invent() -> Any:
    """Asks the sandbox for JSON of a schema, over HTTP."""
    with Sandbox() as sandbox, httpx.Client(trust_env=False) as http:

        def ask(schema: dict[str, Any]) -> Any:
            form = {"type": "json_schema", "json_schema": {"name": "data", "schema": schema, "strict": True}}
            body = {"model": "qwen3.7-max", "enable_thinking": False, "response_format": form}
            question = {"messages": [{"role": "user", "content": "Give me the data of the customers, as JSON."}]}
            headers = {"authorization": f"Bearer {sandbox.key}"}
            response = http.post(f"{sandbox.compatible_url}/chat/completions", json=body | question, headers=headers)
            return json.loads(response.raise_for_status().json()["choices"][0]["message"]["content"])

        yield ask


@pytest.mark.parametrize("name", SCHEMAS)
def test_invented_data_fits_its_schema(name: str, invent: Any) -> None:
    schema = SCHEMAS[name]
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    assert not [error.message for error in validator.iter_errors(invent(schema))]


@pytest.mark.parametrize("name", ADAPTED)
def test_invented_data_is_accepted_by_the_class_of_its_schema(name: str, invent: Any) -> None:
    TypeAdapter(ADAPTED[name]).validate_json(json.dumps(invent(SCHEMAS[name])))


def test_the_same_schema_gets_the_same_data(invent: Any) -> None:
    assert invent(SCHEMAS["formats"]) == invent(SCHEMAS["formats"])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "("},
        {"$ref": "#"},
        {"$ref": "#/$defs/none"},
        {"type": "integer", "enum": []},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "array", "minItems": 3, "items": False},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
    ],
)
def test_a_schema_that_nothing_fits_is_answered_all_the_same(schema: dict[str, Any], invent: Any) -> None:
    invent(schema)
