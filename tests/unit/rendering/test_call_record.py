"""A call of a function while the answer comes and as it stays: what a page draws is what the record says."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Sequence

import pytest
from support.hostile.inert import dangers

from qwen_magic.core.answer import Answer
from qwen_magic.core.events import Event, ReasoningDelta, RoundEnded, TextDelta, ToolReturned
from qwen_magic.core.messages import Image, Text, ToolCall
from qwen_magic.core.tool_rounds import Outcome, ToolResult, ToolRound
from qwen_magic.rendering.answer_state import GrowingAnswer
from qwen_magic.rendering.call_record import call_html, call_markdown, call_plain
from qwen_magic.rendering.mimebundle import record

CALL = ToolCall("c1", "lookup", '{"city": "Rome", "days": 2}')
RETURNED = ToolResult(CALL, "returned", (Text("18 °C"),), "lookup")
EVENTS: tuple[Event, ...] = (
    ReasoningDelta("Hm."),
    TextDelta("I will **look**"),
    ToolReturned(RETURNED),
    ToolReturned(RETURNED),
    RoundEnded(),
    ReasoningDelta("So."),
    TextDelta("It is\n\n"),
    TextDelta("warm."),
)
ROUND = ToolRound((RETURNED, RETURNED), "I will **look**", "Hm.")
ANSWER = Answer("It is\n\nwarm.", "So.", rounds=(ROUND,))


def shown(batches: Sequence[Sequence[Event]]) -> tuple[str, str]:
    """What a page draws of the thinking and of the answer, by the patches alone."""
    growing = GrowingAnswer()
    drawn: dict[str, list[str]] = {"thinking": [], "answer": []}
    for patch in [*map(growing.take, batches), growing.end(ANSWER)]:
        for name, blocks in drawn.items():
            if name in patch:
                change = copy.deepcopy(patch[name])  # type: ignore[literal-required]  # the names of both sections
                blocks[change["base"] :] = change["blocks"]
    assert drawn["answer"] == growing.state["answer"]["blocks"]
    return "".join(drawn["thinking"]), "".join(drawn["answer"])


@pytest.mark.parametrize("size", [1, 2, 3, len(EVENTS)])
def test_a_page_draws_the_same_however_the_events_arrive(size: int) -> None:
    thinking, answer = shown([EVENTS[at : at + size] for at in range(0, len(EVENTS), size)])
    expected = f"<p>I will <strong>look</strong></p>\n{call_html(RETURNED) * 2}<p>It is</p>\n<p>warm.</p>\n"
    assert answer == expected
    assert thinking == "<p>Hm.</p>\n<p>So.</p>\n"
    html = record(ANSWER)[0]["text/html"]
    assert thinking in html
    assert html.count("18 °C</pre>") == 2
    assert html.index("<strong>look</strong>") < html.index("18 °C") < html.index("<p>It is</p>\n<p>warm.</p>")


def test_the_record_has_the_calls_between_the_texts_in_every_form() -> None:
    data, _ = record(ANSWER)
    assert data["text/plain"] == '\n\n'.join(
        ["I will **look**", *['lookup(city="Rome", days=2) → 18 °C'] * 2, "It is\n\nwarm."]
    )  # fmt: skip
    markdown = data["text/markdown"]
    places = [markdown.index(part) for part in ("I will", "<details>\n<summary><code>lookup", "18 °C", "warm.")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        ("returned", "lookup(…) → told"),
        ("raised", "lookup(…) raised an exception: told"),
        ("withheld", "lookup(…) was called: told"),
        ("refused", "lookup(…) was not called: told"),
        ("unknown", "lookup(…) was not called: told"),
        ("malformed", "lookup(…) was not called: told"),
        ("stopped", "lookup(…) was stopped"),
    ],
)
def test_the_line_says_what_became_of_the_call(outcome: Outcome, line: str) -> None:
    result = ToolResult(CALL, outcome, (Text("told"),), "lookup")
    assert call_plain(result) == line.replace("…", 'city="Rome", days=2')


def test_a_picture_is_named_and_not_saved_a_second_time() -> None:
    result = ToolResult(CALL, "returned", (Text("in the next message"), Image("data:image/png;base64,AAAA")), "lookup")
    assert call_plain(result).endswith("→ a picture")
    assert "base64" not in call_html(result) + call_markdown(result)


def test_long_results_are_cut_in_the_notebook() -> None:
    result = ToolResult(CALL, "returned", (Text("x" * 1_000_000),), "lookup")
    assert len(call_html(result)) < 30_000
    assert "(990,000 characters left out)" in call_html(result)
    assert len(call_plain(result)) < 200


# A block of code in markdown.
CODE = re.compile(r"^(`{3,})\w*\n.*?^\1$", re.MULTILINE | re.DOTALL)
HOSTILE = (
    "<img src=http://evil.example/x.png onerror=alert(1)>",
    "</pre></details><script>alert(1)</script>",
    "```\n</details>\n<script>alert(1)</script>\n```",
    "$\\href{javascript:alert(1)}{x}$",
    "[x](javascript:alert(1)) ![x](http://evil.example/x.png)",
    "\x1b]0;title\x07\x1b[2J\u202e",
    "\ud800",
)


@pytest.mark.parametrize(("name", "text"), list(itertools.product(HOSTILE, HOSTILE)))
def test_nothing_in_a_name_arguments_or_a_result_acts(name: str, text: str) -> None:
    call = ToolCall(name, name, json.dumps({name: text}))
    for outcome in ("returned", "raised"):
        result = ToolResult(call, outcome, (Text(text),), name, traceback=text)
        data, _ = record(Answer("done", rounds=(ToolRound((result,), text),)))
        assert dangers(data["text/html"]) == []
        assert "\x1b" not in data["text/plain"] + data["text/markdown"]
        outside = CODE.sub("", data["text/markdown"])
        assert not re.search(r"<script|<img|</details><|\]\(javascript", outside)
        assert "</pre>" in data["text/html"]
        str(data).encode()
