"""The words of a web page or of a book's chapter, without the markup.

nh3 (html5ever) reads the page as a browser does, with its optional and its forgotten tags, and leaves well-formed
elements of a few kinds; the standard library's parser goes through these: alone it takes time with the square of
comments and tags that nothing closes. markdownify was tried instead: it takes 4 s for a megabyte, and raises
RecursionError at 500 nested elements.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3

__all__ = ["words"]

# What is no text of the page, with all that is in it.
SILENT = {"script", "style", "template", "title", "svg", "math", "iframe", "object", "noscript", "textarea", "select"}
# In XHTML such an element may end where it begins; in HTML it would hold everything behind it.
SELF_CLOSED = re.compile(rf"<(?:{'|'.join(sorted(SILENT))})\b[^<>]*/>", re.IGNORECASE)
BLOCKS = {
    *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "footer"),
    *("form", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"),
}
HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
CELLS = {"td", "th"}
KNOWN = BLOCKS | set(HEADINGS) | CELLS | {"li"}
BEFORE = {**{name: f"\n\n{signs} " for name, signs in HEADINGS.items()}, "li": "\n- "}


class _TextExtractor(HTMLParser):
    """Collects the text of a page; `pre` keeps its spaces."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._kept = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._kept += tag == "pre"
        self.pieces.append(BEFORE.get(tag, "\n" if tag in BLOCKS else ""))

    def handle_endtag(self, tag: str) -> None:
        self._kept -= tag == "pre" and self._kept > 0
        self.pieces.append("\n" if tag in BLOCKS or tag in HEADINGS else " | " if tag in CELLS else "")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data if self._kept else re.sub(r"\s+", " ", data))


def words(html: str) -> str:
    """The text of `html`: headings and list items marked, a line a block, a line a table's row."""
    tidy = nh3.clean(SELF_CLOSED.sub("", html), tags=KNOWN, clean_content_tags=SILENT, attributes={}, link_rel=None)
    parser = _TextExtractor()
    parser.feed(tidy)
    parser.close()
    lines = ("" if not line.strip(" |#-") else line.rstrip(" |") for line in "".join(parser.pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
