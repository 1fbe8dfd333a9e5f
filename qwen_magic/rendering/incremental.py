"""An answer that grows: its finished blocks are rendered once, its open end is rendered again and again.

The cost is linear in the answer by construction: each character that arrives pays for WORK characters of parsing
and rendering, and the open end is rendered only when that is paid for. Until then new text is added to it as text.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from markdown_it.token import Token

from ..core.control_characters import visible
from .open_tail import LONGEST_TAIL, Tail
from .parser import block_html, completed, normalised, outline
from .rules.math import TYPESET
from .safe_markdown import paragraphs, written
from .stability import extent

__all__ = ["Blocks", "Patch"]

# An open end of 600 characters is rendered again every 40 characters or so.
WORK = 28

# The beginning of an answer is to be smooth as well, with nothing paid yet.
CREDIT = 4_000


@dataclass(frozen=True, slots=True)
class Patch:
    """What to change on the page, in this order.

    The blocks from number `base` on are replaced by `blocks`, each the HTML of one finished block. `tail` is the HTML
    of the open end; it stands after the blocks and replaces the tail before; `None` leaves that as it is. `append`
    is text, not HTML: it goes to the end of the tail, into the last element of its last element, and so on.
    """

    base: int
    blocks: tuple[str, ...]
    tail: str | None
    append: str = ""


@dataclass(frozen=True, slots=True)
class _Finished:
    """Finished text, its blocks as HTML and as parsed; how much of the answer was formulas before and after it."""

    text: str
    blocks: tuple[str, ...]
    parsed: Sequence[list[Token]]
    typeset_before: int
    typeset_after: int


class Blocks:
    """Turns an answer that comes in pieces into patches.

    When `close` has been called, all the blocks together are what `render` makes of the whole answer, wherever it was
    cut into pieces. `work` counts the characters that were parsed, and those of HTML that were made. With `written`,
    `markdown` is what `neutralise` makes of it, from the same parse: not on the way, when a page waits for the HTML.
    """

    def __init__(self, *, written: bool = False) -> None:
        self.work = 0
        self._written = written
        self._finished: list[_Finished] = []
        self._count = 0
        self._references: dict[str, Any] = {}
        self._fed: list[str] = []
        self._carriage_return = ""
        self._tail = Tail()
        self._allowance = CREDIT
        self._trusted = True

    def feed(self, text: str) -> None:
        """Take the next piece of the answer."""
        text = self._carriage_return + text
        self._carriage_return = "\r" if text.endswith("\r") else ""
        text = normalised(text.removesuffix("\r"))
        self._fed.append(text)
        self._allowance += WORK * len(text)
        self._written = self._written and visible(text) == text

    def patch(self) -> Patch:
        """What has changed since the last patch."""
        if not self._take():
            return Patch(self._count, (), None)
        tail = self._tail
        paid = self._allowance >= tail.cost
        if tail.at_boundary and (paid or self._trusted):
            return self._look()
        if paid and not (tail.rendered and tail.length > LONGEST_TAIL):
            return self._look()
        return Patch(self._count, (), None, self._unshown())

    def close(self) -> Patch:
        """The answer has ended: finish what is open, and what a definition that came late has changed."""
        self.feed("\n" if self._carriage_return else "")
        self._take()
        base, blocks = self._count, self._finish(self._tail.text)
        self._tail = Tail()
        return Patch(base, blocks, "") if self._references.keys() <= {TYPESET} else self._resolved(base)

    @property
    def markdown(self) -> str | None:
        """The closed answer as safe markdown; `None` where it has to be parsed once more for it."""
        if not self._written:
            return None
        text = paragraphs(paragraphs(map(written, finished.parsed)) for finished in self._finished)
        return text + "\n" if text else ""

    def _take(self) -> bool:
        """Open the text that was fed since the last patch; says whether there is any."""
        text = "".join(self._fed)
        self._fed.clear()
        if text:
            self._tail.add(text)
        return bool(text)

    def _look(self) -> Patch:
        """Finish what is finished, and render what is open."""
        base, blocks = self._count, self._finish_some() if self._tail.has_new_lines else ()
        tail = self._tail
        if tail.rendered and tail.length > LONGEST_TAIL:
            return Patch(base, blocks, None, self._unshown())
        html = tail.render(ChainMap({}, self._references))
        self._pay(tail.cost)
        return Patch(base, blocks, html, self._unshown())

    def _unshown(self) -> str:
        done = self._tail.appending_work
        shown = self._tail.unshown(self._references)
        self.work += max(0, self._tail.appending_work - done)
        return shown

    def _finish_some(self) -> tuple[str, ...]:
        """Finish what can be finished of the tail.

        That costs nothing, since it is done once for each character. Looking in vain costs, and a boundary is not
        trusted then until it is paid for.
        """
        text = self._tail.text
        defined: dict[str, Any] = {}
        found = extent(text, ChainMap(defined, self._references))
        self._trusted = found.finished > 0 or self._allowance >= len(text)
        if not found.finished:
            self._pay(len(text))
            self._tail.knows(found)
            return ()
        self.work += len(text)
        self._tail = Tail(text[found.finished :])
        self._tail.knows(found)
        # What the open end defines may still change: then what is finished is parsed by itself.
        return self._finish(text[: found.finished], None if defined else found.blocks)

    def _finish(self, text: str, outlined: Sequence[list[Token]] | None = None) -> tuple[str, ...]:
        finished = self._rendered(text, outlined)
        self.work += len(text) + sum(map(len, finished.blocks))
        self._finished.append(finished)
        self._count += len(finished.blocks)
        return finished.blocks

    def _rendered(self, text: str, outlined: Sequence[list[Token]] | None = None) -> _Finished:
        before = self._references.get(TYPESET, 0)
        blocks = completed(outline(text, self._references) if outlined is None else outlined, self._references)
        html = tuple(block_html(block, {}) for block in blocks)
        kept = blocks if self._written else ()
        return _Finished(text, html, kept, before, self._references.get(TYPESET, 0))

    def _pay(self, work: int) -> None:
        self.work += work
        self._allowance -= work

    def _resolved(self, base: int) -> Patch:
        """The blocks from `base` on, or from the first one that is different now that all references are known."""
        before, self._finished = self._finished, []
        self._references[TYPESET] = 0
        for finished in before:
            if "]" in finished.text or self._references[TYPESET] != finished.typeset_before:
                self._finished.append(self._rendered(finished.text))
            else:
                self._references[TYPESET] = finished.typeset_after
                self._finished.append(finished)
        old, new = (
            list(chain.from_iterable(finished.blocks for finished in pieces)) for pieces in (before, self._finished)
        )
        changed = (number for number, (one, other) in enumerate(zip(old, new, strict=True)) if one != other)
        base = min(base, next(changed, base))
        return Patch(base, tuple(new[base:]), "")
