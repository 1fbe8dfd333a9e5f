"""Schemas from whatever a person has, and one line for what is none."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import pydantic
import pytest
from support.data_classes import City, Person

from qwen_magic.core.errors import InputError
from qwen_magic.structured.schema import candidates, make_schema, schema_given


class Product(pydantic.BaseModel):
    name: str
    colour: Literal["red", "green"] = "red"


class Point(msgspec.Struct):  # type: ignore[misc, unused-ignore]  # any type, where msgspec is not installed
    x: float
    y: float


@dataclass
class Basket:
    products: list[Product]


def test_fields_keep_their_order() -> None:
    """A model writes them in this order, and it is that of the columns."""
    for schema in (make_schema(City), make_schema(list[City])):
        assert list(schema.fields) == ["name", "size", "country"]


CLASSES = [Person, City, Product, Point, Basket]


def test_the_short_form_has_types_choices_lists_optional_fields_and_descriptions() -> None:
    schema = make_schema("name, age int: in years, city?, size small|large?, tags str[], born date, ok bool, p float")
    assert schema.wire["properties"] == {
        "name": {"type": "string"},
        "age": {"type": "integer", "description": "in years"},
        "city": {"type": ["string", "null"]},
        "size": {"enum": ["small", "large", None]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "born": {"type": "string", "format": "date"},
        "ok": {"type": "boolean"},
        "p": {"type": "number"},
    }
    assert schema.wire["required"] == list(schema.wire["properties"])
    assert schema.required == set(schema.fields) - {"city", "size"}
    assert schema.strict


def test_fields_on_lines_of_their_own_have_descriptions_with_commas() -> None:
    schema = make_schema("name: first, then last\nage int,\n")
    assert schema.fields["name"]["description"] == "first, then last"
    assert schema.fields["age"] == {"type": "integer"}


def test_the_short_form_takes_chinese_names_and_punctuation() -> None:
    assert list(make_schema("姓名，年龄 int：周岁").fields) == ["姓名", "年龄"]


@pytest.mark.parametrize("target", CLASSES)
def test_every_kind_of_class_is_an_object_of_its_fields(target: Any) -> None:
    schema = make_schema(target)
    assert schema.name == target.__name__
    assert schema.wire["type"] == "object"
    assert not schema.key
    assert schema.wire["additionalProperties"] is False


@pytest.mark.parametrize("target", CLASSES)
def test_a_list_of_a_class_travels_in_an_object(target: Any) -> None:
    schema, same = make_schema(list[target]), make_schema(target, many=True)
    assert schema.many
    assert schema.wire == same.wire
    assert schema.wire["type"] == "object"
    assert list(schema.wire["properties"]) == ["items"]
    assert schema.name == target.__name__
    assert schema.fields == make_schema(target).fields


def test_what_may_be_null_is_asked_for_all_the_same_so_that_strict_mode_takes_it() -> None:
    schema = make_schema(Person)
    assert schema.wire["required"] == ["name", "age", "born"]
    assert schema.strict
    assert not make_schema(Product).strict  # a colour has a default, and is no null


def test_a_json_schema_stays_as_it_is() -> None:
    document = {"title": "My person", "type": "object", "properties": {"name": {"type": "string"}}}
    schema = make_schema(document)
    assert schema.document == schema.wire == document
    assert schema.name == "My_person"
    assert not schema.strict


def test_references_still_point_to_their_places_inside_a_list() -> None:
    tree = {"type": "object", "properties": {"label": {"type": "string"}, "next": {"$ref": "#"}}}
    wire = make_schema(tree, many=True).wire
    place = wire["properties"]["items"]["items"]
    assert place["properties"]["next"] == {"$ref": "#/properties/items/items"}


def test_names_of_the_notebook_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = {"type": "object", "properties": {"name": {"type": "string"}}}
    Path("person.json").write_text("\ufeff" + json.dumps(document), encoding="utf-8")
    namespace = {"Person": Person, "document": document, "short": "name, age int", "here": pytest}
    assert schema_given("Person", namespace).target is Person
    assert schema_given("list[Person]", namespace).target == list[Person]
    assert schema_given("document", namespace, many=True).many
    assert list(schema_given("short", namespace).fields) == ["name", "age"]
    assert schema_given("person.json", namespace).document == document
    assert schema_given("person.json", namespace).name == "person"
    assert schema_given(json.dumps(document), namespace).document == document
    assert schema_given("name str", {}).fields == {"name": {"type": "string"}}


def test_tab_offers_the_schemas_of_the_notebook() -> None:
    namespace = {"Person": Person, "Point": Point, "City": City, "Product": Product, "n": 3, "d": {"type": "object"}}
    assert candidates(namespace | {"Base": pydantic.BaseModel, "plain": {"a": 1}, "text": "name, age int"}) == [
        "Person",
        "Point",
        "City",
        "Product",
        "d",
    ]


class Plain:
    x: int


WRONG: list[tuple[Any, str]] = [
    ("", "empty"),
    ("Nobody", "no Nobody in the notebook"),
    ("name strin", "Did you mean str"),
    ("name, name int", "two fields"),
    ("na me int x", "cannot be read"),
    ("name [str", "cannot be read"),
    ("missing.json", "cannot be read"),
    ("{not json", "not JSON"),
    ("frame", "no schema"),
    ("pandas.nothing", "no 'nothing'"),
    ({"name": "str"}, "no JSON schema"),
    ({"type": "objekt"}, "wrong at $.type"),
    ({"type": "object", "properties": {"a": {"$ref": "https://example.com/a.json"}}}, "not in it"),
    ({"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}, "not in it"),
    ({"type": "string", "default": {1, 2}}, "not JSON"),
    (Plain, "The class Plain is no schema"),
    (list[Plain], "is no schema"),
    (3, "type int is no schema"),
    (None, "is no schema"),
]


@pytest.mark.parametrize(("given", "said"), WRONG, ids=[str(each[0])[:30] for each in WRONG])
def test_what_is_no_schema_is_one_line(given: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        schema_given(given, {"frame": pytest, "pandas": pytest})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_schema_is_one_line(tmp_path: Path) -> None:
    for name, content in {"a.json": b"[1]", "b.json": b"\xff\xfe\x00", "c.json": b"{"}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError):
            schema_given(str(path), {})
