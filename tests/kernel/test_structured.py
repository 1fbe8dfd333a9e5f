"""`%%qwen --schema` and `ask(schema=…)` in a real kernel, against the sandbox over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.faults import FaultServer, plain
from support.kernels import Kernel
from support.wire import chunk, sse

from qwen_magic.sandbox import Sandbox

PERSON = """\
from dataclasses import dataclass

@dataclass
class Person:
    name: str
    age: int
    city: str | None = None
"""
REFUSED = plain("400 Bad Request", b'{"error": {"message": "response_format is not supported", "code": "x"}}')


def bodies(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [request.body for request in sandbox.requests if request.method == "POST"]


def streamed(text: str, finish: str = "stop") -> bytes:
    usage = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
    return plain("200 OK", sse(chunk(content=text), chunk(finish), usage), "text/event-stream")


def test_a_cell_asks_for_an_object_and_shows_its_fields(notebook: Kernel) -> None:
    result = notebook.run("%%qwen --schema 'name, age int, city?' -o person\nWho?")
    assert result.status == "ok", result.error
    assert notebook.value("person") == {"name": "Who?", "age": 1, "city": "Who?"}
    assert notebook.value("_qwen.data is person")
    assert "name" in result.text
    assert "{" not in result.text
    html = result.saved[0]["data"]["text/html"]
    assert "<table>" in html
    assert "<summary>JSON</summary>" in html
    assert "qwen-plus" in html


def test_a_list_of_a_class_of_the_notebook_is_a_frame_too(notebook: Kernel) -> None:
    notebook.run(f"import pandas\n{PERSON}")
    result = notebook.run("%%qwen --schema Person --many -o people\nsandbox: json-rows 3\nWho?")
    assert result.status == "ok", result.error
    assert notebook.value("[type(each).__name__ for each in people]") == ["Person"] * 3
    assert notebook.value("(_qwen.frame.shape, str(_qwen.frame.dtypes['age']))") == ((3, 3), "int64")
    assert result.text.count("Who?") == 6


@pytest.mark.parametrize("protocol", ["compatible", "dashscope"])
@pytest.mark.parametrize("model", ["qwen-plus", "qwen3.7-plus"])
def test_the_strongest_form_of_the_model_is_asked_for(
    notebook: Kernel, sandbox: Sandbox, protocol: str, model: str
) -> None:
    notebook.run(f"%qwen use {sandbox.compatible_url} --protocol {protocol}")
    result = notebook.run(f"%%qwen -m {model} --schema 'name, age int'\nWho?")
    assert result.status == "ok", result.error
    body = bodies(sandbox)[-1]
    form = body.get("response_format") or body["parameters"]["response_format"]
    assert form["type"] == ("json_schema" if model == "qwen3.7-plus" else "json_object")
    assert "tools" not in body
    thinking = body.get("parameters", body).get("enable_thinking")
    assert thinking is (None if model == "qwen3.7-plus" else False)
    assert "JSON schema" in json.dumps(body["messages"] if "messages" in body else body["input"])


def test_the_setting_for_thinking_is_for_answers_in_words(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run("%config QwenMagics.think = True")
    for options, form, thinks in (("", "json_object", False), ("--think", None, True)):
        result = notebook.run(f"%%qwen {options} --schema 'name str, age int'\nWho?")
        assert result.status == "ok", result.error
        body = bodies(sandbox)[-1]
        assert (body.get("response_format", {}).get("type"), body["enable_thinking"]) == (form, thinks)


def test_a_form_that_is_refused_is_not_asked_for_again(notebook: Kernel, sandbox: Sandbox) -> None:
    for _ in range(2):
        result = notebook.run("%%qwen -m qwen3.7-max --schema 'name str'\nsandbox: json-refuse 2\nWho?", cell_id="a")
        assert result.status == "ok", result.error
    kinds = [body.get("response_format", {}).get("type") for body in bodies(sandbox)]
    assert kinds == ["json_schema", "json_object", None, None]
    assert bodies(sandbox)[-1] == bodies(sandbox)[-2]


@pytest.mark.parametrize("directive", ["json-fence", "json-think", "json-repeat", "json-blank"])
def test_what_servers_put_around_the_data_is_survived(notebook: Kernel, directive: str) -> None:
    result = notebook.run(f"%%qwen --schema 'name, age int' -o found\nsandbox: {directive}\nWho?")
    assert result.status == "ok", result.error
    assert notebook.value("found") == {"name": "Who?", "age": 1}


@pytest.mark.parametrize("directive", ["json-wrong", "json-empty"])
def test_an_answer_that_does_not_fit_is_asked_for_once_more_outside_of_the_conversation(
    notebook: Kernel, sandbox: Sandbox, directive: str
) -> None:
    result = notebook.run(f"%%qwen --schema 'name, age int'\nsandbox: {directive}\nWho?")
    assert result.status == "ok", result.error
    assert "asked once more" in str(result.saved[0]["data"]["text/html"])
    first, second = bodies(sandbox)
    assert len(second["messages"]) == len(first["messages"]) + 2
    assert notebook.value("_qwen.usage.input") > 2 * len(json.dumps(first["messages"])) // 6
    notebook.run("%%qwen\nAnd then?")
    context = bodies(sandbox)[-1]["messages"]
    assert [message["role"] for message in context] == ["user", "assistant", "user"]
    assert context[0]["content"] == f"sandbox: {directive}\nWho?"
    assert json.loads(context[1]["content"]) == {"name": "Who?", "age": 1}


def test_an_answer_that_never_fits_names_the_field_and_keeps_the_text(notebook: Kernel, sandbox: Sandbox) -> None:
    result = notebook.run("%%qwen --schema 'name, age int' -o found\nsandbox: json-wrong 9\nWho?")
    assert result.error.startswith("SchemaMismatch: ")
    assert "age: 'wrong' is not of type 'integer'" in result.error
    assert len(bodies(sandbox)) == 2
    assert json.loads(notebook.value("_qwen.text"))["age"] == "wrong"
    assert notebook.value("'found' in globals()") is False
    notebook.run("%%qwen\nAnd then?")
    assert len(bodies(sandbox)[-1]["messages"]) == 1


def test_words_in_place_of_json_are_one_clear_line(notebook: Kernel) -> None:
    result = notebook.run("%%qwen --schema 'name str'\nsandbox: json-ignore\nWho?")
    assert result.error.startswith("SchemaMismatch: ")
    assert "simulator" in notebook.value("_qwen.text")


def test_an_answer_that_is_cut_says_so_and_how_to_raise_the_limit(notebook: Kernel, sandbox: Sandbox) -> None:
    result = notebook.run("%%qwen --schema 'name, age int' --set max_tokens=4\nWho?")
    assert result.error.startswith("SchemaMismatch: The answer was cut at the token limit (4 tokens)")
    assert "--set max_tokens=" in result.error
    assert len(bodies(sandbox)) == 1
    assert notebook.value("_qwen.text").startswith("{")


def test_a_cell_run_again_asks_the_same_bytes(notebook: Kernel, sandbox: Sandbox) -> None:
    for _ in range(2):
        notebook.run("%%qwen --schema 'name, age int'\nFirst?", cell_id="a")
        notebook.run("%%qwen --schema 'name str' --many\nSecond?", cell_id="b")
    one, two, again, more = bodies(sandbox)
    assert (one, two) == (again, more)
    assert two["messages"][0]["content"] == "First?"


def test_an_answer_that_was_asked_for_with_ask(notebook: Kernel) -> None:
    notebook.run(f"from qwen_magic import ask\n{PERSON}")
    assert notebook.run("found = ask('Who?', schema=list[Person], show=False)").status == "ok"
    assert notebook.value("[(each.name, each.age) for each in found.data]") == [("Who?", 1)]
    assert notebook.value("ask('Who?', schema='name, age int', show=False).data") == {"name": "Who?", "age": 1}
    assert notebook.run("ask('Who?', schema=Person, many=True).frame").status == "ok"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--schema Nobody", "There is no Nobody"),
        ("--schema 'name strin'", "Did you mean str"),
        ("--schema frame", "no schema"),
        ("--schema missing.json", "cannot be read"),
        ("--many", "--many needs a schema"),
        (f"--schema 'key: such as {'AKIA' + 'IOSFODNN7EXAMPLF'}'", "looks like a key"),
        ("-m qwen-mt-plus --schema name?", "translates"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_sent(notebook: Kernel, sandbox: Sandbox, line: str, said: str) -> None:
    notebook.run("frame = object()")
    result = notebook.run(f"%%qwen {line}\nWho?")
    assert result.error.startswith("InputError: ")
    assert said in result.error
    assert not bodies(sandbox)


def test_tab_offers_the_schemas_of_the_notebook(notebook: Kernel) -> None:
    notebook.run(f"{PERSON}\nplan = {{'type': 'object'}}\nnumber = 3")
    offered = notebook.complete("%%qwen --schema ")
    assert {"Person", "plan"} <= set(offered)
    assert "number" not in offered
    assert "--schema" in notebook.complete("%%qwen --sch")


def test_ten_thousand_rows_are_a_table_of_the_first_and_a_count(notebook: Kernel) -> None:
    command = "%%qwen --schema 'name, age int' --many -o people\nsandbox: json-rows 10000\nWho?"
    result = notebook.run(command, timeout=120)
    assert result.status == "ok", result.error
    assert notebook.value("len(people)") == 10_000
    html = result.saved[0]["data"]["text/html"]
    assert html.count("<tr>") == 201
    assert "9,800 more" in html
    assert len(html) < 200_000


def test_a_table_grows_row_by_row_and_json_is_never_shown_raw(notebook: Kernel) -> None:
    command = "%%qwen --schema 'name, age int' --many\nsandbox: rate 40\nsandbox: json-rows 8\nWho?"
    result = notebook.run(command, cell_id="grows")
    assert result.status == "ok", result.error
    patches = [each.content["data"]["content"] for each in result.comms if "content" in each.content.get("data", {})]
    grown = [patch["answer"] for patch in patches if "answer" in patch]
    rows = [html for patch in grown for html in patch["blocks"]]
    assert sum(html.startswith("<tr") for html in rows) == 8
    assert len([patch for patch in grown if patch["blocks"]]) > 3
    assert '"name"' not in json.dumps(grown).replace("\\", "")


def test_names_and_values_of_a_model_are_text(notebook: Kernel) -> None:
    evil = json.dumps(
        {"items": [{"<img src=x onerror=alert(1)>": "<script>1</script>|`*_", "b": "$x$ [a](http://e.vil)"}]}
    )
    with FaultServer([streamed(evil)]) as server:
        notebook.run(f"%qwen use {server.url}")
        result = notebook.run("rows = {'type': 'object'}\n%qwen -m m --schema rows --many Who?")
    data = result.saved[0]["data"]
    assert "<script" not in data["text/html"]
    assert "<img" not in data["text/html"]
    assert "<script" not in data["text/markdown"].partition("```")[0]


def test_a_server_that_knows_no_form_is_asked_in_words(notebook: Kernel) -> None:
    with FaultServer([REFUSED], [REFUSED], [streamed('```json\n{"name": "Anna"}\n```')]) as server:
        server.listing = plain("200 OK", b'{"data": [{"id": "m"}]}')
        notebook.run(f"%qwen use {server.url}")
        result = notebook.run("%qwen -m m --schema 'name str' Who?")
        assert result.status == "ok", result.error
        assert notebook.value("_qwen.data") == {"name": "Anna"}
        asked = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in server.requests]
    assert [body.get("response_format", {}).get("type") for body in asked] == ["json_schema", "json_object", None]


def test_a_refusal_that_is_about_something_else_is_told_as_it_is(notebook: Kernel) -> None:
    result = notebook.run("%%qwen --schema 'name str' --set temperature=9\nWho?")
    assert result.error.startswith("InvalidRequest: ")
    assert "emperature" in result.error


def test_a_conversation_with_data_is_saved_and_goes_on(notebook: Kernel, sandbox: Sandbox) -> None:
    notebook.run(PERSON)
    notebook.run("%%qwen --schema Person --many\nWho?")
    for line in ("%qwen save data.json", "%qwen export data.md", "%qwen load data.json again"):
        result = notebook.run(line)
        assert result.status == "ok", result.error
    notebook.run("%%qwen -c again\nAnd then?")
    question, answer, _ = bodies(sandbox)[-1]["messages"]
    assert question["content"] == "Who?"
    assert json.loads(answer["content"])["items"][0]["age"] == 1


def test_last_and_continue_of_an_answer_that_is_data(notebook: Kernel) -> None:
    notebook.run("%%qwen --schema 'name, age int'\nWho?")
    assert "Who?" in notebook.run("%qwen last").text
    cut = notebook.run("%%qwen --schema 'name, age int'\nsandbox: length 4\nWho?")
    assert cut.status == "error"
    result = notebook.run("%qwen continue")
    assert result.status == "ok", result.error
    assert notebook.value("_qwen.data") == {"name": "Who?", "age": 1}
