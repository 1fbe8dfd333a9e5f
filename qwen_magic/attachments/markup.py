"""The words of a web page or of a book's chapter, without the markup. With the standard library's parser."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["words"]

SILENT = {"script", "style", "template", "noscript", "svg", "head", "iframe", "object"}
BLOCKS = {
    *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "footer"),
    *("form", "header", "hr", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"),
}
HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
CELLS = {"td", "th"}
BEFORE = {**{name: f"\n\n{signs} " for name, signs in HEADINGS.items()}, "li": "\n- "}


class Words(HTMLParser):
    """Collects the text of a page; `pre` keeps its spaces."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0
        self._kept = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._silent += 1
        self._kept += tag == "pre"
        self.pieces.append(BEFORE.get(tag, "\n" if tag in BLOCKS else ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.pieces.append("\n" if tag in BLOCKS else "")

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT and self._silent:
            self._silent -= 1
        self._kept -= tag == "pre" and self._kept > 0
        self.pieces.append("\n" if tag in BLOCKS or tag in HEADINGS else " | " if tag in CELLS else "")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data if self._kept else re.sub(r"\s+", " ", data))


def words(html: str) -> str:
    """The text of `html`: headings and list items marked, a line a block, a line a table's row."""
    parser = Words()
    parser.feed(html)
    parser.close()
    lines = (
        line.strip(" |") if line.strip(" |") == "" else line.rstrip(" |") for line in "".join(parser.pieces).split("\n")
    )
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
