"""What other front-ends make of markdown: their own parsers, as careless with HTML as they come.

JupyterLab's own preview (marked, with its search for formulas before it), markdown-it in JavaScript and in Python,
remark, nbconvert, mistune, and GitHub's cmark.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import mistune
from markdown_it import MarkdownIt
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from support.hostile.inert import dangers

from qwen_magic.rendering.parser import encodable

__all__ = ["Readers", "reading"]

EXTENSIONS = ("table", "strikethrough", "autolink", "tasklist", "footnotes")


class Readers:
    """All of them; those in JavaScript are in one process of Node."""

    def __init__(self, node: subprocess.Popen[str]) -> None:
        self._node = node
        permissive = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        permissive.validateLink = lambda url: True  # type: ignore[method-assign]  # how markdown-it documents it
        plugins = ["table", "strikethrough", "task_lists", "footnotes", "def_list", "abbr", "url", "math"]
        careless = mistune.create_markdown(escape=False, plugins=plugins)
        self._here: dict[str, Callable[[str], str]] = {
            "markdown-it-py": permissive.render,
            "mistune": lambda text: str(careless(text)),
            "nbconvert": lambda text: str(markdown2html_mistune(text)),
        }
        if shutil.which("cmark-gfm"):
            self._here["cmark-gfm"] = cmark

    def pages(self, texts: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """The HTML of each of `texts`, by reader."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(list(map(encodable, texts))) + "\n")
        self._node.stdin.flush()
        read: dict[str, Sequence[str]] = json.loads(self._node.stdout.readline())
        return read | {name: list(map(render, texts)) for name, render in self._here.items()}

    def dangers(self, *texts: str) -> list[tuple[str, str, list[str]]]:
        """Whatever is dangerous in what they make of `texts`: the reader, the text, what was found."""
        return [
            (name, text, found)
            for name, pages in self.pages(texts).items()
            for text, html in zip(texts, pages, strict=True)
            if (found := dangers(html, foreign=True))
        ]


def cmark(text: str) -> str:
    options = [part for name in EXTENSIONS for part in ("--extension", name)]
    done = subprocess.run(
        ["cmark-gfm", "--unsafe", *options], input=text.encode(), capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


@contextmanager
def reading(script: Path, packages: Path) -> Iterator[Readers]:
    """The readers, with `script` run by Node on the npm packages in the folder `packages`."""
    command = ["node", str(script), str(packages)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as node:
        try:
            yield Readers(node)
        finally:
            node.terminate()
