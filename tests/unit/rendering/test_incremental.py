"""An answer that comes in pieces is in the end what it would have been in one, and costs in proportion."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile.inert import dangers, words
from support.hostile.payloads import PAYLOADS
from support.long_answers import LONG
from support.paths import CORPUS

from qwen_magic.core.control_characters import visible
from qwen_magic.rendering.markdown import Blocks, Patch, neutralise, render
from qwen_magic.rendering.parser import normalised

TEXTS = sorted(CORPUS.glob("*.md"))
ANSWERS = [pytest.param(path.read_text(encoding="utf-8"), id=path.stem) for path in TEXTS]

# The examples of the CommonMark spec, as JSON (https://spec.commonmark.org/0.31.2/spec.json), where they are at hand.
SPEC = os.environ.get("COMMONMARK_SPEC_JSON", "")


class Page:
    """What a page shows: it does what `Patch` says."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self.tail = self.append = ""
        self.received = 0

    def apply(self, patch: Patch) -> None:
        self.blocks[patch.base :] = patch.blocks
        if patch.tail is not None:
            self.tail, self.append = patch.tail, ""
        self.append += patch.append
        self.received += sum(map(len, patch.blocks)) + len(patch.tail or "") + len(patch.append)

    @property
    def html(self) -> str:
        return "".join(self.blocks)


def shown(pieces: Iterable[str]) -> Page:
    """The page when the answer has ended; what was written for its record is what the whole would have given."""
    pieces = list(pieces)
    page, blocks = Page(), Blocks(written=True)
    for piece in pieces:
        blocks.feed(piece)
        page.apply(blocks.patch())
    page.apply(blocks.close())
    assert not page.tail
    assert not page.append
    whole = normalised("".join(pieces))
    assert blocks.markdown == (neutralise(whole) if visible(whole) == whole else None)
    return page


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def cut_randomly(text: str, random_: random.Random) -> list[str]:
    pieces = []
    while text:
        size = random_.choice([1, 1, 2, 3, 7, 20, 90])
        pieces.append(text[:size])
        text = text[size:]
    return pieces


@pytest.mark.parametrize("answer", ANSWERS)
def test_answer_is_the_same_wherever_it_was_cut_in_two(answer: str) -> None:
    whole = render(answer)
    for place in range(0, len(answer), 13):
        assert shown([answer[:place], answer[place:]]).html == whole


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("size", [1, 2, 5, 40, 1_000])
def test_answer_is_the_same_in_pieces_of_any_size(answer: str, size: int) -> None:
    assert shown(cut(answer, size)).html == render(answer)


@pytest.mark.parametrize("answer", ANSWERS)
def test_line_ends_of_any_system_are_the_same(answer: str) -> None:
    assert shown(cut(answer.replace("\n", "\r\n"), 1)).html == render(answer)
    assert shown(cut(answer.replace("\n", "\r"), 3)).html == render(answer)


# Some end a block, some open one, some do so only beside another.
LINES = r"""
# head|text|- item|  - nested|1. one|> quote|```|```py|~~~|    code|---|===|$$|\[|\]|\begin{align}|\end{align}|$x$|\(y\)
[^1]: note|[^n]|~x~|a@b.cc|www.a.b|**b `c [d](
**注意：**|*|[a]: https://a.b|[a]|[b]:|'title|title'|<div>|- [ ] task|`|_x_|  |\|||"""
FRAGMENTS = st.sampled_from(["| a | b |", "|---|---|", "\t", *LINES.replace("\n", "|").split("|")])


@settings(deadline=None)
@given(
    st.lists(st.tuples(FRAGMENTS, st.sampled_from(["\n", "\n", "\n\n", "", " ", "\n    "])), max_size=14),
    st.randoms(use_true_random=False),
)
def test_any_markdown_is_the_same_however_it_was_cut(lines: list[tuple[str, str]], random_: random.Random) -> None:
    text = "".join(map("".join, lines))
    whole = render(text)
    assert shown(text).html == whole
    assert shown(cut_randomly(text, random_)).html == whole


@settings(deadline=None)
@given(st.text(max_size=60), st.randoms(use_true_random=False))
def test_any_text_is_the_same_however_it_was_cut(text: str, random_: random.Random) -> None:
    assert shown(cut_randomly(text, random_)).html == render(text)


