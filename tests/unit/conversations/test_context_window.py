"""What is left out when a conversation grows longer than the model's window."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.faults import HEADERS, LAST, FaultServer, framed, plain
from support.kernels import Kernel
from support.wire import chunk, sse

from qwen_magic.conversations import SUMMARISE, Limits, Turn, fit
from qwen_magic.conversations.context_window import measure
from qwen_magic.core.answer import Answer
from qwen_magic.core.errors import InputError
from qwen_magic.core.events import Usage
from qwen_magic.core.messages import Document, Image, Message

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


def test_the_body_and_its_images_have_limits_of_their_own() -> None:
    seen = Turn(Message.user("?", picture(b"x" * 3_000)), Answer("!"), pinned=False)
    assert fit([seen, turn(1)], QUESTION, limits=Limits(body=6_000, images=1)).left_out == 0
    assert fit([seen, turn(1)], QUESTION, limits=Limits(body=4_000)).left_out == 1
    assert fit([seen, seen, turn(1)], QUESTION, limits=Limits(images=1)).left_out == 1
    with pytest.raises(InputError, match="The question alone has 2 images, and a request takes 1"):
        fit([], Message.user("?", *seen.question.images * 2), limits=Limits(images=1))


def test_beside_documents_turns_without_one_are_left_out_first() -> None:
    read = Turn(Message.user("x" * 400, Document("file-fe-1")), Answer(""))
    turns = [turn(100), read, turn(100), turn(100)]
    fitted = fit(turns, QUESTION, limits=Limits(words=250))
    assert fitted.messages == (*read.messages, *turns[3].messages, QUESTION)
    assert fit([turn(100), turn(100)], QUESTION, limits=Limits(words=100)).left_out == 0, "there is no document"


def test_the_thinking_of_earlier_turns_counts_where_it_is_sent() -> None:
    thought = Turn(Message.user("?"), Answer("!", reasoning="x" * 400))
    sizes = [fit([thought], QUESTION, model=model).tokens for model in ("qwen3.8-max", "qwen-plus")]
    assert sizes[0] == sizes[1] + 100


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("abcd" * 10, 10), ("abcde", 2), ("你好世界", 4), ("한국어", 3), ("你好 abc", 3)]
)
def test_chinese_japanese_and_korean_weigh_a_token_a_character(text: str, tokens: int) -> None:
    assert measure([Message.user(text)]).tokens - measure([Message.user("")]).tokens == tokens


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
    assert measure([Message.user("", image)]).tokens - measure([Message.user("")]).tokens == tokens


def test_some_models_read_pictures_in_smaller_squares() -> None:
    assert (
        measure([Message.user("", png(1120, 560))], "qvq-max").tokens - measure([Message.user("")]).tokens
        == 40 * 20 + 2
    )


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A local server that does not count tokens."""
    with FaultServer((HEADERS, framed(sse(chunk(content="Yes."), chunk("stop"))), LAST)) as running:
        yield running


def listing(window: int | None) -> bytes:
    meta = {"meta": {"n_ctx": window}} if window else {}
    return plain("200 OK", json.dumps({"data": [{"id": "Qwen3-4B-GGUF", **meta}]}).encode())


ASK = "import qwen_magic; answer = qwen_magic.ask('word ' * {}, show=False); print(*answer.notes)"


def test_a_local_model_has_a_part_of_its_window_free_for_the_answer(notebook: Kernel, server: FaultServer) -> None:
    server.listing = listing(4_096)
    notebook.run(f"%qwen use {server.url}")
    result = notebook.run(ASK.format(3_200))
    assert "about 4,005 tokens, and Qwen3-4B-GGUF takes 3,072 beside its answer" in result.error
    assert not server.requests
    results = [notebook.run(ASK.format(1_500), cell_id=f"c{number}") for number in range(3)]
    assert [result.text.strip() for result in results] == ["", "1 earlier turn left out", "2 earlier turns left out"]


def test_a_window_that_a_local_server_does_not_tell_is_not_guessed(notebook: Kernel, server: FaultServer) -> None:
    server.listing = listing(None)
    notebook.run(f"%qwen use {server.url}")
    results = [notebook.run(ASK.format(2_000), cell_id=f"c{number}").text for number in range(2)]
    assert results[0].strip() == ""
    assert f"{server.url} does not say how many it reads" in results[1]
    assert server.requests[-1].count(b"word word") == 2_000


def test_a_summary_is_asked_for_in_the_language_of_the_conversation() -> None:
    assert "language of the conversation" in SUMMARISE
