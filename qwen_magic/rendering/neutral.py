"""Markdown for front-ends that do not sanitise it: what an answer says, written anew from what was understood of it.

JupyterLab runs the scripts in the `text/markdown` of a cell that was just run, fetches its pictures and draws its
mermaid diagrams. And every front-end has a parser of its own. So nothing of the source is passed on: each block and
each text is written again in the plainest form, and what could mean something else somewhere is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from markdown_it.tree import SyntaxTreeNode

from .dialect import normalised, parser

__all__ = ["as_link", "as_text", "neutralise"]

# What some front-end draws instead of showing it; as plain text it stays code.
DIAGRAM = re.compile(r"mermaid|geojson|topojson|stl|vega|vega-?lite|plantuml|dot|graphviz|math", re.IGNORECASE)
LANGUAGE = re.compile(r"[A-Za-z0-9][\w+#.-]{0,30}", re.ASCII)

# Characters that mean something, and are written so that they mean nothing. An underscore within a word is harmless.
SPECIAL = re.compile(r"[\\`*]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~(?=~)|(?<=~)~")
MARKUP = re.compile(r"<|\[(?=\^)|&(?=#|[A-Za-z])|\](?=[(\[:]|\Z)|(?<=:)/(?=/)|(?<=[wW]{3})\.")
LINKED = re.compile(rf"{MARKUP.pattern}|[\[\]]")
ENTITIES = {"<": "&lt;", "&": "&amp;", "[": "&#91;", "]": "&#93;", "/": "&#47;", ".": "&#46;"}

# URLs that are written as they are, between angle brackets. Bare ones would swallow what follows, with some parsers.
PLAIN_URL = re.compile(r"https?://[A-Za-z0-9/._~?#@%=+,;:-]+")

# What a typesetter looks for in the finished page, where no escape protects it; it does not look into code.
TYPESET = re.compile(r"\\[()\[\]]|\\(?:begin|end)\{[^{}]*\}")
COMMAND = re.compile(r"\\[A-Za-z]")

# A heading may be closed by marks like those that opened it.
CLOSING = re.compile(r"(?<!#)#+$")

# What would make another block of a line.
LINE_START = re.compile(r"^([-+=#>|:]|\d{1,9}(?=[.)]))", re.MULTILINE)


def neutralise(text: str) -> str:
    """The markdown `text`, made harmless: it says the same, and nothing in it runs, fetches or leads astray.

    Raw HTML is text, a remote picture is a link, a link goes to the web or is its text, a diagram is code. `render`
    makes in effect the same of the result as of `text`.
    """
    tree = SyntaxTreeNode(parser().parse(normalised(text), {"references": {}}))
    written = blocks(tree.children)
    return written + "\n" if written else ""


def as_text(line: str) -> str:
    """A line of plain text as markdown that shows it as it is."""
    return protected(escaped(" ".join(normalised(line).split())))


def as_link(label: str, url: str) -> str:
    """A link to `url`, which has to be one that may be linked to."""
    return f"[{escaped(' '.join(normalised(label).split()), linked=True)}]({target(url)})"


def blocks(nodes: Sequence[SyntaxTreeNode], between: str = "\n\n") -> str:
    return between.join(filter(None, map(block, nodes)))


def block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "heading":
            return f"{'#' * int(node.tag[1])} {CLOSING.sub(lambda marks: (chr(92) + '#') * len(marks[0]), line(node))}"
        case "paragraph":
            return paragraph(node)
        case "fence" | "code_block":
            return fence(node.content, node.info if node.type == "fence" else "")
        case "unsafe_math":
            return fence(node.content, "")
        case "math_block":
            return formula_block(node.content)
        case "blockquote":
            return indented(blocks(node.children), "> ", "> ")
        case "bullet_list" | "ordered_list":
            return items(node)
        case "table":
            return table(node)
        case "hr":
            return "***"
    raise NotImplementedError(node.type)


def paragraph(node: SyntaxTreeNode) -> str:
    return protected(inline(node.children[0].children))


def line(node: SyntaxTreeNode) -> str:
    """The inline content of a heading or a cell, on one line."""
    return re.sub(r"\\?\n", " ", inline(node.children[0].children)) if node.children else ""


def items(node: SyntaxTreeNode) -> str:
    """A list. It is loose (paragraphs with space between them) if its paragraphs are shown as such."""
    loose = any(child.type == "paragraph" and not child.hidden for item in node.children for child in item.children)
    between = "\n\n" if loose else "\n"
    number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else 0
    written = []
    for count, item in enumerate(node.children):
        marker = f"{number + count}{node.markup} " if node.type == "ordered_list" else f"{node.markup} "
        written.append(indented(blocks(item.children, between), marker, " " * len(marker)))
    return between.join(written)


def indented(text: str, first: str, others: str) -> str:
    """`text` behind `first`, and its further lines behind `others`; empty lines stay empty."""
    lines = [f"{others}{each}" if each else others.rstrip() for each in text.split("\n")]
    return (first + lines[0][len(others) :]).rstrip() + "".join(f"\n{each}" for each in lines[1:])


def fence(source: str, info: str) -> str:
    """A code block whose fence its content cannot close."""
    language = (info.split() or [""])[0]
    if not LANGUAGE.fullmatch(language) or DIAGRAM.fullmatch(language):
        language = "text"
    marks = "`" * max(3, longest_run(source) + 1)
    return f"{marks}{language}\n{source if source.endswith(chr(10)) or not source else source + chr(10)}{marks}"


def longest_run(text: str) -> int:
    """The length of the longest run of backticks."""
    return max(map(len, re.findall(r"`+", text)), default=0)


def table(node: SyntaxTreeNode) -> str:
    rows = [row for part in node.children for row in part.children]
    marks = [delimiter(str(cell.attrs.get("style", ""))) for cell in rows[0].children]
    lines = [[cell_text(cell) for cell in row.children] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [lines[0], marks, *lines[1:]])


def delimiter(style: str) -> str:
    return {"text-align:right": "--:", "text-align:center": ":-:", "text-align:left": ":--"}.get(style, "---")


def cell_text(cell: SyntaxTreeNode) -> str:
    """A cell's content. A bar in it would end the cell, also in code, unless backslashes in odd number precede it."""
    text = inline(cell.children[0].children, "<br>") if cell.children else ""
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", text)