@pytest.mark.skipif(not SPEC, reason="COMMONMARK_SPEC_JSON names no file with the examples of the CommonMark spec")
def test_the_examples_of_the_spec_are_the_same_however_they_were_cut() -> None:
    random_ = random.Random(0)
    for example in json.loads(Path(SPEC).read_text(encoding="utf-8")):
        text = example["markdown"]
        assert shown(text).html == render(text)
        assert shown(cut_randomly(text, random_)).html == render(text)


@pytest.mark.parametrize("kind", PAYLOADS)
def test_nothing_hostile_is_on_the_page_at_any_moment(kind: str) -> None:
    for payload in PAYLOADS[kind]:
        page, blocks = Page(), Blocks()
        for char in payload:
            blocks.feed(char)
            page.apply(blocks.patch())
            assert not dangers(page.html + page.tail)
        page.apply(blocks.close())
        assert page.html == render(payload)


def test_finished_blocks_are_sent_once() -> None:
    blocks = Blocks()
    blocks.feed("# One\n\nTwo.\n\nThr")
    patch = blocks.patch()
    assert patch == Patch(0, ("<h1>One</h1>\n", "<p>Two.</p>\n"), "<p>Thr</p>\n")
    blocks.feed("ee.")
    assert blocks.patch() == Patch(2, (), "<p>Three.</p>\n")
    assert blocks.close() == Patch(2, ("<p>Three.</p>\n",), "")


def test_nothing_new_changes_nothing() -> None:
    blocks = Blocks()
    assert blocks.patch() == Patch(0, (), None)
    blocks.feed("word")
    blocks.patch()
    assert blocks.patch() == Patch(0, (), None)


def test_link_that_is_defined_later_is_sent_again_at_the_end() -> None:
    blocks = Blocks()
    blocks.feed("First.\n\nSee [there].\n\nLast.\n\n[there]: https://example.com\n")
    assert "href" not in "".join(blocks.patch().blocks)
    patch = blocks.close()
    assert patch.base == 1
    assert 'href="https://example.com"' in patch.blocks[0]


def test_open_fence_is_code_from_its_first_line() -> None:
    blocks = Blocks()
    blocks.feed("Look:\n```python\nx")
    patch = blocks.patch()
    assert patch.blocks == ("<p>Look:</p>\n",)
    assert patch.tail is not None
    assert patch.tail.startswith('<div class="highlight" data-language="python"><pre><code>')


@pytest.mark.parametrize(
    ("text", "tail"),
    [
        ("Here:\n-", "<p>Here:</p>\n"),
        ("Here:\n===", "<p>Here:</p>\n"),
        ("Here:\n| a | b |\n|--", "<p>Here:</p>\n"),
        ("```\nx\n``", '<div class="highlight"><pre><code>x\n</code></pre></div>\n'),
    ],
    ids=["heading or list", "heading", "table", "fence"],
)
def test_line_that_may_become_anything_does_not_flash(text: str, tail: str) -> None:
    blocks = Blocks()
    blocks.feed(text)
    assert blocks.patch().tail == tail


@pytest.mark.parametrize(
    ("text", "tail"),
    [
        ("a **bold", "a <strong>bold</strong>"),
        ("a **bold*", "a <strong>bold</strong>"),
        ("an *it", "an <em>it</em>"),
        ("**a *b", "<strong>a <em>b</em></strong>"),
        ("~~old", "<s>old</s>"),
        ("see `co", "see <code>co</code>"),
        ("**a `co", "<strong>a <code>co</code></strong>"),
        ("see [the te", "see the te"),
        ("see [the text](https://exa", "see the text"),
        ("see [**the** text][re", "see <strong>the</strong> text"),
        ("![a picture](data:ima", "a picture"),
        ("it is \\(a^2", "it is <code>a^2</code>"),
        ("it is $x_1 + y", "it is <code>x_1 + y</code>"),
        ("it is $x_1$ and", "it is <code>x_1</code> and"),
        ("so [^1", "so "),
    ],
)
def test_what_is_open_has_no_markers(text: str, tail: str) -> None:
    blocks = Blocks()
    blocks.feed(text)
    assert blocks.patch().tail == f"<p>{tail}</p>\n"
    assert blocks.close().blocks == (render(text),)


