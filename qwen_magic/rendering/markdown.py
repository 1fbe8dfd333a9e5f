"""Markdown from a model, which is hostile input, made into what may be shown: HTML, or markdown for others to show.

The doors to the rest of this package: `render` for a whole answer, `Blocks` for one that grows, `neutralise` for
front-ends that have their own idea of markdown.
"""

from __future__ import annotations

from .incremental import Blocks, Patch
from .parser import html_blocks, normalised
from .safe_markdown import neutralise

__all__ = ["Blocks", "Patch", "neutralise", "render"]


def render(text: str) -> str:
    """The sanitised HTML of a whole answer."""
    return "".join(html_blocks(normalised(text), {}))
