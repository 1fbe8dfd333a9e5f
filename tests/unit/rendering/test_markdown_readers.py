"""The markdown that is saved and exported is harmless in every front-end, whatever its parser is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import node_packages
from support.hostile.inert import words
from support.hostile.payloads import FRAGMENTS, HOSTILE_NAMES, PAYLOADS
from support.hostile.readers import Readers, reading
from support.paths import CORPUS

from qwen_magic.conversations import Conversation
from qwen_magic.conversations.turns import Turn
from qwen_magic.core.answer import Answer, Attached
from qwen_magic.core.events import Source
from qwen_magic.core.messages import Message, ToolCall
from qwen_magic.rendering.markdown import neutralise, render
from qwen_magic.rendering.mimebundle import record

TEXTS = sorted(CORPUS.glob("*.md"))


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with reading(node_packages.SOURCES / "readers.mjs", node_packages.installed()) as running:
        yield running


def test_the_readers_are_as_careless_as_those_of_the_front_ends(readers: Readers) -> None:
    found = readers.dangers("<img src=x onerror=alert(1)> ![a](https://evil.invalid/x)")
    assert {name for name, _, _ in found} >= {"jupyterlab", "marked", "markdown-it", "remark", "nbconvert", "mistune"}


@pytest.mark.parametrize("kind", PAYLOADS)
def test_the_record_and_the_transcript_are_harmless_to_every_reader(readers: Readers, kind: str) -> None:
    for payload in PAYLOADS[kind]:
        answer = Answer(payload, reasoning=payload, model="qwen")
        chat = Conversation("talk", system=payload)
        chat.begin().keep(Turn(Message.user(payload), answer))
        saved, _ = record(answer, show_reasoning=True)
        assert not readers.dangers(neutralise(payload), str(saved["text/markdown"]), chat.transcript()), payload


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_only_names_to_every_reader(readers: Readers, name: str) -> None:
    answer = Answer(
        "text",
        model=name,
        endpoint=name,
        finish_reason=name,
        attachments=(Attached(name, "document", 1, "", name),),
        notes=(name,),
        sources=(Source(1, name, name), Source(2, name, "https://example.com/" + name)),
        tool_calls=(ToolCall("1", name, name),),
    )
    saved, _ = record(answer)
    assert not readers.dangers(str(saved["text/markdown"]))


@settings(deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join))
def test_noise_is_harmless_to_every_reader(readers: Readers, text: str) -> None:
    assert not readers.dangers(neutralise(text))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.stem))
def test_answers_read_alike_in_every_reader(readers: Readers, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    neutral = neutralise(text)
    assert not readers.dangers(neutral)
    pages = readers.pages([neutral])
    for name in {"marked", "markdown-it", "remark", "cmark-gfm"} & set(pages):
        assert letters(pages[name][0]) == letters(pages["markdown-it-py"][0]), name


def letters(html: str) -> str:
    """What is shown, without the marks of formulas, which readers show or not."""
    return "".join(char for char in words(html) if char.isalnum())


def test_emphasis_of_any_depth_is_written_and_read(readers: Readers) -> None:
    deep = "*a **b " * 500 + "x" + " b** a*" * 500
    neutral = neutralise(deep)
    assert not readers.dangers(neutral)
    assert words(render(neutral)).split() == words(render(deep)).split()
    saved, _ = record(replace(Answer(deep), reasoning=deep))
    assert "x" in saved["text/markdown"]
