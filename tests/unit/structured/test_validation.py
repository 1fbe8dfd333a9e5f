"""Answers as models really write them, checked against their schema."""

from __future__ import annotations

import datetime
import json
from typing import Any

import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.data_classes import City, Person

from qwen_magic.structured.json_text import Splitter, find_values
from qwen_magic.structured.schema import make_schema
from qwen_magic.structured.validation import check

ANNA = {"name": "Anna", "age": 30, "city": None}
SHORT = make_schema("name, age int, city?")
PEOPLE = make_schema("name, age int, city?", many=True)
JSON = json.dumps(ANNA)

SURVIVED = {
    "as it should be": JSON,
    "a BOM": "\ufeff" + JSON,
    "a fence": f"```json\n{JSON}\n```",
    "a fence in prose": f"Here you are:\n\n```\n{JSON}\n```\nAnything [else]?",
    "prose around": f"Sure! Here is the {{requested}} data: {JSON} I hope that it helps.",
    "a trailing comma": '{"name": "Anna", "age": 30, "city": null,}',
    "single quotes": "{'name': 'Anna', 'age': 30, 'city': None}",
    "comments": '{"name": "Anna", // her name\n "age": 30, "city": null}',
    "a raw line break in a string": '{"name": "Anna", "age": 30, "city": null\n}',
    "the schema first": f"By {json.dumps(SHORT.wire)} it is {JSON}",
    "twice": f"{JSON}\n{JSON}",
    "twice, the second cut": f"{JSON}\n{JSON[:10]}",
    "as a string": json.dumps(JSON),
    "a list of one": f"[{JSON}]",
    "a field left out that may be empty": '{"name": "Anna", "age": 30}',
    "a fence that is never closed": f"```json\n{JSON}",
}


@pytest.mark.parametrize("text", SURVIVED.values(), ids=SURVIVED)
def test_what_models_put_around_json_is_survived(text: str) -> None:
    checked = check(text, SHORT)
    assert checked.data == ANNA, checked.problems


@pytest.mark.parametrize(
    "text",
    [json.dumps({"items": [ANNA]}), json.dumps([ANNA]), json.dumps({"people": [ANNA]}), JSON],
    ids=["in its field", "bare", "in another field", "a single one"],
)
def test_a_list_is_taken_in_every_form_that_is_clear(text: str) -> None:
    assert check(text, PEOPLE).data == [ANNA]


def test_quotes_within_single_quotes_are_letters() -> None:
    assert find_values("{'a': 'it\\'s \"so\"'}")[0].value == {"a": 'it\'s "so"'}


@pytest.mark.parametrize("length", range(1, len(json.dumps([ANNA, ANNA]))))
def test_half_an_answer_never_passes_for_a_whole_one(length: int) -> None:
    text = json.dumps([ANNA, ANNA])[:length]
    assert not check(text, PEOPLE).fits
    assert check(f"```json\n{text}", PEOPLE).cut


class Product(pydantic.BaseModel):
    name: str
    price: float


class Point(msgspec.Struct):  # type: ignore[misc, unused-ignore]  # any type, where msgspec is not installed
    x: float


BUILT: list[tuple[Any, Any, Any]] = [
    (Person, {"name": "A", "age": "3", "born": "2001-02-03"}, Person("A", 3, datetime.date(2001, 2, 3))),
    (list[Person], {"items": [{"name": "A", "age": 3}]}, [Person("A", 3)]),
    (City, {"name": "Rome", "country": "Italy"}, {"name": "Rome", "country": "Italy"}),
    (Product, {"name": "A", "price": "1.5"}, Product(name="A", price=1.5)),
    (list[Product], [{"name": "A", "price": 1}], [Product(name="A", price=1)]),
    (Point, {"x": 1}, Point(1.0)),
    (list[str], {"items": ["a", "b"]}, ["a", "b"]),
    (int, {"value": 3}, 3),
]


@pytest.mark.parametrize(("target", "answer", "data"), BUILT, ids=[str(each[0]) for each in BUILT])
def test_what_was_asked_for_is_built(target: Any, answer: Any, data: Any) -> None:
    checked = check(json.dumps(answer), make_schema(target))
    assert checked.data == data, checked.problems
    assert json.dumps(checked.plain)


WRONG: list[tuple[Any, Any, str, str]] = [
    ("name, age int", {"name": "A", "age": "old"}, "age", "old"),
    ("name, born date", {"name": "A", "born": "yesterday"}, "born", "yesterday"),
    ("size small|large", {"size": "huge"}, "size", "huge"),
    (list[Person], [{"name": "A", "age": 1}, {"name": "B", "age": "old"}], "[1].age", '"old"'),
    (list[Product], [{"name": "A", "price": "dear"}], "[0].price", '"dear"'),
    (Point, {}, "the answer", "x"),
]


@pytest.mark.parametrize(("target", "answer", "field", "came"), WRONG, ids=[each[2] for each in WRONG])
def test_what_does_not_fit_is_told_by_field_and_with_what_came(target: Any, answer: Any, field: str, came: str) -> None:
    checked = check(json.dumps(answer), make_schema(target))
    assert not checked.fits
    said = str(checked.problems[0])
    assert said.startswith(field)
    assert came in said


@pytest.mark.parametrize("text", ["", "  \n", "I cannot do that.", "{nothing: here", "[" * 100_000, "{" * 50, "null"])
def test_no_json_is_a_problem_and_no_crash(text: str) -> None:
    assert not check(text, SHORT).fits


def test_a_long_wrong_value_is_told_in_short() -> None:
    checked = check(json.dumps({"name": "A", "age": "x" * 10_000}), SHORT)
    assert len(str(checked.problems[0])) < 500


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=5), st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_a_list_that_arrives_in_pieces_is_split_into_its_elements(rows: list[Any], lengths: list[int]) -> None:
    text = json.dumps({"items": rows}) + " [and more]"
    splitter = Splitter("[")
    found = []
    at = number = 0
    while at < len(text):
        length = lengths[number % len(lengths)]
        found += splitter.feed(text[at : at + length])
        at, number = at + length, number + 1
    assert [json.loads(each) for each in found] == rows
