"""Conversations in files: what is saved is loaded again, what is not whole is refused, and exports can be read."""

from __future__ import annotations

import json
import os
import time
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_magic.conversations import CellRef, Conversation, Conversations, Turn
from qwen_magic.conversations.ordering import Place
from qwen_magic.conversations.serialization import Saved, load, write_in_one_piece
from qwen_magic.core.answer import STOPPED, Answer, Attached
from qwen_magic.core.errors import InputError
from qwen_magic.core.events import Source, Usage
from qwen_magic.core.messages import Document, Image, Message, Text, ToolCall
from qwen_magic.core.tool_rounds import ToolResult, ToolRound

PICTURE = "data:image/png;base64,iVBORw0KGgo="

# A file as version 1 wrote it: it must load for ever.
VERSION_1 = """{
 "format": "qwen_magic conversation", "version": 1, "name": "review", "system": "Be brief.", "model": null,
 "turns": [
  {"place": {"cell": "c0ffee", "number": 1}, "cell": {"id": "c0ffee", "run": "r1"}, "model": "qwen-vl-plus",
   "asked": 1795000000, "pinned": true, "estimate": 99, "a field of the future": [],
   "question": {"role": "user", "parts": [
    {"type": "image", "url": "", "name": "a.png", "sha256": "ab"},
    {"type": "document", "file_id": "file-fe-1", "name": "b.pdf", "sha256": "cd"},
    {"type": "text", "text": "Was ist das? 这是什么？"}]},
   "answer": {"text": "A cat.", "reasoning": "Hm.", "model": "qwen-vl-plus", "endpoint": "beijing",
    "usage": {"input": 12, "output": 3, "image": 7}, "finish_reason": "stop", "request_id": "id", "seconds": 1.5,
    "tool_calls": [{"id": "1", "name": "f", "arguments": "{}"}], "sources": [{"index": 1, "title": "t", "url": "u"}],
    "attachments": [{"name": "a.png", "kind": "image", "size": 8, "sha256": "ab", "note": "shrunk"}], "notes": ["n"]}},
  {"place": null, "question": {"role": "user", "parts": [{"type": "text", "text": "?"}]}, "answer": {"text": "!"}}]}"""

