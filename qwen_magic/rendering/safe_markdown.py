r"""Markdown for front-ends that do not sanitise it: what an answer says, written anew from what was understood of it.

JupyterLab runs the scripts in the `text/markdown` of a cell that was just run, fetches its pictures and draws its
mermaid diagrams. And every front-end has a parser of its own, some with a search for formulas before it. So nothing of
the source is passed on: each block and each text is written again in the plainest form, which all parsers read alike.
In a text, whatever could begin a link, code, HTML or a formula is an entity.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from ..core.control_characters import one_line, visible
from .parser import language, normalised, parser

__all__ = ["as_code", "as_link", "as_text", "neutralise", "paragraphs", "written"]

# What some front-end draws instead of showing it; as plain text it stays code.
DIAGRAM = re.compile(r"mermaid|geojson|topojson|stl|vega|vega-?lite|plantuml|dot|graphviz|math", re.IGNORECASE)
LANGUAGE = re.compile(r"[A-Za-z0-9][\w+#.-]{0,30}", re.ASCII)

# What is written as an entity. A parser that takes `\[` or "\`" for the character itself may still not see it as such
# when it looks for the end of something else.
MARKUP = re.compile(r"[\\`\[\]<]|&(?=#|[A-Za-z])|/(?=/)|(?<=[wW]{3})\.")

# An underscore within a word is harmless, and so is a single tilde within a line.
EMPHASIS = re.compile(r"\*|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~")

# URLs that are written as they are, between angle brackets. Bare ones would swallow what follows, with some parsers.
PLAIN_URL = re.compile(r"https?://[A-Za-z0-9/._~?#@%=+,;:-]+")
IPV6_HOST = re.compile(r"https?://\[[0-9A-Fa-f:.]+\]", re.IGNORECASE)

# What a typesetter looks for in the finished page, where no entity protects it; it does not look into code.
TYPESET = re.compile(r"\\[()\[\]]|\\(?:begin|end)(?![A-Za-z])(?:\s*\{[^{}]*\})?")
COMMAND = re.compile(r"\\[A-Za-z]")

# What nbconvert takes for the beginning or the end of a formula, also in code.
ENVIRONMENT = re.compile(r"\\(?:begin|end)(?=\{)")
DELIMITER = re.compile(rf"{ENVIRONMENT.pattern}|\\\\(?=[()\[\]])|\$(?=\$)")

# A line end in a formula with more space below it, which looks like the beginning of another formula.
SPACE = re.compile(r"\\\\\[\s*-?[\d.]+\s*(?:pt|pc|in|cm|mm|em|ex|mu)\s*\]")

# What JupyterLab takes for the beginning of a formula, also in code that is in a list or a quote. It looks for the end
# up to the next empty line, and one within a quote is not empty.
OPENS_FORMULA = re.compile(r"\$|\\\\[(\[]")

# Deeper emphasis looks no different, and parsers that work by recursion fail at some depth.
DEEPEST_EMPHASIS = 8

# A heading may be closed by marks like those that opened it.
CLOSING = re.compile(r"(?<!#)#+$")

# What would make another block of a line.
LINE_START = re.compile(r"^([-+=#>|:]|\d{1,9}(?=[.)]))", re.MULTILINE)

# How an end of a line that means nothing, and one that is meant, are written where the content of a line stands.
BREAKS = {"heading_open": (" ", " "), "th_open": (" ", "<br>"), "td_open": (" ", "<br>")}
IN_PARAGRAPH = ("\n", "\\\n")

NAMED = {"<": "&lt;", "&": "&amp;"}
ALIGNMENTS = {"text-align:right": "--:", "text-align:center": ":-:", "text-align:left": ":--"}


def neutralise(text: str) -> str:
    """The markdown `text`, made harmless: it says the same, and nothing in it runs, fetches or leads astray.

    Raw HTML is text, a remote picture is a link, a link goes to the web or is its text, a diagram is code. `render`
    makes in effect the same of the result as of `text`.
    """
    safe = written(parser().parse(visible(normalised(text)), {"references": {}}))
    return safe + "\n" if safe else ""


def as_text(line: str) -> str:
    """A line of plain text as markdown that shows it as it is."""
    return _protected(_joined(_inline([Token("text", "", 0, content=one_line(line))], *IN_PARAGRAPH)))


def as_link(label: str, url: str) -> str:
    """A link to `url`, which has to be one that may be linked to."""
    return f"[{_label_text(one_line(label))}]({_target(one_line(url))})"


def as_code(source: str, language: str = "") -> str:
    """A code block whose fence its content cannot close; `language` may be anything."""
    if not LANGUAGE.fullmatch(language) or DIAGRAM.fullmatch(language):
        language = "text"
    source = ENVIRONMENT.sub(r"\g<0> ", source)
    marks = "`" * max(3, max(map(len, re.findall(r"`+", source)), default=0) + 1)
    return f"{marks}{language}\n{source if source.endswith(chr(10)) or not source else source + chr(10)}{marks}"


@dataclass(slots=True)
class _Container:
    """A block whose content is being written; `token` opens it.

    `pieces` are the blocks in it, for a list the blocks of each item. A `loose` list has space between its blocks, and
    a `bare` quote no marks. A row has the `marks` that align its cells, if it is a table's head.
    """

    token: Token
    pieces: list[str] = field(default_factory=list)
    items: list[list[str]] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    loose: bool = False
    bare: bool = False


def written(tokens: Sequence[Token]) -> str:
    """The blocks that `tokens` are as safe markdown; without recursion, however deep they are nested.

    The tokens are those of visible text.
    """
    path = [_Container(Token("document", "", 0))]
    for token in tokens:
        if token.nesting > 0:
            path.append(_Container(token))
        elif token.nesting < 0:
            closed = path.pop()
            _close(closed, path)
        elif token.type == "inline":
            line = _joined(_inline(token.children or [], *BREAKS.get(path[-1].token.type, IN_PARAGRAPH)))
            path[-1].pieces.append(line)
        else:
            path[-1].pieces.append(_leaf(token, path))
    return paragraphs(path[0].pieces)


def paragraphs(pieces: Iterable[str], between: str = "\n\n") -> str:
    """Blocks of markdown, one after the other."""
    return between.join(filter(None, pieces))


def _close(closed: _Container, path: list[_Container]) -> None:
    """Write a container, all of whose content is written, into the last one of `path`."""
    outer = path[-1]
    match closed.token.type:
        case "list_item_open":
            outer.items.append(closed.pieces)
        case "th_open" | "td_open":
            outer.pieces.append(_cell(paragraphs(closed.pieces)))
            if closed.token.type == "th_open":
                outer.marks.append(ALIGNMENTS.get(str(closed.token.attrs.get("style", "")), "---"))
        case "tr_open":
            outer.pieces += map(_row, filter(None, (closed.pieces, closed.marks)))
        case "thead_open" | "tbody_open":
            outer.pieces += closed.pieces
        case "table_open":
            outer.pieces.append(paragraphs(closed.pieces, "\n"))
        case "paragraph_open":
            if outer.token.type == "list_item_open" and not closed.token.hidden:
                path[-2].loose = True
            outer.pieces.append(_protected(paragraphs(closed.pieces)))
        case "heading_open":
            text = CLOSING.sub(lambda marks: r"\#" * len(marks[0]), paragraphs(closed.pieces))
            outer.pieces.append(f"{'#' * int(closed.token.tag[1])} {text}")
        case "blockquote_open":
            text = paragraphs(closed.pieces)
            outer.pieces.append(text if closed.bare else _indented(text, "> ", "> "))
        case "bullet_list_open" | "ordered_list_open":
            outer.pieces.append(paragraphs(_items(closed), "\n\n" if closed.loose else "\n"))
        case _:
            outer.pieces.append(paragraphs(closed.pieces))


def _leaf(token: Token, path: Iterable[_Container]) -> str:
    match token.type:
        case "hr":
            return "***"
        case "math_block":
            return _formula_block(token.content) or _code_block(rf"\[{token.content}\]", "latex", path)
        case "fence":
            return _code_block(token.content, language(token), path)
    return _code_block(token.content, "", path)


def _code_block(source: str, language: str, path: Iterable[_Container]) -> str:
    """A code block within the containers of `path`, which are told if it takes more to keep it apart."""
    if OPENS_FORMULA.search(source):
        for container in path:
            container.loose = container.bare = True
    return as_code(source, language)


def _items(listed: _Container) -> Iterator[str]:
    """The items of a list."""
    token, between = listed.token, "\n\n" if listed.loose else "\n"
    for number, pieces in enumerate(listed.items, int(token.attrs.get("start", 1))):
        marker = f"{number}{token.markup} " if token.type == "ordered_list_open" else f"{token.markup} "
        yield _indented(paragraphs(pieces, between), marker, " " * len(marker))


def _indented(text: str, first: str, others: str) -> str:
    """`text` behind `first`, and its further lines behind `others`; empty lines stay empty."""
    head, *rest = text.split("\n")
    lines = [f"{first}{head}".rstrip(), *(f"{others}{each}" if each else others.rstrip() for each in rest)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """A cell's content. A bar in it would end the cell, also in code, unless backslashes in odd number precede it."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", text)


