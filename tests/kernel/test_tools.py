"""`%%qwen -t` and `ask(tools=…)` in a real kernel, against the sandbox over real HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.hostile.inert import dangers
from support.kernels import Kernel

from qwen_magic.sandbox import Sandbox

CELL = {"cellId": "a"}
LOOKUP = """\
ran = []

def lookup(city: str, days: int = 1) -> dict:
    '''Look up the weather.

    Args:
        city: Its name.
    '''
    ran.append(city)
    return {"city": city, "weather": "sunny"}
"""


def bodies(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [request.body for request in sandbox.requests if request.method == "POST"]


def told(sandbox: Sandbox) -> list[str]:
    """What the model was told by tools, in the last request."""
    return [message["content"] for message in bodies(sandbox)[-1]["messages"] if message["role"] == "tool"]


@pytest.fixture
def tools(notebook: Kernel) -> Kernel:
    """A notebook that asks the sandbox, with a function."""
    result = notebook.run(LOOKUP)
    assert result.status == "ok", result.error
    return notebook


def test_a_cell_gives_a_function_to_the_model_and_shows_its_call(tools: Kernel, sandbox: Sandbox) -> None:
    result = tools.run("%%qwen -t lookup --allow lookup\nsandbox: tool\nRome", "a")
    assert result.status == "ok", result.error
    assert tools.value("ran") == ["Rome"]
    assert told(sandbox) == ['{"city": "Rome", "weather": "sunny"}']
    assert 'lookup(city="Rome", days=1) → {"city": "Rome", "weather": "sunny"}' in result.text
    (saved,) = result.saved
    assert "widget" not in str(saved["data"].keys()), "what stays is static"
    html = saved["data"]["text/html"]
    assert html.index("<details") < html.index("The tool says")
    assert dangers(html) == []
    assert "<details>" in saved["data"]["text/markdown"]
    assert tools.value("_qwen.rounds[0].results[0].outcome") == "returned"


def test_a_call_is_shown_while_the_answer_goes_on(tools: Kernel, sandbox: Sandbox) -> None:
    result = tools.run("%%qwen -t lookup --allow lookup\nsandbox: tool\nRome", "a", metadata={"a": 1})
    patches = [m.content["data"].get("content", {}) for m in result.comms if m.type == "comm_msg"]
    drawn = [block for patch in patches for block in patch.get("answer", {}).get("blocks", [])]
    assert any("<details" in block and "sunny" in block for block in drawn)


def test_a_person_is_asked_and_their_answer_has_effect_at_once(tools: Kernel, sandbox: Sandbox) -> None:
    result = tools.run("%%qwen -t lookup\nsandbox: tool\nRome", "a", answers=["y"])
    assert result.status == "ok", result.error
    assert tools.value("ran") == ["Rome"]
    shown = [output["data"]["text/plain"] for output in result.outputs if output["output_type"] == "display_data"]
    question = next(text for text in shown if "asks to call" in text)
    assert question.splitlines()[:2] == ["The model asks to call lookup:", "  Look up the weather."]
    assert json.loads(question.partition("weather.\n")[2]) == {"city": "Rome", "days": 1}
    assert "asks to call" not in result.text, "the question gives way to the answer"


def test_in_this_kernel_is_asked_once(tools: Kernel, sandbox: Sandbox) -> None:
    tools.run("%%qwen -t lookup\nsandbox: tool\nRome", "a", answers=["k"])
    tools.run("%%qwen -t lookup\nsandbox: calls 2\nOslo", "b")
    assert tools.value("ran") == ["Rome", "Oslo", "Oslo"]
    assert "lookup" in tools.run("%qwen tools").text
    assert "in this kernel" in tools.run("%qwen tools").text
    tools.run("%qwen tools forget")
    assert "asked about" in tools.run("%qwen tools").text
    tools.run("%%qwen -t lookup\nsandbox: tool\nBonn", "c")
    assert "Bonn" not in tools.value("ran")


def test_no_with_a_reason_is_told_to_the_model(tools: Kernel, sandbox: Sandbox) -> None:
    result = tools.run("%%qwen -t lookup\nsandbox: tool\nRome", "a", answers=["not before noon"])
    assert result.status == "ok", result.error
    assert tools.value("ran") == []
    assert told(sandbox) == ["The person did not allow this call. Their reason: not before noon"]
    assert 'lookup(city="Rome", days=1) was not called' in result.text


@pytest.mark.parametrize("metadata", [None, CELL])
def test_where_nobody_can_be_asked_the_cell_says_so(
    tools: Kernel, sandbox: Sandbox, metadata: dict[str, str] | None
) -> None:
    result = tools.run("%%qwen -t lookup\nsandbox: tool\nRome", metadata=metadata)
    assert result.status == "ok", result.error
    assert tools.value("ran") == []
    assert "nobody can be asked here (--allow lookup allows it beforehand)" in str(result.saved)


def test_a_cell_run_again_replaces_the_whole_run_and_sends_the_same(tools: Kernel, sandbox: Sandbox) -> None:
    cell = "%%qwen -t lookup --allow lookup\nsandbox: call-rounds 2\nRome"
    tools.run(cell, "a")
    first = bodies(sandbox)
    sandbox.clear()
    tools.run(cell, "a")
    assert bodies(sandbox) == first
    assert len(first) == 3
    assert (
        tools.value("len(get_ipython().magics_manager.registry['QwenMagics'].assistant.conversations.get('default'))")
        == 1
    )


def test_an_interrupt_stops_the_function_and_the_answer(tools: Kernel, sandbox: Sandbox) -> None:
    tools.run("import time\ndef sleeps():\n    print('asleep', flush=True)\n    time.sleep(60)")
    run = tools.send("%%qwen -t sleeps --allow sleeps\nsandbox: tool\nx", "a")
    run.until(lambda run: any("asleep" in str(output) for output in run.outputs))
    tools.interrupt()
    result = run.result()
    assert result.status == "error"
    assert "Stopped" in result.error
    assert "sleeps() was stopped" in result.text
    assert len(bodies(sandbox)) == 1
    result = tools.run("%qwen continue", "b")
    assert result.status == "ok", result.error
    assert told(sandbox) == ["Not run to its end: the person stopped it."]


def test_a_function_that_raises_leaves_its_traceback_in_the_cell(tools: Kernel, sandbox: Sandbox) -> None:
    tools.run("def fails(): raise LookupError('nothing there')")
    result = tools.run("%%qwen -t fails --allow fails\nsandbox: tool\nx", "a")
    assert result.status == "ok", result.error
    assert told(sandbox) == ["It raised LookupError: nothing there"]
    html = result.saved[0]["data"]["text/html"]
    assert "Traceback" in html
    assert "fails() raised an exception: It raised LookupError: nothing there" in html


def test_async_functions_run_although_the_loop_of_the_kernel_is_busy(tools: Kernel, sandbox: Sandbox) -> None:
    tools.run("import asyncio\nasync def slow(n: int = 0):\n    await asyncio.sleep(0.01)\n    return 'awake'")
    result = tools.run("%%qwen -t slow --allow slow\nsandbox: calls 3\nx", "a")
    assert result.status == "ok", result.error
    assert told(sandbox) == ["awake"] * 3


def test_ask_takes_functions(tools: Kernel, sandbox: Sandbox) -> None:
    code = "from qwen_magic import ask, tool\nanswer = ask('sandbox: tool\\nRome', tools=[lookup], allow=['lookup'])"
    result = tools.run(code, "a")
    assert result.status == "ok", result.error
    assert tools.value("answer.rounds[0].results[0].text") == '{"city": "Rome", "weather": "sunny"}'
    tools.run("ask('sandbox: tool\\nOslo', tools=tool(lookup, name='search'), allow=lookup)", "b")
    assert bodies(sandbox)[-1]["tools"][0]["function"]["name"] == "search_"
    assert tools.value("ran") == ["Rome", "Oslo"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("-t nothing", "There is no nothing in the notebook. -t names one of its functions."),
        ("-t lookup.more", "lookup.more: there is no 'more' in it."),
        ("-t ran", "A tool is a function, and this is of the type list."),
        ("--allow lookup", "--allow needs -t."),
        ("-t lookup --allow plot", "plot is allowed, and is no tool of this question."),
        ("-t lookup --search", "The service takes either tools or --search."),
        ("-t lookup --schema 'a int'", "A question takes either tools or a schema."),
    ],
)
def test_a_line_that_cannot_be_asked_is_refused_in_one_line(
    tools: Kernel, sandbox: Sandbox, line: str, message: str
) -> None:
    result = tools.run(f"%%qwen {line}\nx", "a")
    assert result.error.startswith("InputError: ")
    assert message in result.text
    assert bodies(sandbox) == []


@pytest.mark.parametrize(
    "evil",
    [
        "<img src=x onerror=alert(1)>",
        "</pre><script>alert(1)</script>",
        "[a](javascript:alert(1))",
        "\u202egnp.exe ``` $x$",
    ],
    ids=["picture", "script", "link", "direction"],
)
def test_what_is_shown_is_what_is_called_and_does_nothing_on_the_page(
    tools: Kernel, sandbox: Sandbox, evil: str
) -> None:
    result = tools.run(f"%%qwen -t lookup --raw\nsandbox: tool\n{evil}", "a", answers=["y"])
    assert result.status == "ok", result.error
    assert tools.value("ran") == [evil]
    question = next(o for o in result.outputs if "asks to call" in str(o.get("data", {}).get("text/plain")))
    shown = question["data"]["text/plain"]
    assert "\u202e" not in shown
    assert json.loads(shown.partition("weather.\n")[2])["city"] == evil
    assert "<img" not in question["data"]["text/html"]
    assert "<script" not in question["data"]["text/html"]
    for output in result.saved:
        assert dangers(output.get("data", {}).get("text/html", "")) == []


def test_a_preview_shows_the_functions_and_calls_nothing(tools: Kernel, sandbox: Sandbox) -> None:
    result = tools.run("%%qwen -t lookup --allow lookup --dry-run\nsandbox: tool\nRome", "a")
    assert '"name": "lookup"' in result.text
    assert '"description": "Its name."' in result.text
    assert bodies(sandbox) == []
    assert tools.value("ran") == []


def test_a_transcript_and_a_saved_conversation_have_the_calls(tools: Kernel, sandbox: Sandbox) -> None:
    tools.run("%%qwen -t lookup --allow lookup\nsandbox: tool\nRome", "a")
    result = tools.run("%qwen export talk.md\n%qwen export talk.html\n%qwen save talk.json")
    assert result.status == "ok", result.error
    for name in ("talk.md", "talk.html"):
        assert "lookup(city=" in (tools.folder / name).read_text(encoding="utf-8")
    tools.run("%qwen load talk.json again")
    sandbox.clear()
    tools.run("%%qwen -c again\nAnd?", "b")
    assert told(sandbox) == ['{"city": "Rome", "weather": "sunny"}']
    assert tools.value("ran") == ["Rome"]


def test_nothing_of_tools_is_imported_before_it_is_used(fresh_kernel: Kernel, sandbox: Sandbox) -> None:
    fresh_kernel.use(sandbox.compatible_url, sandbox.key)
    loaded = "sorted(name for name in __import__('sys').modules if name == 'docstring_parser' or 'tools.loop' in name)"
    fresh_kernel.run("%%qwen\nHello", "a")
    assert fresh_kernel.value(loaded) == []


def test_tab_offers_the_functions_of_the_notebook(tools: Kernel) -> None:
    assert "lookup" in tools.complete("%%qwen -t ")
    assert "ran" not in tools.complete("%%qwen -t ")
