"""The record of an answer says who gave it and what it took, is harmless, and reads well without anything live."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape

import pytest
from markdown_it import MarkdownIt
from support.hostile.inert import dangers, words
from support.hostile.payloads import HOSTILE_NAMES, PAYLOADS

from qwen_magic.core.answer import FAILED, STOPPED, Answer, Attached
from qwen_magic.core.events import Source, Usage
from qwen_magic.core.messages import ToolCall
from qwen_magic.rendering.footer import footer
from qwen_magic.rendering.markdown import render
from qwen_magic.rendering.mimebundle import record

ANSWER = Answer(
    text="# Result\n\n**42**, that is $6 \\times 7$ for $5.\n\n```python\nprint(42)\n```\n",
    reasoning="Six times *seven*.",
    model="qwen3.8-max",
    endpoint="beijing",
    usage=Usage(input=1204, output=356, reasoning=120),
    request_id="req-1",
    seconds=3.2049,
    attachments=(Attached("report.pdf", "document", 12_345, "ab" * 32, "pages 1 to 3"),),
    notes=("An image was left out.",),
)


def html_of(answer: Answer, *, show_reasoning: bool = False) -> str:
    data, _ = record(answer, show_reasoning=show_reasoning)
    return str(data["text/html"])


def test_record_has_the_answer_in_three_forms() -> None:
    data, _ = record(ANSWER)
    assert set(data) == {"text/html", "text/markdown", "text/plain"}
    assert words(render(ANSWER.text)).replace("print", "pythonprint") in words(data["text/html"])
    assert "\n\n# Result\n\n**42**, that is $6 \\times 7$ for \\$5." in data["text/markdown"]
    assert data["text/plain"] == ANSWER.text


def test_plain_text_moves_no_cursor() -> None:
    assert record(Answer("a\x1b]0;title\x07\tb\r\n\x9b2J"))[0]["text/plain"] == "a␛]0;title␇\tb\n\ufffd2J"


def test_each_block_of_code_has_a_frame_and_its_language() -> None:
    html = html_of(Answer("```python\nx\n```\n\n    y\n\n- a\n\n  ```<b>\n  z\n  ```\n\n```js\nw\n```"))
    assert html.count("border:1px solid") == html.count("overflow-x:auto") == 4
    assert re.findall(r'padding:6px 10px">(?:<small[^>]*>([^<]*)</small>)?<pre', html) == ["python", "", "", "js"]


def test_no_text_gets_into_the_frame_of_a_block_of_code() -> None:
    fake = '<div class="highlight" data-language="x"><pre><code>'
    html = html_of(Answer(f'{fake}\n\n[a](https://example.org "{fake}")\n\n`{fake}`\n\n```\n{fake}\n```'))
    assert html.count("border:1px solid") == 1


def test_same_answer_gives_the_same_record() -> None:
    assert json.dumps(record(ANSWER)) == json.dumps(record(replace(ANSWER)))


def test_footer_says_who_and_how_much() -> None:
    assert footer(ANSWER) == "qwen3.8-max @ beijing · 1,204 tokens in, 356 out (120 thinking) · 3.2 s"
    for form in record(ANSWER)[0]["text/html"], record(ANSWER)[0]["text/markdown"]:
        assert footer(ANSWER) in form
        assert "report.pdf (document, 12.3 kB, pages 1 to 3)" in form
        assert "An image was left out." in form


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (STOPPED, "stopped"),
        (FAILED, "failed: the answer broke off"),
        ("length", "cut off at the token limit"),
        ("new_word", "new_word"),
    ],
)
def test_footer_says_how_an_answer_ended_before_its_end(reason: str, said: str) -> None:
    assert footer(replace(ANSWER, finish_reason=reason)).endswith(f" · {said}")


def test_answer_of_which_nothing_is_known_has_no_footer() -> None:
    assert html_of(Answer("Hi.")).partition("\n")[2] == "<p>Hi.</p>\n</div>"


def test_thinking_is_folded_in_the_record_and_open_when_asked_for() -> None:
    data, _ = record(ANSWER)
    assert "<details>\n<summary>Thinking</summary>\n<p>Six times <em>seven</em>.</p>" in data["text/html"]
    assert "<details>\n<summary>Thinking</summary>\n\nSix times *seven*.\n\n</details>" in data["text/markdown"]
    assert "seven" not in data["text/plain"]
    data, _ = record(ANSWER, show_reasoning=True)
    assert "<details open>" in data["text/html"]
    assert "<details open>" in data["text/markdown"]
    assert data["text/plain"] == f"Six times *seven*.\n\n{ANSWER.text}"


def test_of_long_thinking_the_beginning_and_the_end_are_saved() -> None:
    thinking = "first " + "so " * 100_000 + "last"
    data, _ = record(Answer("42", thinking))
    for form in ("text/html", "text/markdown"):
        assert len(data[form]) < 25_000
        assert "first so" in data[form]
        assert "so last" in data[form]
        assert "(280,010 characters left out)" in data[form]


def test_metadata_has_the_facts_of_the_request() -> None:
    _, metadata = record(ANSWER)
    assert metadata == {
        "qwen": {
            "endpoint": "beijing",
            "model": "qwen3.8-max",
            "usage": {"input": 1204, "output": 356, "reasoning": 120},
            "request_id": "req-1",
            "finish_reason": "stop",
            "seconds": 3.205,
            "attachments": [
                {
                    "name": "report.pdf",
                    "kind": "document",
                    "size": 12_345,
                    "sha256": "ab" * 32,
                    "note": "pages 1 to 3",
                }
            ],
            "notes": ["An image was left out."],
        }
    }


def test_only_marked_formulas_are_typeset() -> None:
    html = html_of(ANSWER)
    assert html.startswith('<div class="qwen-record mathjax_ignore tex2jax_ignore" ')
    assert html.count("mathjax_process") == 1
    assert "for $5." in html


def test_pages_that_were_found_are_listed_with_their_hosts() -> None:
    pages = (Source(1, "A <page>", "https://example.com/a?b=1&c=2"), Source(3, "", "javascript:alert(1)"))
    html = html_of(replace(ANSWER, sources=pages))
    assert '<li value="1">' in html
    assert '<li value="3">javascript:alert(1)</li>' in html
    assert 'href="https://example.com/a?b=1&c=2"' in unescape(html)
    assert "A &lt;page&gt;</a> (example.com)" in html
    assert "javascript:alert(1)" in record(replace(ANSWER, sources=pages))[0]["text/markdown"]
    assert not dangers(html)


def test_wanted_calls_are_shown() -> None:
    html = html_of(Answer("", tool_calls=(ToolCall("1", "look_up", '{"word": "<b>"}'),), finish_reason="tool_calls"))
    assert "look_up" in html
    assert '{"word": "<b>"}' in words(html)


def test_wanted_calls_are_in_every_form_of_the_record() -> None:
    answer = Answer("", tool_calls=(ToolCall("1", "look_up", '{"word": "a\\nb"}'),), finish_reason="tool_calls")
    data, _ = record(answer)
    assert data["text/markdown"].startswith('*Wants to call look_up:*\n\n```json\n{"word": "a\\nb"}\n```')
    assert data["text/plain"] == 'Wants to call look_up:\n{"word": "a\\nb"}'


REORDERING = "abc\u202egnp.exe\u2066\u200f\u061c\u2028x"


def test_names_do_not_reorder_what_stands_beside_them() -> None:
    shown = "abc\ufffdgnp.exe\ufffd\ufffd\ufffd x"
    answer = Answer(
        "",
        model=REORDERING,
        attachments=(Attached(REORDERING, "document", 1, ""),),
        notes=(REORDERING,),
        sources=(Source(1, REORDERING, "https://example.com/"),),
        tool_calls=(ToolCall("1", REORDERING, "{}"),),
    )
    data, _ = record(answer)
    for form in ("text/html", "text/markdown", "text/plain"):
        assert not set("\u202e\u2066\u200f\u061c\u2028") & set(data[form])
        assert shown in data[form]
    assert footer(answer) == shown


@pytest.mark.parametrize("kind", PAYLOADS)
def test_nothing_hostile_is_in_a_record(kind: str) -> None:
    for payload in PAYLOADS[kind]:
        answer = replace(ANSWER, text=payload, reasoning=payload)
        data, metadata = record(answer, show_reasoning=True)
        json.dumps([data, metadata], ensure_ascii=False).encode()
        assert not dangers(data["text/html"]), payload


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_only_names(name: str) -> None:
    answer = Answer(
        "text",
        model=name,
        endpoint=name,
        finish_reason=name,
        request_id=name,
        attachments=(Attached(name, "document", 1, "", name),),
        notes=(name,),
        sources=(Source(1, name, name), Source(2, name, "https://example.com/" + name)),
        tool_calls=(ToolCall("1", name, name),),
    )
    data, metadata = record(answer)
    json.dumps([data, metadata], ensure_ascii=False).encode()
    assert not dangers(data["text/html"])
    permissive = MarkdownIt("commonmark", {"html": True}).enable("table")
    assert not dangers(permissive.render(data["text/markdown"]), foreign=True)
    assert "language-mermaid" not in permissive.render(data["text/markdown"])


def test_code_is_what_the_fences_hold_wherever_they_stand_and_however_they_name_their_language() -> None:
    text = (
        "1. In a list\n   ```python:names.py\n   def f():\n       return 1\n   ```\n"
        "> ~~~{.sql .numbered}\n> select 1\n> ~~~\n\n"
        "````md\n```\nnot a block of its own\n```\n````\n\n"
        "```c++\nint x;\n```\n\n```\nplain\n```\n\n```{r, echo=FALSE}\nstill open"
    )
    assert [(block.language, str(block)) for block in Answer(text).code] == [
        ("python", "def f():\n    return 1\n"),
        ("sql", "select 1\n"),
        ("md", "```\nnot a block of its own\n```\n"),
        ("c++", "int x;\n"),
        ("", "plain\n"),
        ("r", "still open"),
    ]