def _inline(tokens: Sequence[Token], soft_break: str, hard_break: str) -> Iterator[str]:
    """The pieces of a line."""
    texts = [token.content for token in tokens if token.type == "text"]
    dollar = "`$`" if any(map(COMMAND.search, texts)) else r"\$"
    depth, link = 0, None
    for number, token in enumerate(tokens):
        match token.type:
            case "link_open":
                url = str(token.attrs["href"])
                link = _Link(url, bare=_is_bare(url, tokens[number + 1 : number + 3]))
                yield link.opening
            case "link_close" if link:
                yield link.closing
                link = None
            case "em_open" | "strong_open" | "s_open":
                depth += 1
                yield token.markup * (depth <= DEEPEST_EMPHASIS)
            case "em_close" | "strong_close" | "s_close":
                yield token.markup * (depth <= DEEPEST_EMPHASIS)
                depth -= 1
            case "softbreak":
                yield " " if link else soft_break
            case "hardbreak":
                yield " " if link else hard_break
            case _ if link:
                yield "" if link.bare else _label(token)
            case _:
                yield from _span(token, dollar)


def _span(token: Token, dollar: str) -> Iterator[str]:
    """A piece of a line outside of links."""
    match token.type:
        case "math_inline":
            mark = "$$" if token.meta["display"] else "$"
            written = _formula(token.content, mark)
            yield from [written] if written else _code(f"{mark}{token.content}{mark}", dollar)
        case "image":
            yield f"![{_described(token.content)}]({_target(str(token.attrs['src']))})"
        case "code_inline" | "unsafe_math":
            yield from _code(token.content, dollar)
        case _:
            yield from _escaped(token.content, dollar)


