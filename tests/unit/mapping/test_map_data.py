"""A map with a schema, against the sandbox over real HTTP: typed columns, one form for all rows, nothing paid twice."""

from __future__ import annotations

import json
import signal
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import pandas as pd  # type: ignore[import-untyped]  # it has no types of its own
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types of its own
import pydantic
import pytest
from support.faults import FaultServer, plain
from support.maps import Mapper, Recording

from qwen_magic.assistant.assistant import Assistant
from qwen_magic.assistant.question import Question
from qwen_magic.core.errors import InputError, SchemaMismatch, Stopped
from qwen_magic.core.settings import Settings
from qwen_magic.mapping.mapper import MapOptions, dry_map
from qwen_magic.mapping.report import MapProgress
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.credentials import Credentials
from qwen_magic.structured.schema import make_schema

pytestmark = pytest.mark.usefixtures("own_cache", "handled")

REVIEWS = pd.DataFrame({"review": ["good", "bad", "fair"]}, index=[30, 20, 10])
TEMPLATE = "{{ review }}"


@dataclass
class Review:
    topic: str
    score: int


class Typed(TypedDict):
    topic: str
    score: int


class Struct(msgspec.Struct):
    topic: str
    score: int


class Model(pydantic.BaseModel):
    topic: str
    score: int


JSON_SCHEMA = {
    "type": "object",
    "properties": {"topic": {"type": "string"}, "score": {"type": "integer"}},
    "required": ["topic", "score"],
}


def asked(schema: Any, many: bool = False, **fields: Any) -> Question:
    return Question("", schema=make_schema(schema, many=many), **fields)


def forms(sandbox: Sandbox) -> list[str]:
    return [request.body.get("response_format", {}).get("type", "prompt") for request in sandbox.requests]


def another(sandbox: Sandbox) -> Mapper:
    """As a kernel that was started anew: only the cache is the same."""
    return Mapper(Assistant(Settings(endpoint=sandbox.compatible_url), Credentials({"QWEN_API_KEY": sandbox.key})))


# --- what comes back


@pytest.mark.parametrize("schema", ["topic, score int", JSON_SCHEMA, Review, Typed, Struct, Model])
def test_each_field_is_a_column_of_its_type_and_nothing_else_changes(mapper: Mapper, schema: Any) -> None:
    found = mapper(REVIEWS, TEMPLATE, asked(schema))
    assert list(found.columns) == ["review", "topic", "score", "error", "tokens_in", "tokens_out"]
    assert list(found.index) == [30, 20, 10]
    assert list(found.topic) == ["good", "bad", "fair"]
    assert (str(found.topic.dtype), str(found.score.dtype)) == ("string", "Int64")
    assert list(found.error) == ["", "", ""]
    assert (found.tokens_in > 0).all()


def test_a_row_without_data_is_empty_and_the_types_stay(mapper: Mapper) -> None:
    schema = "topic, score int, price float, good bool, size small|large, born date, tags str[]"
    rows = pd.DataFrame({"review": ["fine", None]})
    found = mapper(rows, TEMPLATE, asked(schema))
    kinds = [str(found[name].dtype) for name in ("topic", "score", "price", "good", "size")]
    assert kinds == ["string", "Int64", "Float64", "boolean", "category"]
    assert found.born.dtype.kind == "M"
    assert isinstance(found.tags[0], list)
    assert found.error[1] == "review is missing in this row."
    assert found.loc[1, ["topic", "score", "price", "good", "size", "born", "tags"]].isna().all()


def test_polars_arrow_series_and_lists_come_back_as_they_were(mapper: Mapper) -> None:
    schema = "topic, score int, size small|large, born date"
    frame = mapper(pl.DataFrame({"review": ["good", None]}), TEMPLATE, asked(schema))
    assert dict(frame.schema)["score"] == pl.Int64
    assert dict(frame.schema)["size"] == pl.Enum(["small", "large"])
    assert dict(frame.schema)["born"] == pl.Date
    assert frame["topic"].to_list() == ["good", None]
    table = mapper(pa.table({"review": ["good", None]}), TEMPLATE, asked(schema))
    assert table["score"].to_pylist()[1] is None
    assert table.schema.field("score").type == pa.int64()
    series = mapper(pd.Series(["good"], index=[7]), "{{ value }}", asked(schema))
    assert list(series.index) == [7]
    (row,) = mapper(["good"], "{{ value }}", asked("topic, score int"))
    assert row == {"value": "good", "topic": "good", "score": 1, "error": ""} | {
        name: row[name] for name in ("tokens_in", "tokens_out")
    }


