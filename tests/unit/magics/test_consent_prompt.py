"""How a person is asked about a call: all of it is there to read, and what they may answer."""

from __future__ import annotations

import json

import pytest

from qwen_magic.magics.consent_prompt import call_text, verdict_in
from qwen_magic.tools.consent import CallQuestion, Verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("y", Verdict(True)),
        (" Yes ", Verdict(True)),
        ("once", Verdict(True)),
        ("k", Verdict(True, for_kernel=True)),
        ("kernel", Verdict(True, for_kernel=True)),
        ("", Verdict(False)),
        ("n", Verdict(False)),
        ("No", Verdict(False)),
        ("yes, but not today", Verdict(False, reason="yes, but not today")),
        ("the city is\twrong", Verdict(False, reason="the city is wrong")),
    ],
)
def test_only_a_plain_yes_allows_a_call(answer: str, verdict: Verdict) -> None:
    assert verdict_in(answer) == verdict


def test_the_call_is_shown_with_all_of_its_arguments() -> None:
    arguments = {"city": "罗马", "notes": ["a" * 5_000, {"deep": [1, None]}]}
    text = call_text(CallQuestion("lookup", "Look up the weather.\n\nMore.", arguments))
    first, second, rest = text.split("\n", 2)
    assert first == "The model asks to call lookup:"
    assert second == "  Look up the weather."
    assert json.loads(rest) == arguments
    assert "罗马" in rest


@pytest.mark.parametrize(
    "character", ["\u202e", "\u2066", "\u200b", "\u00ad", "\x85", "\u2028", "\ud800", "\x1b", "\U000e0041"]
)
def test_what_cannot_be_seen_is_written_out(character: str) -> None:
    text = call_text(CallQuestion("run", "", {"command": f"ls{character}rm"}))
    assert character not in text
    assert json.loads(text.partition("\n")[2]) == {"command": f"ls{character}rm"}