@dataclass(frozen=True, slots=True)
class _Link:
    """A link to `url`; a `bare` one is nothing but its URL."""

    url: str
    bare: bool

    @property
    def opening(self) -> str:
        return f"<{self.url}>" if self.bare else "["

    @property
    def closing(self) -> str:
        return "" if self.bare else f"]({_target(self.url)})"


def _is_bare(url: str, content: Sequence[Token]) -> bool:
    """Whether a link whose first two tokens are `content` shows its URL, which can be written as it is."""
    return bool(PLAIN_URL.fullmatch(url)) and [(token.type, token.content) for token in content] == [
        ("text", url),
        ("link_close", ""),
    ]


def _label(token: Token) -> str:
    """A piece of a link's text. It has no code in it, which some parsers see only after the link."""
    if token.type == "math_inline" and not re.search(r"[\[\]]", token.content):
        return _formula(token.content, "$") or _label_text(token.content)
    return _label_text(token.content)


def _label_text(text: str) -> str:
    """Text in a link. What a typesetter would obey has another character for its backslash."""
    if COMMAND.search(text) or TYPESET.search(text):
        text = text.replace("\\", "\N{SET MINUS}")
    return _entities(text).replace("$", "&#36;")


def _described(text: str) -> str:
    """A picture's description. Only words: marked writes it into an attribute with the quotes that were entities."""
    return " ".join(re.findall(r"[\w.,;:!?()%+-]+", text))


