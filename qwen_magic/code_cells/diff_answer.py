"""An answer that changes a cell: an `Answer` with a block of code that is one of some cells anew, and its `Diff`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

from ..core.answer import Answer
from ..core.code_blocks import CodeBlock
from ..core.translatable import _
from .unified_diff import CellSource, Diff

__all__ = ["DiffAnswer", "diff_answer"]

NO_CHANGE = Diff("", "")
FENCES = ("```", "~~~")
UNCHANGED = _("the answer leaves the cell as it is: there is nothing to apply")
WITHOUT_CODE = _("the answer has no code: there is nothing to apply")


@dataclass(frozen=True)
class DiffAnswer(Answer):
    """An answer to `%qwen fix` or `%qwen edit`.

    `diff` is the change that it proposes. `before` and `after` are the words around the block of code that the change
    was made of.
    """

    diff: Diff = NO_CHANGE
    before: str = field(default="", repr=False)
    after: str = field(default="", repr=False)

    @property
    def in_words(self) -> Answer:
        """The answer without its diff, as a conversation keeps it and a file of it holds it."""
        return Answer(**{each.name: getattr(self, each.name) for each in fields(Answer)})


def diff_answer(answer: Answer, cells: Sequence[CellSource]) -> Answer:
    """The answer with the change of one of `cells` that it proposes; with a note where a whole one proposes none.

    Of its blocks of code and of the cells, those two are taken that are most alike: a model may quote a line first,
    and the mistake may be in another cell than the error.
    """
    if not answer.complete:
        return answer
    blocks = [block for block in answer.code if block.strip()]
    if not blocks:
        return replace(answer, notes=(*answer.notes, WITHOUT_CODE))
    cell, block = max(((cell, block) for block in blocks for cell in cells), key=_likeness)
    diff = Diff.of(cell, block)
    if not diff.lines:
        return replace(answer, notes=(*answer.notes, UNCHANGED))
    before, after = _around(answer.text, block)
    values = {each.name: getattr(answer, each.name) for each in fields(Answer)}
    return DiffAnswer(**values, diff=diff, before=before, after=after)


def _likeness(pair: tuple[CellSource, CodeBlock]) -> float:
    """How many lines two sources have in common, from 0 to 1."""
    cell, block = pair
    ours, theirs = ([line.strip() for line in text.strip().split("\n")] for text in (cell.source, block))
    return difflib.SequenceMatcher(None, ours, theirs, autojunk=False).ratio()


def _around(text: str, block: str) -> tuple[str, str]:
    """What stands before and behind the fence with `block` in it; all of the text and nothing, where that is indented.

    Then the block is shown as well as the diff.
    """
    text = text.replace("\r\n", "\n")
    start = text.rfind(block)
    opening = text.rfind("\n", 0, max(start - 1, 0)) + 1
    if start < 1 or not text[opening:start].startswith(FENCES):
        return text, ""
    _fence, _newline, after = text[start + len(block) :].partition("\n")
    return text[:opening].strip("\n"), after.strip("\n")
