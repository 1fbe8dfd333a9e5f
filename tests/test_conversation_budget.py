"""What is left out when a conversation grows longer than the model's window."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_magic.answer import Answer
from qwen_magic.conversations import SUMMARISE, Turn, fit
from qwen_magic.conversations.budget import weigh
from qwen_magic.errors import InputError
from qwen_magic.events import Usage
from qwen_magic.messages import Document, Image, Message

QUESTION = Message.user("?")


def turn(size: int, counted: int = 0, **fields: Any) -> Turn:
    """A turn of about this many tokens; `counted` is what the service said that it read."""
    usage = Usage(counted, 1) if counted else None
    return Turn(Message.user("x" * 4 * size), Answer("", usage=usage), model="qwen-plus", **fields)


def test_without_a_window_or_with_room_everything_is_sent() -> None:
    turns = [turn(100), turn(100)]
    for window in (None, 10_000):
        fitted = fit(turns, QUESTION, system="Be brief.", window=window)
        assert fitted.left_out == 0
        assert fitted.messages == (
            Message.system("Be brief."),
            *turns[0].messages,
            *turns[1].messages,
            QUESTION,
        )


def test_whole_turns_are_left_out_the_oldest_first() -> None:
    turns = [turn(100), turn(100), turn(100)]
    fitted = fit(turns, QUESTION, window=280, reserve=30)
    assert fitted.left_out == 1
    assert fitted.messages == (*turns[1].messages, *turns[2].messages, QUESTION)
    assert fitted.tokens <= 250


def test_pinned_turns_and_summaries_stay() -> None:
    turns = [turn(100, pinned=True), turn(100), turn(100, summary=True), turn(100)]
    fitted = fit(turns, QUESTION, window=250)
    assert fitted.left_out == 2
    assert fitted.messages == (*turns[0].messages, *turns[2].messages, QUESTION)


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([turn(100)], r"The question alone is about 1,\d\d\d tokens, and qwen-max takes 900 beside its answer"),
        ([turn(100, pinned=True)], "The question with the pinned turns is about"),
    ],
)
def test_a_question_that_does_not_fit_is_refused_before_it_is_sent(turns: list[Turn], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        fit(turns, Message.user("x" * 4_800), model="qwen-max", window=1_000, reserve=100)


def test_the_services_own_numbers_correct_the_estimate() -> None:
    plain, dense = [turn(100), turn(100)], [turn(100), turn(100, counted=450, estimate=225)]
    assert fit(dense, QUESTION, model="qwen-plus").tokens == 2 * fit(plain, QUESTION, model="qwen-plus").tokens
    assert fit(plain, QUESTION, model="qwen-plus", window=300).left_out == 0
    assert fit(dense, QUESTION, model="qwen-plus", window=300).left_out == 1
    assert fit(dense, QUESTION, model="another", window=300).left_out == 0
    assert fit(dense, QUESTION, model="qwen-plus").estimate == fit(plain, QUESTION).estimate, "kept uncorrected"


def test_what_was_never_estimated_does_not_spoil_the_correction() -> None:
    searched = [turn(100, counted=1_000_000, estimate=100)]
    assert fit(searched, QUESTION, model="qwen-plus").tokens <= 3 * fit([turn(100)], QUESTION).tokens
    with_document = fit([], Message.user("?", Document("file-fe-1")))
    assert with_document.estimate == 0
    assert with_document.tokens > 1_000


@given(st.lists(st.builds(turn, st.integers(0, 200), st.integers(0, 900), estimate=st.integers(0, 300))))
def test_the_same_conversation_is_always_cut_the_same_way(turns: list[Turn]) -> None:
    first, again = (fit(turns, QUESTION, model="qwen-plus", window=400) for _ in range(2))
    assert first == again
    assert first.tokens <= 400
    assert first.messages == (*(message for kept in turns[first.left_out :] for message in kept.messages), QUESTION)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("abcd" * 10, 10), ("abcde", 2), ("你好世界", 4), ("한국어", 3), ("你好 abc", 3)]
)
def test_chinese_japanese_and_korean_weigh_a_token_a_character(text: str, tokens: int) -> None:
    assert weigh([Message.user(text)]) - weigh([Message.user("")]) == tokens


def picture(data: bytes) -> Image:
    return Image(f"data:image/x;base64,{base64.b64encode(data).decode()}")


def png(width: int, height: int) -> Image:
    return picture(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, height) + b"\x08\x02")


def jpeg(width: int, height: int) -> Image:
    segments = b"\xff\xe1\x00\x06EXIF"[:8] + b"\xff\xc4\x00\x04ab"
    frame = b"\xff\xc2\x00\x11\x08" + struct.pack(">HH", height, width) + b"\x03" * 12
    return picture(b"\xff\xd8" + segments + frame)


UNKNOWN = 2_621_440 // 1024 + 2


@pytest.mark.parametrize(
    ("image", "tokens"),
    [
        (png(1024, 512), 512 + 2),
        (jpeg(1024, 512), 512 + 2),
        (png(10, 10), 64 + 2),
        (png(10_000, 10_000), UNKNOWN),
        (Image("https://example.org/a.png"), UNKNOWN),
        (Image("oss://a/b.png"), UNKNOWN),
        (picture(b"GIF89a"), UNKNOWN),
        (picture(b"\xff\xd8\xff"), UNKNOWN),
        (Image("data:image/png;base64,%%%"), UNKNOWN),
        (Image("data:image/png;base64,é"), UNKNOWN),
    ],
)
def test_pictures_weigh_what_the_services_formula_says(image: Image, tokens: int) -> None:
    assert weigh([Message.user("", image)]) - weigh([Message.user("")]) == tokens


def test_a_summary_is_asked_for_in_the_language_of_the_conversation() -> None:
    assert "language of the conversation" in SUMMARISE