def _target(url: str) -> str:
    """A URL between parentheses, with nothing in it that ends it or means something."""
    host = IPV6_HOST.match(url)
    start = host.end() if host else 0
    path = re.sub(r"[()<>\[\]\s\\|*_`$]", lambda char: f"%{ord(char[0]):02X}", url[start:])
    # mistune, and nbconvert with it, decode what looks like an entity twice: without its semicolon it is none.
    path = re.sub(r"(&#?\w{1,40});", r"\1%3B", path)
    return url[:start] + re.sub(r"&(?=#|[A-Za-z])", "&amp;", path)


def _code(source: str, dollar: str) -> Iterator[str]:
    """A code span; or the text of one with backticks in it, which parsers do not agree on."""
    source = source.replace("\n", " ")
    if "`" in source:
        yield from _escaped(source, dollar)
    elif source:
        pad = " " * (source[:1] == " " or source[-1:] == " ")
        broken = DELIMITER.sub(r"\g<0> ", source)
        yield f"`{pad}{broken}{pad}`"


def _formula_block(tex: str) -> str:
    """A formula between lines of dollars; empty if it cannot be written so."""
    written = _formula(tex, "$$")
    return f"$$\n{written[2:-2]}\n$$" if written else ""


def _formula(tex: str, mark: str) -> str:
    """A formula, in which nothing is markdown or HTML to those who know no formulas; empty if that cannot be."""
    if re.search(r"[`$]|://|www\.|^[^\S\n]*~~~", tex, re.MULTILINE | re.IGNORECASE) or not _is_balanced(tex):
        return ""
    tex = tex.replace("<", r"\lt ").replace(">", r"\gt ")
    tex = re.sub(r"\](?=[(\[:])", "] ", ENVIRONMENT.sub(r"\g<0> ", tex))
    tex = re.sub(r"\\\\(?=[()\[\]])", r"\\\\ {}", SPACE.sub(r"\\\\", tex))
    return mark + "\n".join(each.strip() for each in tex.split("\n")) + mark


def _is_balanced(tex: str) -> bool:
    """Whether the braces match, to TeX and to JupyterLab, which takes `\\\\{` for an escaped brace."""
    return all(map(_closes, (re.sub(r"\\.", "", tex, flags=re.DOTALL), re.sub(r"\\[{}$]", "", tex))))


def _closes(braces: str) -> bool:
    depth = 0
    for brace in re.findall("[{}]", braces):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _escaped(text: str, dollar: str) -> Iterator[str]:
    """A text in which nothing is markup; `dollar` is how a dollar is written."""
    end = 0
    for found in TYPESET.finditer(text):
        yield from _plain(text[end : found.start()], dollar)
        yield from _code(found[0], dollar)
        end = found.end()
    yield from _plain(text[end:], dollar)


def _plain(text: str, dollar: str) -> Iterator[str]:
    first, *others = text.split("$")
    yield _entities(first)
    for each in others:
        yield dollar
        yield _entities(each)


def _entities(text: str) -> str:
    text = MARKUP.sub(lambda char: f"&#{ord(char[0])};" if char[0] not in NAMED else NAMED[char[0]], text)
    return EMPHASIS.sub(r"\\\g<0>", text)


def _joined(pieces: Iterable[str]) -> str:
    """The pieces of a line, none of which may change the next: `!` a link into a picture, a code span another one."""
    written: list[str] = []
    for piece in filter(None, pieces):
        if written and written[-1].endswith("!") and piece.startswith("["):
            written[-1] = f"{written[-1][:-1]}&#33;"
        elif written and written[-1].endswith("`") and piece.startswith("`"):
            written.append(" ")
        written.append(piece)
    return "".join(written)


def _protected(text: str) -> str:
    """A paragraph whose lines begin nothing but its lines."""
    lines = "\n".join(each.strip(" \t") for each in text.split("\n"))
    return LINE_START.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", lines)
