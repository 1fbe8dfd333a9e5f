"""Markdown is understood as CommonMark and GitHub specify it; where it is not, this file says why.

The examples of CommonMark are its spec.json (https://spec.commonmark.org/0.31.2/spec.json), those of GitHub are in the
test/spec.txt of cmark-gfm (https://github.com/github/cmark-gfm). Neither is part of this package.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from qwen_magic.rendering.markdown import render
from qwen_magic.rendering.rules.links import LINK, host_of

COMMONMARK = os.environ.get("COMMONMARK_SPEC_JSON", "")
GITHUB = os.environ.get("GFM_SPEC_TXT", "")

# Raw HTML is shown as text, on purpose.
RAW_HTML = re.compile(r"<(?!https?:|mailto:)[A-Za-z/!?]")

DIFFERENT = {
    "Bare addresses are links, as GitHub has them; its spec has these examples from CommonMark, where they are none.": (
        *("http://example.com\n", "https://example.com\n", "foo@bar.example.com\n"),
        *("< http://foo.bar >\n", "< https://foo.bar >\n"),
        *("<http://foo.bar/baz bim>\n", "<https://foo.bar/baz bim>\n"),
    ),
    "A link leads to http, https or mailto only.": (
        "http://commonmark.org\n\n(Visit https://encrypted.google.com/search?q=Markup+(business))\n\n"
        "Anonymous FTP is available at ftp://foo.bar.baz.\n",
    ),
    r"Between \[ and \] is a formula.": ("".join(f"\\{mark}" for mark in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + "\n",),
}
TAGS_WITHOUT_END = ("br", "hr", "img", "input")


class Meaning(HTMLParser):
    """HTML, without what only looks different: frames, the kind of a box, how what is no link here would be one."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._links: list[bool] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._links.append(bool(LINK.fullmatch(values.get("href", ""))))
            self.parts += [f"<a {values['href']} {values.get('title')}>"] * self._links[-1]
        elif tag == "img":
            host = host_of(values["src"]) if LINK.fullmatch(values["src"]) else ""
            self.parts.append(" ".join(filter(None, (values["alt"], host and f"({host})"))))
        elif tag == "input":
            self.parts.append("☑" if "checked" in values else "☐")
        elif tag not in ("div", "span"):
            self.parts.append(f"<{self.name(tag)}{values.get('start', '')}>")

    def handle_endtag(self, tag: str) -> None:
        is_shown = self._links.pop() if tag == "a" and self._links else tag not in ("a", "div", "span")
        if is_shown and tag not in TAGS_WITHOUT_END:
            self.parts.append(f"</{self.name(tag)}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def name(self, tag: str) -> str:
        return {"del": "s"}.get(tag, tag)


def meaning(html: str) -> str:
    blocks = r"\s*(</?(?:p|li|ul|ol\d*|blockquote|h\d|table|thead|tbody|tr|t[hd]|pre|hr|br)>)\s*"
    return " ".join(re.sub(blocks, r"\1", "".join(Meaning(html).parts)).split())


def commonmark() -> Iterator[tuple[str, str]]:
    for example in json.loads(Path(COMMONMARK).read_text(encoding="utf-8")):
        yield example["markdown"], example["html"]


def github() -> Iterator[tuple[str, str]]:
    fence = "`" * 32
    pattern = re.compile(rf"^{fence} example[^\n]*\n(.*?)^\.\n(.*?)^{fence}$", re.MULTILINE | re.DOTALL)
    for found in pattern.finditer(Path(GITHUB).read_text(encoding="utf-8")):
        yield found[1].replace("→", "\t"), found[2].replace("→", "\t")


@pytest.mark.parametrize(
    "examples",
    [
        pytest.param(commonmark, marks=pytest.mark.skipif(not COMMONMARK, reason="COMMONMARK_SPEC_JSON names no file")),
        pytest.param(github, marks=pytest.mark.skipif(not GITHUB, reason="GFM_SPEC_TXT names no file")),
    ],
)
def test_every_example_means_what_its_spec_says_but_for_those_that_differ_on_purpose(
    examples: Callable[[], Iterator[tuple[str, str]]],
) -> None:
    known = {markdown for group in DIFFERENT.values() for markdown in group}
    different = [
        markdown
        for markdown, html in examples()
        if not RAW_HTML.search(markdown) and markdown not in known and meaning(render(markdown)) != meaning(html)
    ]
    assert different == []