def test_a_list_for_each_row_is_one_column(mapper: Mapper) -> None:
    for question in (asked("topic, score int", many=True), asked(list[Review])):
        found = mapper(pd.DataFrame({"review": ["sandbox: json-rows 2\ngood"]}), TEMPLATE, question)
        assert list(found.columns) == ["review", "answer", "error", "tokens_in", "tokens_out"]
        assert found.answer[0] == [{"topic": "good", "score": 1}, {"topic": "2 good", "score": 2}]
    (row,) = mapper(["good"], "{{ value }}", asked(list[str]), column="tags")
    assert row["tags"] == ["good"]


def test_an_integer_that_no_column_holds_costs_no_row(mapper: Mapper) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 2**70}}, "required": ["n"]}
    found = mapper(REVIEWS, TEMPLATE, asked(schema))
    assert found.n[30] >= 2**70


def test_new_columns_that_would_hide_others_are_refused_and_can_have_a_name_before_them(
    mapper: Mapper, sandbox: Sandbox
) -> None:
    taken = REVIEWS.assign(topic="x")
    with pytest.raises(InputError, match=r"column 'topic' already.*--column NAME.*'NAME_topic'"):
        mapper(taken, TEMPLATE, asked("topic, score int"))
    with pytest.raises(InputError, match=r"'error', which a map adds.*Rename the field"):
        mapper(REVIEWS, TEMPLATE, asked("error, score int"))
    assert not sandbox.requests
    found = mapper(taken, TEMPLATE, asked("topic, score int"), column="new")
    assert list(found.columns)[2:] == ["new_topic", "new_score", "new_error", "new_tokens_in", "new_tokens_out"]


# --- one form for the whole map


@pytest.mark.parametrize(("model", "form"), [("qwen-plus", "json_object"), ("qwen3.7-plus", "json_schema")])
def test_all_rows_are_asked_in_the_strongest_form_of_the_model(
    mapper: Mapper, sandbox: Sandbox, model: str, form: str
) -> None:
    mapper(REVIEWS, TEMPLATE, asked("topic, score int", model=model))
    assert forms(sandbox) == [form] * 3
    assert all("JSON schema" in str(request.body["messages"]) for request in sandbox.requests)


def test_a_form_that_is_refused_is_left_for_all_rows_and_remembered(mapper: Mapper, sandbox: Sandbox) -> None:
    question = asked("topic, score int", model="qwen3.7-max")
    rows = [f"sandbox: json-refuse 1\nrow {number}" for number in range(60)]
    found = mapper(rows, "{{ value }}", question, concurrency=4)
    assert {row["error"] for row in found} == {""}
    assert forms(sandbox).count("json_object") == 60
    assert forms(sandbox).count("json_schema") <= 8
    assert any("takes no json_schema here: asked with json_object" in note for note in mapper.report.notes)
    sandbox.clear()
    mapper([*rows, "sandbox: json-refuse 1\none more"], "{{ value }}", question)
    assert forms(sandbox) == ["json_object"]


def test_what_was_answered_in_another_form_is_found(mapper: Mapper, sandbox: Sandbox) -> None:
    question = asked("topic, score int", model="qwen3.7-max")
    rows = ["plain", "sandbox: json-refuse 2\nrefused"]
    first = mapper(rows, "{{ value }}", question)
    sandbox.clear()
    again = another(sandbox)(rows, "{{ value }}", question)
    assert again == first
    assert mapper(rows, "{{ value }}", question) == first
    assert not sandbox.requests


def test_a_row_that_is_refused_for_another_reason_is_one_cell_and_the_form_stays(
    mapper: Mapper, sandbox: Sandbox
) -> None:
    rows = ["sandbox: filter", *(f"row {number}" for number in range(10))]
    found = mapper(rows, "{{ value }}", asked("topic, score int", model="qwen3.7-max"), concurrency=1)
    assert [bool(row["error"]) for row in found] == [True] + [False] * 10
    assert set(forms(sandbox)) == {"json_schema"}


# --- what does not fit


