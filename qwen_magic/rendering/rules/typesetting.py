r"""Which formulas a typesetter may have: those that do nothing but say something, and take it no time.

A typesetter obeys commands that make links, load packages, carry styles or redefine others for the whole page; others
move what they draw, over the text above. A long or a deep formula stops the whole page, again whenever the notebook is
opened. What is refused here is shown as code.
"""

from __future__ import annotations

import re

__all__ = ["MOST_TYPESET", "PRICE_OF_FORMULA", "is_typeset"]

# MathJax 4 in JupyterLab 4.6 takes up to 1 ms for each character of `x+x+…`, and the page stands still for so long.
LONGEST = 2_000

# Formulas of one answer, in characters, and what each costs beside them: a record typesets them all at once.
MOST_TYPESET = 20_000
PRICE_OF_FORMULA = 10

# Groups within groups. Continued fractions that people write have five or six; MathJax gives out near a hundred.
DEEPEST = 20

COMMAND = re.compile(r"\\([A-Za-z]+)")
REFUSED = re.compile(
    # Links, pictures, attributes, styles: MathJax's html, bbox, action, enclose and unicode extensions, KaTeX's html.
    r"href|url|includegraphics|style|class|cssId|data|html\w*|mmlToken|bbox|enclose|unicode|toggle|mathtip|texttip|"
    # What loads code, or changes the meaning of other formulas on the page.
    r"require|[gex]?def|let|global|(?:re)?newcommand|providecommand|(?:re)?newenvironment|Declare\w+|definecolor|"
    r"[nN]ewextarrow|(?:re)?newtagform|usetagform|csname|input|include|write|openout|catcode|special|verb|"
    # What draws where there is no room for it.
    r"raise\w*|lower|move(?:left|right)|\w*[lrc]lap|smash|[rR]ule|Space|skew|uproot|leftroot|MoveEqLeft|xmathstrut|"
    r"\w*makebox|framebox|parbox|ArrowBetweenLines|shortvdotswithin"
)

# A space of a given length, after one of these commands or at the end of a row.
LENGTH = re.compile(r"(?:\\(?:hspace|hskip|kern|mkern|mskip|mspace)(?![A-Za-z])\*?\s*\{?|\\\\\*?\s*\[)([^\]}]{0,20})")
BACKWARD = re.compile(r"\s*-\s*(?:\d(?:\.\d{0,3})?\s*(?:pt|px|mu)|0?\.\d{1,3}\s*(?:em|ex))(?![A-Za-z]).*", re.DOTALL)
SMALL = r"\d{0,2}(?:\.\d{0,3})?\s*(?:pt|px|mu|ex|em|mm)|\d(?:\.\d{0,3})?\s*(?:cm|in|pc)"
# A row may also begin with a bracket, which is no length.
ACCEPTED = re.compile(rf"\s*(?:(?:{SMALL})(?![A-Za-z]).*|(?![-+.,\d\s\\]).*)|{BACKWARD.pattern}", re.DOTALL)
NEGATIVE = re.compile(r"\\(?:!|neg(?:thin|med|thick)space(?![A-Za-z]))")

# So many small steps back are corrections; more of them move the formula over what stands before it.
MOST_NEGATIVE = 8

# What opens and closes groups. A comment hides both, and so would \verb, which is refused.
GROUPING = re.compile(
    r"\\(begin|left|begingroup|bgroup|end|right|endgroup|egroup)(?![A-Za-z])|\\.|([{}])|%[^\n]*", re.DOTALL
)
CLOSES = {"}": "{", "end": "begin", "right": "left", "endgroup": "begingroup", "egroup": "bgroup"}


def is_typeset(formula: str) -> bool:
    """Whether a typesetter may have `formula`."""
    return (
        len(formula) <= LONGEST
        and not any(map(REFUSED.fullmatch, COMMAND.findall(formula)))
        and _is_well_grouped(formula)
        and _stays_in_place(formula)
    )


def _stays_in_place(formula: str) -> bool:
    """Whether nothing in `formula` is moved over what stands beside it."""
    lengths = LENGTH.findall(formula)
    backward = sum(map(bool, map(BACKWARD.fullmatch, lengths)))
    return all(map(ACCEPTED.fullmatch, lengths)) and backward + len(NEGATIVE.findall(formula)) <= MOST_NEGATIVE


def _is_well_grouped(formula: str) -> bool:
    """Whether each group is closed, and none is too deep.

    MathJax does not find the end of a formula in which a brace is open, and looks for it in what follows.
    """
    opened: list[str] = []
    for command, brace in GROUPING.findall(formula):
        mark = command or brace
        if mark in CLOSES:
            if not opened or opened.pop() != CLOSES[mark]:
                return False
        elif mark:
            opened.append(mark)
            if len(opened) > DEEPEST:
                return False
    return not opened