FIRST = Turn(
    Message.user("Was ist das? 这是什么？", Image("", "a.png", "ab"), Document("file-fe-1", "b.pdf", "cd")),
    Answer(
        "A cat.",
        "Hm.",
        "qwen-vl-plus",
        "beijing",
        Usage(12, 3, image=7),
        "stop",
        "id",
        1.5,
        (ToolCall("1", "f", "{}"),),
        (Source(1, "t", "u"),),
        (Attached("a.png", "image", 8, "ab", "shrunk"),),
        ("n",),
    ),
    "qwen-vl-plus",
    1795000000.0,
    CellRef("c0ffee", "r1"),
    pinned=True,
    estimate=99,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
st.register_type_strategy(int, st.integers(1 - 2**53, 2**53 - 1))
st.register_type_strategy(float, st.floats(1 - 2**53, 2**53 - 1))
NUMBERS = st.floats(1 - 2**53, 2**53 - 1)


def every(kind: type[Any], **known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Values with every field drawn, also those that have a default or are new."""
    return st.builds(kind, **({field.name: ... for field in fields(kind)} | known))


ADDRESSES = st.sampled_from(["", "https://a.example/b.png"]) | ANY_TEXT.map("data:image/png;base64,{}".format)
PARTS = st.one_of(every(Text, text=ANY_TEXT), every(Image, url=ADDRESSES), every(Document))
RESULTS = every(ToolResult, parts=st.lists(PARTS, max_size=2).map(tuple), seconds=NUMBERS)
ROUNDS = every(ToolRound, results=st.lists(RESULTS, max_size=2).map(tuple))
TURNS = every(
    Turn,
    question=every(Message, parts=st.lists(PARTS, max_size=3).map(tuple)),
    answer=every(
        Answer,
        text=ANY_TEXT,
        seconds=NUMBERS,
        usage=st.none() | every(Usage),
        rounds=st.lists(ROUNDS, max_size=2).map(tuple),
    ),
    asked=NUMBERS,
)


@st.composite
def conversations(draw: st.DrawFn) -> Saved:
    turns = draw(st.lists(TURNS, max_size=4))
    places = draw(
        st.lists(st.builds(Place, ANY_TEXT.filter(bool), st.integers(0, 3)), min_size=4, max_size=4, unique=True)
    )
    bound = draw(st.lists(st.booleans(), min_size=4, max_size=4))
    placed = tuple((place if yes else None, turn) for place, yes, turn in zip(places, bound, turns, strict=False))
    return Saved(draw(ANY_TEXT), draw(st.none() | ANY_TEXT), draw(st.none() | ANY_TEXT), placed)


@settings(max_examples=60, deadline=None)
@given(conversations())
def test_what_is_saved_with_its_contents_is_loaded_again(saved: Saved) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "chat.json")
        Conversation.from_saved(saved).save(path, contents=True)
        assert load(path) == saved


def some() -> Conversation:
    conversation = Conversation("review", system="Sois bref. 简短。", model="qwen-vl-plus")
    picture = Image(PICTURE, "a.png", "ab12")
    conversation.begin(CellRef("one", "1")).keep(Turn(Message.user("Look", picture), Answer("A cat."), asked=60.0))
    conversation.begin(CellRef("two", "1")).keep(Turn(Message.user("And?"), Answer("A half", finish_reason=STOPPED)))
    conversation.begin().keep(Turn(Message.user("结束"), Answer("再见\u2028")))
    return conversation


def test_a_loaded_conversation_goes_on_where_the_notebook_was(tmp_path: Path) -> None:
    some().save(tmp_path / "chat.json", contents=True)
    loaded = Conversation.load(tmp_path / "chat.json")
    assert loaded.messages() == some().messages()
    with loaded.begin(CellRef("two", "after the restart")) as reserved:
        assert [turn.question.text for turn in reserved.context] == ["Look"]
        assert reserved.replaces is not None
    with loaded.begin() as reserved:
        assert reserved.replaces is None


def test_pictures_are_saved_by_their_hash_unless_contents_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    some().save(path)
    assert "base64" not in path.read_text(encoding="utf-8")
    loaded = Conversation.load(path)
    assert loaded.turns[0].question.images == (Image("", "a.png", "ab12"),)
    assert loaded.messages()[1].parts[0] == Text("[A picture was attached here: a.png. It is not there any more.]")
    again = tmp_path / "again.json"
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()


def test_a_picture_on_the_web_keeps_its_address(tmp_path: Path) -> None:
    conversation = Conversation()
    conversation.begin().keep(Turn(Message.user("?", Image("https://example.org/a.png")), Answer("!")))
    conversation.save(tmp_path / "chat.json")
    assert Conversation.load(tmp_path / "chat.json").turns == conversation.turns


def test_a_file_of_version_1_loads(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_text(VERSION_1, encoding="utf-8")
    assert load(path) == Saved(
        "review",
        "Be brief.",
        None,
        ((Place("c0ffee", 1), FIRST), (None, Turn(Message.user("?"), Answer("!")))),
    )


def test_a_file_cut_anywhere_is_refused_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    some().save(path)
    whole = path.read_bytes()
    for length in range(len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(
            InputError, match=r"is empty|is not a saved conversation|is cut short, or not JSON any more"
        ):
            load(path)
    path.write_bytes(whole)
    load(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\x00", "is not a saved conversation"),
        (b"\x89PNG\r\n", "is not a saved conversation"),
        (b"[" * 100_000, "is not a saved conversation"),
        (b'{"cells": [], "nbformat": 4}', "is not a saved conversation"),
        (b"[]", "is not a saved conversation"),
        (b'{"format": "qwen_magic conversation", "turns": [{]}', "is damaged: it is cut short, or not JSON"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "chat.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        load(path)


def changed(*path: str | int, to: Any) -> str:
    data = json.loads(VERSION_1)
    at = data
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    return json.dumps(data)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (changed("version", to=2), "newer qwen_magic .format 2; this one reads 1.* pip install --upgrade"),
        (changed("version", to="1"), "version is not a whole number"),
        (changed("name", to=None), "name is not a text"),
        (changed("turns", to={}), "turns is not a list"),
        (changed("turns", 0, to=7), r"turns\[0\] is not an object"),
        (changed("turns", 0, "question", to={"role": "user"}), r"turns\[0\].question has no parts"),
        (changed("turns", 0, "question", "role", to="root"), "question.role is none of system, user"),
        (changed("turns", 0, "question", "parts", 0, "type", to=[]), r"parts\[0\].type is none of text, image"),
        (changed("turns", 0, "answer", "usage", "input", to=1.5), "answer.usage.input is not a whole number"),
        (changed("turns", 0, "answer", "seconds", to=10**400), "answer.seconds is too large a number"),
        (changed("turns", 0, "answer", "usage", "input", to=10**400), "answer.usage.input is too large a number"),
        (changed("turns", 0, "asked", to=7).replace('"asked": 7', '"asked": 1e999'), "asked is too large a number"),
        (changed("turns", 0, "asked", to=7).replace('"asked": 7', '"asked": NaN'), "asked is too large a number"),
        (changed("version", to=7).replace('"version": 7', '"version": ' + "9" * 5000), "is damaged: it is cut short"),
        (changed("turns", 0, "asked", to=7).replace("7", "[" * 9999 + "]" * 9999, 1), "is damaged: it is cut short"),
        (changed("turns", 0, "place", "number", to=True), "place.number is not a whole number"),
        (changed("turns", 0, "answer", "notes", to="no"), "answer.notes is not a list"),
        (changed("turns", 0, "question", "parts", 0, "url", to="file:///etc/passwd"), "url is no picture"),
        (changed("turns", 0, "pinned", to=1), "pinned is not true or false"),
        (changed("turns", 0, "place", to={"cell": "x"}), "place has no number"),
        (changed("turns", 1, "place", to={"cell": "c0ffee", "number": 1}), "two turns have the same place"),
    ],
)
def test_a_damaged_or_newer_file_says_where(tmp_path: Path, content: str, reason: str) -> None:
    path = tmp_path / "chat.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        load(path)


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "FILE:///etc/passwd", "/etc/passwd", "data:text/html,x", "ftp://a.example/a.png"),
        *("http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://0xA9FEA9FE/", "http://127.1/"),
        *("http://[fd00:ec2::254]/", "http://metadata.google.internal/", "http://localhost:8888/", "http://intranet/"),
        *("http://a@127.0.0.1/", "http://a.example\\@127.0.0.1/", "http://printer.local./", "http://100.100.100.200"),
    ],
)
def test_a_picture_that_only_this_machine_could_fetch_is_not_asked_for(tmp_path: Path, url: str) -> None:
    """A server on this machine would fetch it, and the model would read it."""
    path = tmp_path / "chat.json"
    path.write_text(changed("turns", 0, "question", "parts", 0, "url", to=url), encoding="utf-8")
    with pytest.raises(InputError, match=r"parts\[0\].url is no picture, and no public address of one"):
        load(path)


def test_a_file_that_is_not_there_or_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        Conversation.load(tmp_path / "none.json")
    with pytest.raises(InputError, match="is a folder"):
        Conversation.load(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        some().save(tmp_path / "no folder" / "chat.json")
    with pytest.raises(InputError, match="cannot be written"):
        some().save(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no devices and pipes with a name here")
def test_devices_pipes_and_links_to_nothing_are_neither_read_nor_written(tmp_path: Path) -> None:
    pipe, link, loop = (tmp_path / name for name in ("pipe.json", "link.json", "loop.json"))
    os.mkfifo(pipe)
    link.symlink_to(tmp_path / "target")
    loop.symlink_to(loop)
    for path in (Path("/dev/zero"), Path("/dev/null"), pipe, link, loop):
        with pytest.raises(InputError, match=r"not a file|link that leads") as refused:
            Conversation.load(path)
        assert "\n" not in str(refused.value)
        for write in (some().save, lambda path: write_in_one_piece(path, b"")):
            with pytest.raises(InputError, match=r"cannot be written: (It is no file|Too many levels|Permission)"):
                write(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "loop.json", "pipe.json"]


def test_a_link_to_a_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "chat.json")
    some().save(tmp_path / "chat.json")
    Conversation("other").save(tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert Conversation.load(tmp_path / "chat.json").name == Conversation.load(tmp_path / "link.json").name == "other"


def test_saving_leaves_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    some().save(path)
    old = path.read_bytes()
    stale = path.open("rb")
    Conversation("other").save(path)
    assert stale.read() == old
    stale.close()
    assert Conversation.load(path).name == "other"
    assert [file.name for file in tmp_path.iterdir()] == ["chat.json"]


def test_a_saved_conversation_takes_the_place_of_the_present_one_and_undo_brings_it_back(tmp_path: Path) -> None:
    some().save(tmp_path / "chat.json")
    shell = Conversations()
    review = shell.get("review")
    review.begin().keep(Turn(Message.user("present"), Answer("!")))
    assert shell.load(tmp_path / "chat.json") is review
    assert (len(review), review.model) == (3, "qwen-vl-plus")
    assert review.undo() == "the load"
    assert [turn.question.text for turn in review] == ["present"]
    assert review.model is None
    assert shell.load(tmp_path / "chat.json", "elsewhere").name == "elsewhere"


def test_a_conversation_resumed_in_a_cell_that_once_asked_loses_nothing(tmp_path: Path) -> None:
    some().save(tmp_path / "chat.json")
    shell, cell = Conversations(), CellRef("one", "new kernel")
    resumed = shell.load(tmp_path / "chat.json", cell=cell)
    shell.end_run(cell, ok=True)
    assert len(resumed) == 3


# --- exports


HOSTILE = '<script>alert(1)</script> <img src=x onerror=alert(1)> ![](https://evil.example/?q=1)\n\n```python\nopen("x'


def hostile() -> Conversation:
    conversation = Conversation("talk", system=HOSTILE)
    picture = Image(PICTURE, '"><script>alert(2)</script>.png')
    answer = Answer(HOSTILE, model="<b>qwen</b>", finish_reason=STOPPED)
    conversation.begin().keep(Turn(Message.user(HOSTILE, picture), answer, asked=1e300))
    conversation.begin().keep(Turn(Message.user("And now?"), Answer("**Good.**", model="qwen-plus"), asked=60.0))
    return conversation


def local_time(seconds: float) -> str:
    """A moment as this machine's clock shows it."""
    return time.strftime("%Y-%m-%d %H:%M (UTC%z)", time.localtime(seconds))


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_is_whole_and_harmless(tmp_path: Path) -> None:
    path = tmp_path / "talk.html"
    hostile().export(path)
    page = path.read_text(encoding="utf-8")
    tags = Tags(page).tags
    assert not {tag for tag, _ in tags} & {"script", "link", "iframe", "object", "base", "form"}
    assert not [name for _, attributes in tags for name in attributes if name.startswith("on")]
    assert {attributes["src"] for tag, attributes in tags if tag == "img"} == {PICTURE}
    assert any("default-src 'none'" in (attributes.get("content") or "") for _, attributes in tags)
    assert "<strong>Good.</strong>" in page
    assert local_time(60) in page
    assert "not finished (stopped)" in page


def test_the_transcript_reads_well_and_a_broken_off_answer_swallows_nothing(tmp_path: Path) -> None:
    some().export(tmp_path / "talk.md")
    text = (tmp_path / "talk.md").read_text(encoding="utf-8")
    assert f"**You** · {local_time(60)} · `a.png`\n\n> Look" in text
    assert "A half" in text
    assert "data:" not in text

    from qwen_magic.rendering.markdown import render

    shown = render(hostile().transcript())
    assert not {tag for tag, _ in Tags(shown).tags} & {"script", "img"}
    assert "<strong>Good.</strong>" in shown


def test_the_ending_says_what_is_exported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends neither in \.md nor in \.html"):
        some().export(tmp_path / "talk.pdf")
