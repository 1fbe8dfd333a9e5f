"""Links: only those that lead to a page or to an address; bare ones are links as well; remote pictures become links.

A picture is loaded without a click, and its URL can carry away what the model has read. So the only pictures are
those that a `data:` URL holds whole. A link that leads anywhere else (a script, a file, a place on the notebook's own
server) is its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

__all__ = ["LINK", "PICTURE", "host_of", "links"]

LINK = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x20]+", re.IGNORECASE)
PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=]+", re.IGNORECASE)

# A URL in running text ends before what is not ASCII: in Chinese the next sentence follows without a space. That, and
# that a bare `example.com` is no link (`README.md` would be one), is why linkify-it is not used.
BARE = re.compile(
    r"(?<![A-Za-z0-9/@])(?P<url>(?:https?://[A-Za-z0-9\[]|(?<![._-])www\.[A-Za-z0-9-]{1,63}\.[A-Za-z])[!#-;=?-_a-z~]{0,2000})"
    r"|(?<![A-Za-z0-9/@._+-])(?P<address>[A-Za-z0-9._+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{1,63}(?![A-Za-z0-9_-]))",
    re.IGNORECASE,
)
ENTITY_AT_END = re.compile(r"&[A-Za-z0-9]{1,40};\Z")
MAYBE_BARE = re.compile(r"://|www\.|@", re.IGNORECASE)


def links(md: MarkdownIt) -> None:
    """Add the rule. markdown-it's own opinion on URLs would leave the source of a bad link on the page."""
    md.validateLink = lambda url: True  # type: ignore[method-assign]  # how markdown-it documents to replace it
    md.core.ruler.push("links", _judge_links)


def _judge_links(state: StateCore) -> None:
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = list(_judged(token.children))


def _judged(tokens: list[Token]) -> Iterator[Token]:
    """The tokens of a text with only good links in it."""
    kept: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            kept.append(bool(LINK.fullmatch(str(token.attrGet("href")))))
            if kept[-1]:
                yield token
        elif token.type == "link_close":
            if kept.pop():
                yield token
        elif token.type == "image":
            yield from _picture(token, linked=any(kept))
        elif token.type == "text" and not kept and not token.meta and MAYBE_BARE.search(token.content):
            yield from _linkified(token)
        else:
            yield token


def _picture(token: Token, *, linked: bool) -> Iterator[Token]:
    """The picture itself, a link to it that says where it leads, or its description."""
    source = str(token.attrGet("src"))
    if PICTURE.fullmatch(source):
        yield token
        return
    said = _plain(token.children or [])
    host = host_of(source) if LINK.fullmatch(source) else ""
    label = _text_token(f"{said} ({host})" if said and host else said or host, token.level)
    yield from _link_to(source, label) if host and not linked else [label]


def _plain(tokens: list[Token]) -> str:
    """The words of a picture's description."""
    return "".join(_plain(token.children) if token.children else token.content for token in tokens)


def _linkified(token: Token) -> Iterator[Token]:
    """A text, with links where it has URLs."""
    end = 0
    for found in BARE.finditer(token.content):
        shown = found["address"] or _trimmed(found["url"])
        yield _text_token(token.content[end : found.start()], token.level)
        yield from _link_to(_target_of(shown), _text_token(shown, token.level))
        end = found.start() + len(shown)
    yield _text_token(token.content[end:], token.level)


def _target_of(shown: str) -> str:
    """Where a bare URL or address leads."""
    if LINK.fullmatch(shown):
        return shown
    return f"http://{shown}" if shown[:4].lower() == "www." else f"mailto:{shown}"


def _trimmed(url: str) -> str:
    """A URL without the punctuation of the sentence around it; a `)` stays if its `(` is part of the URL."""
    url = ENTITY_AT_END.sub("", url)
    while True:
        shorter = url.rstrip("!\"'*,.:;?_~")
        if shorter.endswith(")") and shorter.count(")") > shorter.count("("):
            shorter = shorter[:-1]
        if shorter == url:
            return url
        url = shorter


def _link_to(url: str, label: Token) -> Iterator[Token]:
    yield Token("link_open", "a", 1, attrs={"href": url}, level=label.level)
    yield label
    yield Token("link_close", "a", -1, level=label.level)


def _text_token(text: str, level: int) -> Token:
    return Token("text", "", 0, content=text, level=level)


def host_of(url: str) -> str:
    """Where a URL leads, for a person to see; empty if that cannot be told."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