@pytest.mark.parametrize("slip", ["json-wrong", "json-empty", "json-blank"])
def test_an_answer_that_does_not_fit_is_asked_for_once_more_and_then_kept(
    mapper: Mapper, sandbox: Sandbox, slip: str
) -> None:
    rows = [f"sandbox: {slip}\ngood", "fine"]
    question = asked("topic, score int")
    found = mapper(rows, "{{ value }}", question)
    assert [(row["topic"], row["score"], row["error"]) for row in found] == [("good", 1, ""), ("fine", 1, "")]
    asked_more = [request.body for request in sandbox.requests if slip in str(request.body)]
    assert found[0]["tokens_in"] > found[1]["tokens_in"]
    if slip != "json-blank":  # a form that keeps the model from ending does not always
        assert len(asked_more) == 2
        assert "does not fit the JSON schema" in asked_more[1]["messages"][-1]["content"]
        assert any("1 row was asked once more" in note for note in mapper.report.notes)
    sandbox.clear()
    assert another(sandbox)(rows, "{{ value }}", question) == found
    assert not sandbox.requests


def test_an_answer_that_never_fits_is_one_cell_and_its_tokens_are_counted(mapper: Mapper, sandbox: Sandbox) -> None:
    found = mapper(["sandbox: json-wrong 9\nbad", "fine"], "{{ value }}", asked("topic, score int"))
    assert [row["score"] for row in found] == [None, 1]
    assert "does not fit the schema, also when asked again: score: 'wrong'" in found[0]["error"]
    assert "_qwen" not in found[0]["error"]
    assert found[0]["tokens_out"] > 0
    assert len(sandbox.requests) == 3
    (spent,) = mapper.assistant.conversations.get().spending.rows("")
    assert spent.usage.output == sum(row["tokens_out"] for row in found)


def test_only_what_is_missing_is_asked_where_a_row_did_not_fit(mapper: Mapper, sandbox: Sandbox) -> None:
    rows, question = ["sandbox: json-wrong 2\nbad", "fine"], asked("topic, score int")
    assert mapper(rows, "{{ value }}", question)[0]["error"]
    sandbox.clear()
    found = mapper(rows, "{{ value }}", question)
    assert len(sandbox.requests) == 1  # the answer that is paid for counts as the first try
    assert "does not fit the JSON schema" in sandbox.requests[0].body["messages"][-1]["content"]
    assert "score: 'wrong'" in found[0]["error"]


def test_an_answer_that_was_cut_says_so_and_is_asked_for_anew(mapper: Mapper, sandbox: Sandbox) -> None:
    question = asked("topic, score int", fields={"max_tokens": 4})
    for _ in range(2):
        sandbox.clear()
        (row,) = mapper(["good"], "{{ value }}", question)
        assert "cut at the token limit (4 tokens)" in row["error"]
        assert [len(request.body["messages"]) for request in sandbox.requests] == [1]


def test_a_model_that_fits_no_row_ends_the_map(mapper: Mapper, sandbox: Sandbox) -> None:
    rows = [f"sandbox: json-ignore\nrow {number}" for number in range(120)]
    with pytest.raises(SchemaMismatch):
        mapper(rows, "{{ value }}", asked("topic, score int"), concurrency=4)
    assert len(sandbox.requests) < 100
    assert len(mapper.published[-1]) == 120


def test_a_kept_answer_is_checked_against_the_class_as_it_is_now(mapper: Mapper, sandbox: Sandbox) -> None:
    class Strict(pydantic.BaseModel):
        score: int

    first = mapper(["good"], "{{ value }}", asked(Strict))
    assert first[0]["score"] == 1

    class Strict(pydantic.BaseModel):  # type: ignore[no-redef]  # as in a notebook, where a cell is changed and run again
        score: int

        @pydantic.field_validator("score")
        @classmethod
        def large(cls, score: int) -> int:
            if score < 2:
                raise ValueError("the score is from 2 to 5")
            return score

    sandbox.clear()
    (row,) = mapper(["good"], "{{ value }}", asked(Strict))
    assert "from 2 to 5" in row["error"]
    assert "from 2 to 5" in sandbox.requests[0].body["messages"][-1]["content"]


def test_another_schema_is_another_question(mapper: Mapper, sandbox: Sandbox) -> None:
    mapper(["good"], "{{ value }}", asked("topic, score int"))
    mapper(["good"], "{{ value }}", asked("topic, score float"))
    mapper(["good"], "{{ value }}")
    assert len(sandbox.requests) == 3


def test_what_is_stopped_for_between_the_two_tries_is_not_paid_twice() -> None:
    """The first answer is kept before the second request is sent."""
    question = asked("topic, score int")
    with FaultServer([answer('{"topic": "good"}')], ["hang"]) as server:
        server.listing = plain("200 OK", b'{"data": []}')

        def interrupt(progress: MapProgress) -> None:
            if len(server.requests) >= 2:
                signal.raise_signal(signal.SIGINT)

        mapper = Mapper(Assistant(Settings(endpoint=server.url, model="m"), Credentials({})), Recording(each=interrupt))
        with pytest.raises(Stopped):
            mapper(["good"], "{{ value }}", question)
        mapper.view = Recording()
        server.play([answer('{"topic": "good", "score": 1}')])
        (row,) = mapper(["good"], "{{ value }}", question)
        assert (row["topic"], row["score"]) == ("good", 1)
        assert len(server.requests) == 1
        assert b"does not fit the JSON schema" in server.requests[0]