@pytest.mark.parametrize(
    "text", ["2 * 3 and", "*.py and", "a ~5 GB", "costs $5 and", "in [0, 1] and", "snake_case", "a_"]
)
def test_what_is_no_marker_stays(text: str) -> None:
    blocks = Blocks()
    blocks.feed(text + " more")
    assert blocks.patch().tail == f"<p>{text} more</p>\n"


@pytest.mark.parametrize("chunk", [3, 10, 40])
def test_long_list_shows_hardly_any_markers_while_it_grows(chunk: int) -> None:
    text = "".join(
        f"- **Item {n}:** see `code_{n}` and [the page](https://example.com/{n}?q=a_b), *now*.\n" for n in range(30)
    )
    page, blocks, frames, bad = Page(), Blocks(), 0, 0
    for piece in cut(text, chunk):
        blocks.feed(piece)
        page.apply(blocks.patch())
        frames += 1
        bad += any(marker in words(page.tail) + page.append for marker in ("**", "`", "[", "]("))
    page.apply(blocks.close())
    assert page.html == render(text)
    assert bad <= 0.03 * frames


def test_note_that_comes_later_makes_its_references() -> None:
    page = shown(cut("As he said.[^note]\n\nMore.\n\n[^note]: Smith.\n", 4))
    assert page.html == render("As he said.[^note]\n\nMore.\n\n[^note]: Smith.\n")
    assert "<sup>note</sup>" in page.blocks[0]


def test_formulas_are_counted_over_the_whole_answer() -> None:
    text = "A [link] and $x+y$.\n\n" * 2_000 + "[link]: https://example.com\n"
    page = shown(cut(text, 900))
    assert page.html == render(text)
    assert "<code>$x+y$</code>" in page.blocks[-1]


def test_text_is_never_hidden_for_long() -> None:
    answer = TEXTS[0].read_text(encoding="utf-8")
    page, blocks = Page(), Blocks()
    for place, char in enumerate(answer):
        blocks.feed(char)
        page.apply(blocks.patch())
        if place % 50 == 0:
            visible = len(words(page.html + page.tail)) + len(page.append)
            assert visible > 0.6 * len(words(render(answer[:place]))) - 120


@pytest.mark.parametrize("kind", LONG)
def test_work_and_bytes_are_linear(kind: str) -> None:
    make, times = LONG[kind]
    text = make(times)
    page, blocks = Page(), Blocks()
    for piece in cut(text, 100):
        blocks.feed(piece)
        page.apply(blocks.patch())
    page.apply(blocks.close())
    assert blocks.work < 45 * len(text)
    assert page.received < 45 * len(text)


def test_twice_the_answer_is_at_most_twice_the_work() -> None:
    answer = "\n".join(path.read_text(encoding="utf-8") for path in TEXTS if path.stem != "structure")
    costs = []
    for times in (4, 8):
        page, blocks = Page(), Blocks()
        for piece in cut(answer * times, 20):
            blocks.feed(piece)
            page.apply(blocks.patch())
        costs.append((blocks.work, page.received))
    assert costs[1][0] <= 2.1 * costs[0][0]
    assert costs[1][1] <= 2.1 * costs[0][1]


def test_end_of_a_long_code_block_is_seen_at_once() -> None:
    blocks = Blocks()
    for piece in cut("```python\n" + "x = 1\n" * 10_000, 500):
        blocks.feed(piece)
        blocks.patch()
    blocks.feed("```\n")
    assert len(blocks.patch().blocks) == 1
    blocks.feed("After it.")
    assert blocks.patch() == Patch(1, (), "<p>After it.</p>\n")


def test_long_open_code_grows_by_its_text() -> None:
    page, blocks = Page(), Blocks()
    source = "".join(f"line {number}\n" for number in range(5_000))
    for piece in cut("```\n" + source, 500):
        blocks.feed(piece)
        page.apply(blocks.patch())
    assert "".join((words(page.tail) + page.append).split()) == "".join(source.split())
