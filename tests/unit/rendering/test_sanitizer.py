"""The last gate before the page lets nothing through that acts, whatever it is given."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt
from support.hostile.inert import dangers
from support.hostile.payloads import HOSTILE_NAMES, PAYLOADS

from qwen_magic.rendering.markdown import render
from qwen_magic.rendering.sanitizer import sanitise


def test_there_are_enough_payloads() -> None:
    assert sum(map(len, PAYLOADS.values())) >= 150


@pytest.mark.parametrize("kind", PAYLOADS)
def test_nothing_hostile_is_in_a_rendered_answer(kind: str) -> None:
    for payload in PAYLOADS[kind]:
        assert not dangers(render(payload)), payload


@pytest.mark.parametrize("kind", PAYLOADS)
def test_gate_holds_alone(kind: str) -> None:
    careless = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    careless.validateLink = lambda url: True  # type: ignore[method-assign]  # how markdown-it documents to replace it
    for payload in PAYLOADS[kind]:
        text = payload.encode("utf-8", "replace").decode("utf-8")
        assert not dangers(sanitise(text)), payload
        assert not dangers(sanitise(careless.render(text))), payload


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_language_of_a_fence_cannot_break_out(name: str) -> None:
    html = render(f"```{' '.join(name.split())}\nx\n```")
    assert not dangers(html)
    assert "<pre><code>x" in html or "<code>" in html


@pytest.mark.parametrize(
    "html",
    [
        '<p id="main" name="x" style="position:fixed" data-x="1" class="jp-Dialog" onclick="alert(1)" hidden>x</p>',
        '<p title="x" lang="en" dir="rtl" tabindex="0" aria-label="x">x</p>',
    ],
)
def test_paragraph_has_no_attributes(html: str) -> None:
    assert sanitise(html).replace(' class=""', "") == "<p>x</p>"


def test_link_opens_elsewhere_and_tells_nobody() -> None:
    html = sanitise('<a href="https://example.com" target="_self" rel="opener">x</a>')
    assert 'target="_blank"' in html
    assert 'rel="noopener noreferrer"' in html


def test_cells_keep_their_alignment_and_no_other_style() -> None:
    html = sanitise(
        '<table><tbody><tr><td style="text-align:right">1</td>'
        '<td style="text-align:right;background:url(https://evil.invalid)">2</td></tr></tbody></table>'
    )
    assert html.count("style") == 1