def answer(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return plain("200 OK", json.dumps({"choices": [choice], "usage": {"prompt_tokens": 5}}).encode())


# --- shown


def test_the_first_rows_are_shown_with_their_fields(mapper: Mapper) -> None:
    mapper(["good", "sandbox: stall 1\nslow"], "{{ value }}", asked("topic, score int, tags str[]"))
    assert any(shown.first.rows == ((0, ("good", "1", "good")),) for shown in mapper.view.shown)
    assert mapper.view.shown[-1].first.fields == ("topic", "score", "tags")
    html = mapper.report.mimebundle["text/html"]
    assert "topic</th>" in html
    assert "good</td>" in html


def test_a_dry_run_shows_the_schema_and_counts_it(mapper: Mapper, sandbox: Sandbox) -> None:
    question = replace(asked("topic, score int", model="qwen3.7-plus"), prompt="{{ value }}")
    dry = dry_map(mapper.assistant, ["good"], question, MapOptions())
    body = dry.requests[0].body
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["topic", "score"]
    assert "JSON schema" in body["messages"][-1]["content"]
    plain = dry_map(mapper.assistant, ["good"], Question("{{ value }}"), MapOptions())
    assert dry.estimate.input > plain.estimate.input + 30
    assert not sandbox.requests


# --- batches


def wait_less(mapper: Mapper, rows: list[Any], question: Question) -> Any:
    return mapper(rows, "{{ value }}", question, where="batch")


def uploads(sandbox: Sandbox) -> list[list[dict[str, Any]]]:
    """The bodies in each file that was uploaded."""
    found = [request.raw for request in sandbox.requests if request.path.endswith("/files")]
    lines = ([line for line in raw.split(b"\n") if line.startswith(b'{"custom_id"')] for raw in found)
    return [[json.loads(line)["body"] for line in each] for each in lines]


def test_a_batch_gives_data_and_the_next_run_asks_only_what_does_not_fit(mapper: Mapper, sandbox: Sandbox) -> None:
    question = asked("topic, score int")
    rows = ["good", "sandbox: json-wrong\nbad"]
    found = wait_less(mapper, rows, question)
    assert (found[0]["topic"], found[0]["score"]) == ("good", 1)
    assert found[1]["error"].startswith("The answer does not fit the schema: score: 'wrong'")
    assert "Run the map again" in found[1]["error"]
    sandbox.clear()
    found = wait_less(another(sandbox), rows, question)
    assert [row["score"] for row in found] == [1, 1]
    ((body,),) = uploads(sandbox)
    assert "does not fit the JSON schema" in body["messages"][-1]["content"]
    sandbox.clear()
    assert wait_less(mapper, rows, question) == found
    assert mapper(rows, "{{ value }}", question) == found
    assert not sandbox.requests


def test_a_form_that_a_batch_was_refused_is_not_asked_for_by_the_next_run(mapper: Mapper, sandbox: Sandbox) -> None:
    question = asked("topic, score int", model="qwen3.7-max")
    rows = ["sandbox: json-refuse 1\ngood", "sandbox: json-refuse 1\nbad"]
    found = wait_less(mapper, rows, question)
    assert all("response_format" in row["error"] for row in found)
    assert any("run the map again" in note for note in mapper.report.notes)
    sandbox.clear()
    found = wait_less(another(sandbox), rows, question)
    assert [row["topic"] for row in found] == ["good", "bad"]
    ((first, second),) = uploads(sandbox)
    assert first["response_format"] == second["response_format"] == {"type": "json_object"}


def test_the_answer_of_a_data_row_is_the_text_in_the_cache(mapper: Mapper, tmp_path: Path) -> None:
    """So that another version of the class, or of this package, can read it."""
    mapper(["good"], "{{ value }}", asked("topic, score int"))
    path = next((tmp_path / "cache").rglob("answers.sqlite"))
    with sqlite3.connect(path) as database:
        ((entry,),) = database.execute("SELECT answer FROM answers")
    assert json.loads(json.loads(entry)["text"]) == {"topic": "good", "score": 1}
