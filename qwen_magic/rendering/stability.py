"""How much of a growing text is finished: no text that follows can change its top-level blocks.

CommonMark decides line by line. Where a top-level block begins does not depend on what stands before; where it ends
is decided by one line more. So all blocks but the last are finished, and the last one if it has its own end, or has
an empty line behind it that it could not go beyond.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it.token import Token

from .parser import References, outline

__all__ = ["Extent", "extent"]

# What has its end in its own last line.
SELF_CONTAINED = {"heading_open", "hr", "math_block"}

# What goes on after an empty line, if the next line is indented, or is another item.
CONTINUES = {"bullet_list_open", "ordered_list_open", "code_block", "fence", "footnote_reference_open"}

# What ends most open blocks: a line that is no list item, quote or row after an empty one; a heading; a fence.
BOUNDARY = re.compile(r"\n[ \t]*\n[^\s\-*+>|\d]|\n(?:#{1,6} |```|~~~)")


@dataclass(frozen=True, slots=True)
class Extent:
    """The first `finished` characters are finished; then comes a block of the token type `opened`, or none.

    `blocks` are the outline of what is finished. Text that `boundary` is found in may have finished the open block;
    without it, another look is not worth while.
    """

    finished: int = 0
    opened: str = ""
    boundary: re.Pattern[str] = BOUNDARY
    blocks: Sequence[list[Token]] = ()


def extent(text: str, references: References) -> Extent:
    """How much of `text` is finished; its last line, without a line feed, is not considered.

    `references` get what `text` defines.
    """
    complete = text[: text.rfind("\n") + 1]
    lines = complete.split("\n")[:-1]
    blocks = outline(complete, references)
    opened = blocks[-1][0] if blocks and not _is_finished(blocks[-1][0], lines) else None
    finished = blocks[:-1] if opened else blocks
    end = _last_line(finished)
    if not opened:
        # No block goes on behind an empty line when none is open; a definition may go on up to there.
        end = max((number for number in range(end, len(lines)) if not lines[number].strip()), default=end - 1) + 1
    length = sum(map(len, lines[:end])) + end
    return Extent(length, opened.type if opened else "", _boundary_of(opened), finished)


def _last_line(blocks: list[list[Token]]) -> int:
    """The number of lines up to the end of the last of `blocks`."""
    return _lines_of(blocks[-1][0])[1] if blocks else 0


def _lines_of(token: Token) -> tuple[int, int]:
    start, end = token.map or (0, 0)
    return start, end


def _is_finished(token: Token, lines: list[str]) -> bool:
    """Whether the last block, which `token` begins, is finished by what stands in `lines`."""
    if token.type == "fence":
        return _is_closed(token)
    if token.type in SELF_CONTAINED:
        return True
    end = _lines_of(token)[1]
    return token.type not in CONTINUES and end < len(lines) and not lines[end].strip()


def _is_closed(fence: Token) -> bool:
    """Whether a fence has its closing line: then it has two lines more than its content."""
    start, end = _lines_of(fence)
    return end - start == fence.content.count("\n") + 2


def _boundary_of(opened: Token | None) -> re.Pattern[str]:
    if opened is None or opened.type != "fence":
        return BOUNDARY
    marker, length = re.escape(opened.markup[0]), len(opened.markup)
    return re.compile(rf"\n {{0,3}}{marker}{{{length},}}[ \t]*\n")