def inline(nodes: Sequence[SyntaxTreeNode], line_break: str = "\\\n", *, linked: bool = False) -> str:
    """The content of a line; `linked` within a link, which a bracket would end."""
    return joined(span(node, line_break, linked) for node in nodes)


def joined(pieces: Iterable[str]) -> str:
    """The pieces of a line, none of which may change the next: `!` a link into a picture, a code span another one."""
    written = ""
    for piece in pieces:
        if written.endswith("!") and piece.startswith("["):
            written = f"{written[:-1]}\\!"
        elif written.endswith("`") and piece.startswith("`"):
            written += " "
        written += piece
    return written


def span(node: SyntaxTreeNode, line_break: str, linked: bool) -> str:
    match node.type:
        case "text":
            return escaped(node.content, linked=linked)
        case "softbreak":
            return "\n"
        case "hardbreak":
            return line_break
        case "code_inline" | "unsafe_math":
            return code(node.content)
        case "math_inline":
            return formula(node.content, "$$" if node.meta["display"] else "$")
        case "em" | "strong" | "s":
            return f"{node.markup}{inline(node.children, line_break, linked=linked)}{node.markup}"
        case "link":
            return link(node, line_break)
        case "image":
            return f"![{escaped(node.content, linked=True)}]({target(str(node.attrs['src']))})"
    raise NotImplementedError(node.type)


def link(node: SyntaxTreeNode, line_break: str) -> str:
    url = str(node.attrs["href"])
    if PLAIN_URL.fullmatch(url) and "".join(child.content for child in node.children) == url:
        return f"<{url}>"
    return f"[{inline(node.children, line_break, linked=True)}]({target(url)})"


def target(url: str) -> str:
    """A URL between parentheses, with nothing in it that ends it or means something."""
    url = re.sub(r"[()<>\s\\|*_`$]", lambda char: f"%{ord(char[0]):02X}", url)
    return re.sub(r"&(?=#|[A-Za-z])", "&amp;", url)


def code(source: str) -> str:
    """A code span that its content cannot close."""
    source = source.replace("\n", " ")
    marks = "`" * (longest_run(source) + 1)
    pad = " " if source[:1] in "` " or source[-1:] in "` " else ""
    return f"{marks}{pad}{source}{pad}{marks}"


def formula_block(tex: str) -> str:
    written = formula(tex, "$$")
    return f"$$\n{written[2:-2]}\n$$" if written.startswith("$$") else fence(rf"\[{tex}\]", "latex")


def formula(tex: str, mark: str) -> str:
    """A formula, in which nothing is markdown or HTML to those who know no formulas; or code, if that cannot be."""
    if (
        "`" in tex
        or "$" in tex
        or "://" in tex
        or "www." in tex.lower()
        or re.search(r"^[^\S\n]*~~~", tex, re.MULTILINE)
    ):
        return code(f"{mark}{tex}{mark}")
    tex = "\n".join(each.strip() for each in tex.replace("<", r"\lt ").replace(">", r"\gt ").split("\n"))
    return mark + re.sub(r"\](?=[(\[:])", "] ", tex) + mark


def escaped(text: str, *, linked: bool = False) -> str:
    """A text in which nothing is markup."""
    end, pieces = 0, []
    for found in TYPESET.finditer(text):
        pieces += [escaped_plain(text[end : found.start()], linked), code(found[0])]
        end = found.end()
    return joined([*filter(None, pieces), escaped_plain(text[end:], linked)])


def escaped_plain(text: str, linked: bool) -> str:
    dollar = "`$`" if COMMAND.search(text) else r"\$"
    text = SPECIAL.sub(lambda char: f"\\{char[0]}", text)
    return (LINKED if linked else MARKUP).sub(entity, text).replace("$", dollar)


def entity(char: re.Match[str]) -> str:
    return ENTITIES[char[0]]


def protected(text: str) -> str:
    """A paragraph whose lines begin nothing but its lines."""
    lines = "\n".join(each.strip(" \t") for each in text.split("\n"))
    return LINE_START.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", lines)
