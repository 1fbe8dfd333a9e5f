"""The code in the README, found by its kind and its section, so that tests run what people read. For tests only."""

from __future__ import annotations

import re

from support.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    """The text of a section of the second level, without its subsections."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]


def subsection(title: str) -> str:
    """The text of a section of the third level."""
    return README.split(f"\n### {title}\n", 1)[1].split("\n## ", 1)[0].split("\n### ", 1)[0]


def blocks(text: str, *languages: str) -> list[str]:
    """The code blocks of these languages; that of a block which names none is empty."""
    return [block["code"] for block in BLOCK.finditer(text) if block["language"] in languages]


def cells(text: str) -> list[str]:
    """What is typed into a notebook or a Python file."""
    return blocks(text, "", "python")
