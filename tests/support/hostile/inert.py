"""What makes HTML dangerous to show, found by parsing it: used on whatever the package and other renderers put out."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["dangers", "words"]

TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "blockquote", "ul", "ol", "li", "hr", "pre", "div"),
    *("table", "thead", "tbody", "tr", "th", "td", "a", "br", "code", "em", "img", "s", "del", "span", "strong", "sup"),
    *("small", "details", "summary"),
}
ATTRIBUTES = {
    ("a", "href"),
    ("a", "title"),
    ("a", "target"),
    ("a", "rel"),
    ("img", "src"),
    ("img", "alt"),
    ("img", "title"),
    ("ol", "start"),
    ("details", "open"),
    ("div", "data-language"),
    *((tag, "style") for tag in ("div", "small", "span", "pre", "code")),
    ("li", "value"),
    ("th", "style"),
    ("td", "style"),
}
LINK = re.compile(r"(https?://|mailto:)[\x21-\uffff]+", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=]+")
STYLE = re.compile(
    r"text-align: ?(left|right|center)|padding:0 8px|(border:1px solid #8886;|background:none;)[a-z0-9 :;-]+"
    r"|display:block;(background-color:#[0-9a-f]{8}|(line-height:18px;)?opacity:0\.[67])"
)

# Other renderers give headings names, and cells and code blocks attributes of their own.
FOREIGN = {"id", "align", "lang"}
CLASS = re.compile(
    r"qwen-record|qwen-diff|task-list-item|highlight|math|inline|display|block|(mathjax|tex2jax)_(process|ignore)|[a-z0-9]{1,3}"
)


class Inspector(HTMLParser):
    def __init__(self, foreign: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.foreign = foreign
        self.found: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            if not self.is_harmless(tag, name, value or ""):
                self.found.append(f"<{tag} {name}={value!r}>")

    def is_harmless(self, tag: str, name: str, value: str) -> bool:
        if name == "class":
            return self.foreign or all(map(CLASS.fullmatch, value.split()))
        if self.foreign and (name in FOREIGN or (name == "href" and value.startswith("#"))):
            return True
        if (tag, name) not in ATTRIBUTES:
            return False
        patterns = {"href": LINK, "src": PICTURE, "style": STYLE}
        return name not in patterns or bool(patterns[name].fullmatch(value))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self.handle_decl(data)

    def handle_pi(self, data: str) -> None:
        self.found.append(f"<?{data}>")


def dangers(html: str, *, foreign: bool = False) -> list[str]:
    """Each tag and attribute in `html` that a harmless answer has no use for; `foreign` allows classes of any name."""
    inspector = Inspector(foreign)
    inspector.feed(html)
    inspector.close()
    return inspector.found


def words(html: str) -> str:
    """The text of `html`, its white space made single spaces."""
    inspector = Inspector(foreign=True)
    inspector.feed(html)
    inspector.close()
    return " ".join("".join(inspector.text).split())
