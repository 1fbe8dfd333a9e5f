"""The last gate before a page: of any HTML, only what an answer is made of. Not the place that makes it harmless.

That is done before, where markdown is parsed: raw HTML is text there, and a link that leads nowhere good is no link.
This is the second line of defence, and it holds alone.
"""

from __future__ import annotations

import re
from functools import cache

import nh3

from .highlight import TOKEN_CLASSES
from .rules.links import LINK, PICTURE

__all__ = ["IGNORE_MATH", "PROCESS_MATH", "sanitise"]

# Where MathJax looks for formulas: version 3 and 4 (JupyterLab, Notebook 7), version 2 (nbconvert, nbviewer).
PROCESS_MATH = "mathjax_process tex2jax_process"
IGNORE_MATH = "mathjax_ignore tex2jax_ignore"

TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "blockquote", "ul", "ol", "li", "hr", "pre", "div"),
    *("table", "thead", "tbody", "tr", "th", "td"),
    *("a", "br", "code", "em", "img", "s", "span", "strong", "sup"),
}
ATTRIBUTES = {
    "*": set(),
    "a": {"href", "title"},
    "div": {"data-language"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
}
# The word behind a fence, which names the language of a code block.
LANGUAGE = re.compile(r"[\w+#.-]{1,30}")

# JupyterLab aligns the cells of an HTML table to the right, by a rule that only a style can overrule.
ALIGNMENTS = {"style": {"text-align:left", "text-align:center", "text-align:right"}}

CLASSES = {
    "div": {"highlight", "math", "block", *PROCESS_MATH.split()},
    "span": {"math", "inline", "display", *PROCESS_MATH.split(), *TOKEN_CLASSES},
    "li": {"task-list-item"},
}


def sanitise(html: str) -> str:
    """`html` without anything that runs, fetches, styles or names something on the page."""
    return _cleaner().clean(html)


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=TAGS,
        clean_content_tags={"script", "style"},
        attributes=ATTRIBUTES,
        attribute_filter=_judge,
        tag_attribute_values={"td": ALIGNMENTS, "th": ALIGNMENTS},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer",
        url_schemes={"http", "https", "mailto", "data"},
        allowed_classes=CLASSES,
    )


def _judge(tag: str, attribute: str, value: str) -> str | None:
    """The value of an attribute, or `None` to drop it."""
    if attribute == "href":
        return value if LINK.fullmatch(value) else None
    if attribute == "src":
        return value if PICTURE.fullmatch(value) else None
    if attribute == "data-language":
        return value if LANGUAGE.fullmatch(value) else None
    return value
