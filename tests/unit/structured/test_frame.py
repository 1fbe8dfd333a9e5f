"""`answer.frame`: the library that is imported already, and the schema's types."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from qwen_magic.structured.frame import frame, pandas_frame, polars_frame
from qwen_magic.structured.schema import make_schema
from qwen_magic.structured.validation import check

FIELDS = "name, age int, city?, size small|large, score float?, born date, ok bool, tags str[]"
ROWS = [
    {
        "name": "A",
        "age": 1,
        "city": None,
        "size": "small",
        "score": 1,
        "born": "2001-02-03",
        "ok": True,
        "tags": ["x"],
    },
    {
        "name": "B",
        "age": 2,
        "city": "Rome",
        "size": "large",
        "score": None,
        "born": "2001-02-04",
        "ok": False,
        "tags": [],
    },
]


def asked(made: str, rows: list[dict[str, object]]) -> list[str]:
    code = (
        f"import {made}, json, sys\n"
        "from qwen_magic.structured.frame import frame\n"
        "from qwen_magic.structured.schema import make_schema\n"
        f"schema = make_schema({FIELDS!r}, many=True)\n"
        "found = frame(json.loads(sys.argv[1]), schema)\n"
        "print(type(found).__module__.split('.')[0])\n"
        "print(*found.dtypes, sep='|')"
    )
    done = subprocess.run([sys.executable, "-c", code, json.dumps(rows)], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_pandas_with_nullable_types_where_a_field_may_be_empty() -> None:
    library, types = asked("pandas", ROWS)
    assert library == "pandas"
    name, age, city, size, score, born, ok, tags = types.split("|")
    assert (age, size, score, ok, tags) == ("int64", "category", "Float64", "bool", "object")
    assert name.startswith("str")
    assert city.startswith("str")
    assert born.startswith("datetime64")


def test_polars_when_that_is_imported() -> None:
    library, types = asked("polars", ROWS)
    assert library == "polars"
    assert types.startswith("String|Int64|String|Enum")
    assert types.endswith("Float64|Date|Boolean|List(String)")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_no_rows_are_a_frame_with_the_columns_and_types(library: str) -> None:
    _, types = asked(library, [])
    assert types.lower().count("int64") == 1


def test_one_object_is_one_row_and_plain_values_are_one_column() -> None:
    assert frame({"name": "A"}, make_schema("name")).shape == (1, 1)
    schema = make_schema(list[int])
    assert frame(check("[1, 2]", schema).plain, schema).shape == (2, 1)


@pytest.mark.parametrize("made", [pandas_frame, polars_frame])
def test_whatever_came_makes_a_frame(made: object) -> None:
    schema = make_schema({"type": "array", "items": {"type": "object"}})
    assert frame([{"a": 1}, {"b": {"c": [1]}}, {"a": "x"}], schema).shape == (3, 2)
