"""Thinking that a server leaves inside the text, the switch for thinking, and how both look."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.faults import HEADERS, LAST, FaultServer, framed, plain
from support.wire import chunk, decode, question, reasoning, sse, text

from qwen_magic.assistant.answer_builder import AnswerBuilder
from qwen_magic.assistant.assistant import Assistant
from qwen_magic.assistant.question import Question
from qwen_magic.core.answer import Answer
from qwen_magic.core.events import Event, ReasoningDelta, Recast, TextDelta
from qwen_magic.core.settings import Settings
from qwen_magic.protocols import LOCAL, SERVICE, Dialect
from qwen_magic.rendering.answer_state import GrowingAnswer, SectionName
from qwen_magic.rendering.markdown import render
from qwen_magic.rendering.mimebundle import record
from qwen_magic.rendering.page_messages import AnswerPatch, SectionState
from qwen_magic.rendering.views.silent import SilentView
from qwen_magic.service.credentials import Credentials

THOUGHT = "Is 2 < 3?\n```\n</think>\n```\nThat `</think>`\nis no </think> end.\n"
SAID = "Yes, </think> it is.\n</think>\n"
WHOLE = f"{THOUGHT}</think>\n\n{SAID}"
# It has no choice, on a server that leaves the thinking where it is.
ALWAYS = "qwq-plus"


def events_of(*pieces: str, model: str = "some-model", finish: str = "stop", dialect: Dialect = LOCAL) -> list[Event]:
    body = sse(*(chunk(content=piece) for piece in pieces), chunk(finish))
    return decode(body, request=question(model), dialect=dialect)


def collected(events: list[Event]) -> Answer:
    reply = AnswerBuilder()
    reply.add(events)
    return reply.answer(model="m", endpoint="e")


def said(*pieces: str, **options: Any) -> tuple[str, str]:
    answer = collected(events_of(*pieces, **options))
    return answer.reasoning, answer.text


def cut(whole: str, *places: int) -> list[str]:
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]


@pytest.mark.parametrize("model", ["some-model", ALWAYS])
def test_a_closing_tag_alone_ends_the_thinking_wherever_the_stream_is_cut(model: str) -> None:
    whole = WHOLE if model != ALWAYS else WHOLE.replace("</think>", "", 3)
    thought = THOUGHT if model != ALWAYS else THOUGHT.replace("</think>", "")
    for places in combinations(range(len(THOUGHT) - 20, len(whole)), 2):
        assert said(*cut(whole, *places), model=model) == (thought, SAID), places
    assert said(*whole, model=model) == (thought, SAID)


@pytest.mark.parametrize(
    "whole",
    [
        "Close it with `</think>`\nand go on.",
        "The tag </think>\nis a tag.",
        "```html\n</think>\n```\n",
        "~~~\n```\n</think>\n~~~",
        "First <think>\nthen\n</think>\nand so on.",
        "x</think> y",
        "1 < 2 </thin",
        "</think",
        'print("</think>")\n',
        "(</think>)",
    ],
)
def test_a_tag_that_is_talked_about_is_text(whole: str) -> None:
    for place in range(len(whole) + 1):
        assert said(*cut(whole, place)) == ("", whole)
    assert said(*whole) == ("", whole)


def test_text_is_passed_on_before_anybody_can_tell_what_it_is() -> None:
    events = [
        event for event in events_of("Hm", " so.\n", "</thi", "nk>\n\nYes") if isinstance(event, TextDelta | Recast)
    ]
    assert events == [TextDelta("Hm"), TextDelta(" so.\n"), Recast("reasoning"), TextDelta("Yes")]


def test_a_model_that_always_thinks_is_shown_to_think() -> None:
    events = events_of("Hm", "…\n</think>\n\nYes", model=ALWAYS)
    assert (reasoning(events), text(events)) == ("Hm…\n", "Yes")
    assert not any(isinstance(event, Recast) for event in events)


@pytest.mark.parametrize(("finish", "expected"), [("stop", ("", "Yes, at once")), ("length", ("Yes, at once", ""))])
def test_thinking_without_an_end_was_the_answer_or_was_cut(finish: str, expected: tuple[str, str]) -> None:
    assert said("Yes,", " at once", model=ALWAYS, finish=finish) == expected


def test_where_thinking_has_a_field_of_its_own_a_tag_is_text() -> None:
    for model in ("some-model", ALWAYS):
        frames = (chunk(reasoning_content="Hm"), chunk(content="Yes\n</think>\nNo"), chunk("stop"))
        answer = collected(decode(sse(*frames), request=question(model)))
        assert (answer.reasoning, answer.text) == ("Hm", "Yes\n</think>\nNo")
    assert said("Yes\n</think>\nNo", dialect=SERVICE) == ("", "Yes\n</think>\nNo")


def test_hundred_thousand_tags_are_read_in_one_go() -> None:
    whole = "`</think>`\n" * 100_000
    assert said(*cut(whole, *range(100, len(whole), 100))) == ("", whole)


# --- on the page


class Page:
    """What `applyPatch` of `answer_state.js` does."""

    def __init__(self) -> None:
        self.sections: dict[SectionName, SectionState] = {
            "thinking": {"blocks": [], "tail": "", "append": ""},
            "answer": {"blocks": [], "tail": "", "append": ""},
        }

    def take(self, patch: AnswerPatch) -> None:
        for name, section in self.sections.items():
            if change := patch.get(name):
                section["blocks"][change["base"] :] = change["blocks"]
                if change["tail"] is not None:
                    section |= {"tail": change["tail"], "append": ""}
                section["append"] += change["append"]


def batches(events: list[Event], places: list[int]) -> Iterator[list[Event]]:
    for a, b in zip([0, *places], [*places, len(events)], strict=True):
        yield events[a:b]


SHOWN = "# So\n\nIt is **bold**, and\n\n- a list\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_becomes_thinking_leaves_the_answer_on_the_page(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(["some-model", ALWAYS]))
    whole = data.draw(st.sampled_from([f"{SHOWN}</think>\n\n{SHOWN}", SHOWN]))
    places = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    events = events_of(*cut(whole, *places), model=model)
    known = data.draw(st.integers(0, len(events)))  # the rest came when nobody looked any more
    growing, page = GrowingAnswer(), Page()
    for batch in batches(events[:known], sorted(data.draw(st.lists(st.integers(0, known), max_size=8)))):
        page.take(growing.take(batch))
        for name, section in page.sections.items():
            assert section == {**growing.state[name], "blocks": [*growing.state[name]["blocks"]]}
    answer = collected(events)
    page.take(growing.end(answer))
    assert answer.text == SHOWN
    assert "".join(page.sections["answer"]["blocks"]) == render(answer.text) == growing.html
    assert "".join(page.sections["thinking"]["blocks"]) == render(answer.reasoning)


def test_the_time_before_the_tag_was_thinking() -> None:
    growing = GrowingAnswer()
    growing.take([TextDelta("Hm.\n")])
    patch = growing.take([Recast("reasoning")])
    assert patch["progress"]["phase"] == "thinking"
    assert growing.take([TextDelta("Yes")])["progress"]["phase"] == "answering"
    assert growing.take([])["progress"]["thought"] > 0


# --- the switch

LISTING = plain("200 OK", b'{"data": [{"id": "m"}]}')


@pytest.mark.parametrize(
    ("think", "pieces", "note"),
    [
        (False, [chunk(reasoning_content="Hm"), chunk(content="Yes")], "thinking was switched off, and came"),
        (False, [chunk(content="Hm\n</think>\nYes")], "thinking was switched off, and came"),
        (True, [chunk(content="Yes")], "thinking was asked for, and none came"),
        (True, [chunk(reasoning_content="Hm"), chunk(content="Yes")], ""),
        (True, [chunk(content="Yes"), {"usage": {"completion_tokens_details": {"reasoning_tokens": 9}}}], ""),
        (False, [chunk(content="Yes")], ""),
        (None, [chunk(reasoning_content="Hm"), chunk(content="Yes")], ""),
        (None, [chunk(content="Yes")], ""),
    ],
)
def test_a_switch_for_thinking_that_did_nothing_is_named_below_the_answer(
    think: bool | None, pieces: list[dict[str, Any]], note: str
) -> None:
    with FaultServer((HEADERS, framed(sse(*pieces, chunk("stop"))), LAST)) as server:
        server.listing = LISTING
        assistant = Assistant(Settings(endpoint=server.url), Credentials({}))
        answer = assistant.ask(Question("Well?", model="m", think=think), SilentView())
        assistant.close()
    assert answer.text == "Yes"
    shown = str(record(answer)[0])
    assert (note or "thinking was") in shown if note else "thinking was" not in shown


def test_the_thinking_is_not_sent_back_as_an_answer() -> None:
    script = (HEADERS, framed(sse(chunk(content="SECRET THOUGHT\n</think>\n\nYes"), chunk("stop"))), LAST)
    with FaultServer(script) as server:
        server.listing = LISTING
        assistant = Assistant(Settings(endpoint=server.url), Credentials({}))
        for _ in range(2):
            answer = assistant.ask(Question("Well?", model="m"), SilentView())
        assistant.close()
        assert (answer.reasoning, answer.text) == ("SECRET THOUGHT\n", "Yes")
        assert b"SECRET THOUGHT" not in server.requests[1]
        assert b'"content":"Yes"' in server.requests[1]


def test_a_recast_of_reasoning_in_the_text_s_place_keeps_the_order() -> None:
    reply = AnswerBuilder()
    reply.add([ReasoningDelta("a"), TextDelta("b"), Recast("reasoning"), TextDelta("c")])
    answer = reply.answer(model="m", endpoint="e")
    assert (answer.reasoning, answer.text) == ("ab", "c")
