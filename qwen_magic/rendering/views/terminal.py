"""The view in a terminal: finished blocks are printed once, and only the open tail is drawn again and again.

What is printed stays in the scrollback as it is. The tail lives in a region that is wiped before the next finished
block is printed; so there are no leftovers, however long the answer. Into a file or a pipe goes the markdown itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.text import Text

from ...code_cells.diff_answer import DiffAnswer
from ...code_cells.unified_diff import Diff
from ...core.answer import Answer
from ...core.control_characters import one_line, visible
from ...core.events import (
    Again,
    Event,
    ReasoningDelta,
    Recast,
    Retrying,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolReturned,
)
from ...core.languages import translated
from ...core.tool_rounds import ToolResult
from ...core.translatable import _
from ...structured.data_answer import DataAnswer
from ..call_record import call_plain
from ..data_table import TableText, data_plain
from ..diff_record import caption, diff_plain
from ..footer import called, footer
from ..mimebundle import attachment_line, plain_beside
from ..parser import outline, parser
from ..stability import Extent, extent
from .protocol import Heading

__all__ = ["TerminalView"]

# A longer tail is drawn as plain text: it is drawn several times a second, and must stay cheap.
LONGEST_TAIL = 2_000

# Each character that arrives pays for so many to be parsed in search of what is finished, so that the cost of an answer
# is linear in its length.
WORK = 16

# How a block of code begins.
FENCES = ("```", "~~~")

# By the sign of a line of a diff.
DIFF_STYLES = {"+": "green", "-": "red", "@": "dim"}

# So much of the text before is searched again with new text, for what ends a block.
EDGE = 64


class TerminalView:
    """An answer in a terminal, or in a pipe.

    `console` is where to print; rich's own choice by default.
    """

    interval = 0.1

    def __init__(self, *, show_reasoning: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._show_reasoning = show_reasoning
        self._reasoning: list[str] = []
        self._open = _UnprintedText()
        self._data: TableText | None = None
        self._held: list[str] | None = None
        self._printed = False
        self._model = self._status = ""
        self._noted: tuple[str, ...] = ()
        self._thinking_since: float | None = None
        self._live = Live(
            get_renderable=self._tail,
            console=self._console,
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def start(self, heading: Heading) -> None:
        """Say who is asked, and with what."""
        self._model = heading.model
        self._status = _answering(heading.model)
        self._noted = heading.notes
        self._data = TableText(heading.schema) if heading.schema else None
        self._held = [] if heading.rewrites else None
        names = ", ".join(map(attachment_line, heading.attachments))
        for line in filter(None, (names, *heading.notes)):
            self._note(one_line(translated(line)))
        if self._console.is_terminal:
            self._live.start()

    def update(self, events: Sequence[Event]) -> None:
        """Print the blocks that are finished now; the rest becomes the tail."""
        for event in events:
            match event:
                case Recast("reasoning"):
                    self._recast()
                case Recast("text"):
                    self._add("".join(self._reasoning))
                    self._reasoning.clear()
                case Retrying(reason, delay):
                    again = _("Trying again in {seconds:.0f} s: {reason}", seconds=delay, reason=reason)
                    self._status = one_line(translated(again))
                case Started(model):
                    self._status = _answering(model or self._model)
                case ReasoningDelta(text):
                    self._thinking_since = self._thinking_since or time.monotonic()
                    self._reasoning.append(text)
                case TextDelta(text):
                    self._show_thinking()
                    self._add(text)
                case Again(reason):
                    self._reasoning.clear()
                    self._data = self._data and self._data.emptied()
                    self._status = one_line(translated(reason))
                case ToolCallDelta(name=name) if name:
                    self._status = one_line(called(name))
                case ToolReturned(result):
                    self._print_call(result)
        finished = self._open.take_finished()
        self._live.refresh()  # first the tail, which rich keeps below everything that is printed now
        for block in _split(finished) if finished else ():
            self._print(block)

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Without the region that is drawn again and again; what is finished stays."""
        running = self._live.is_started
        self._live.stop()
        try:
            yield
        finally:
            if running:
                self._live.start()

    def finish(self, answer: Answer) -> None:
        """Print what was open, and a line on what it took; the terminal is as it was before."""
        self._live.stop()
        self._show_thinking()
        self._print(self._open.text)
        self._print_held(answer)
        if self._printed:
            self._console.print()
        if isinstance(answer, DataAnswer) and (data := data_plain(answer)).strip():
            self._beside(data)
        for part in plain_beside(answer):
            self._beside(part)
        for line in (*answer.notes[len(self._noted) :], footer(answer)):
            self._note(one_line(translated(line)))

    def _add(self, text: str) -> None:
        """The next piece of the answer; data is printed at the end, when its columns have their widths."""
        if self._data is None:
            self._open.add(visible(text))
        else:
            self._data.feed(text)

    def _print_call(self, result: ToolResult) -> None:
        """Print a call for good, behind what the model wrote before it."""
        self._show_thinking()
        for block in _split(self._open.text):
            self._print(block)
        self._open = _UnprintedText()
        self._status = _answering(self._model)
        if not self._console.is_terminal:
            self._write(f"{call_plain(result)}\n\n")
            return
        if self._printed:
            self._console.print()
        self._printed = True
        self._console.print(Text(call_plain(result), style="dim"))

    def _recast(self) -> None:
        """What is printed cannot be taken back; what is still open can."""
        if self._printed:
            self._note(translated(_("(All this was thinking. The answer:)")))
        self._reasoning.append(self._open.text)
        self._open = _UnprintedText()

    def _print(self, block: str) -> None:
        """Print one block for good, with an empty line between it and the one before."""
        if not block.strip():
            return
        if self._held is not None and block.lstrip().startswith(FENCES):
            self._held.append(block)
            return
        if not self._console.is_terminal:
            self._write(block.strip("\n") + "\n\n")
            return
        if self._printed:
            self._console.print()
        self._printed = True
        self._console.print(_Trimmed(_markdown(block)))

    def _print_held(self, answer: Answer) -> None:
        """Print the diff, or in an answer without one the blocks of code that were to become it."""
        held, self._held = self._held, None
        diff = answer.diff if isinstance(answer, DiffAnswer) else None
        if diff is None:
            for block in held or ():
                self._print(block)
        elif self._console.is_terminal:
            self._print_diff(diff)
        else:
            self._write(f"{diff_plain(diff)}\n\n")

    def _print_diff(self, diff: Diff) -> None:
        if self._printed:
            self._console.print()
        self._printed = True
        self._console.print(Text(caption(diff), style="bold"))
        for line in diff.lines:
            self._console.print(Text(visible(line), style=DIFF_STYLES.get(line[:1], "")))

    def _show_thinking(self) -> None:
        """Print the thinking, once it is over, if that is wanted."""
        thinking = "".join(self._reasoning).strip()
        if thinking and self._show_reasoning:
            self._note(f"{visible(thinking)}\n")
        self._reasoning.clear()

    def _beside(self, part: str) -> None:
        """Print what the answer is made of beside its text."""
        if self._console.is_terminal:
            self._console.print(Text(part))
            self._console.print()
        else:
            self._write(f"{part}\n\n")

    def _write(self, text: str) -> None:
        """Write to a pipe, whose encoding may not have every character (Windows)."""
        encoding = self._console.encoding
        self._console.file.write(text.encode(encoding, "replace").decode(encoding))
        self._console.file.flush()

    def _note(self, text: str) -> None:
        if self._console.is_terminal:
            self._console.print(Text(text, style="dim"))

    def _tail(self) -> RenderableType:
        """What the live region shows now."""
        if self._data is not None and self._data.total:
            return Text(self._data.last(max(self._console.height - 4, 1)), no_wrap=True, overflow="ellipsis")
        if self._open.end.strip():
            body = _markdown(self._open.end) if self._open.length <= LONGEST_TAIL else Text(self._open.end)
            return _Trimmed(body, gap=self._printed, last=max(self._console.height - 2, 1))
        if self._thinking_since is not None and not self._printed:
            thinking = _("Thinking… {seconds:.0f} s", seconds=time.monotonic() - self._thinking_since)
            return Text(translated(thinking), style="dim")
        return Text(self._status, style="dim")


class _UnprintedText:
    """The text that is not printed yet. `end` is its last part, as much of it as a tail shows."""

    def __init__(self) -> None:
        self.length = 0
        self.end = ""
        self._pieces: list[str] = []
        self._references: dict[str, Any] = {}
        self._extent = Extent()
        self._at_boundary = False
        self._allowance = 0

    @property
    def text(self) -> str:
        self._pieces = ["".join(self._pieces)]
        return self._pieces[0]

    def add(self, text: str) -> None:
        edge = self.end[-EDGE:]
        self._pieces.append(text)
        self.length += len(text)
        self.end = (self.end + text)[-LONGEST_TAIL:]
        self._allowance += WORK * len(text)
        # What looks like the end of a block and is none (in a list, say) is looked at only as long as it is paid for.
        if self._allowance > 0:
            ends = (found.end() for found in self._extent.boundary.finditer(edge + text))
            self._at_boundary = self._at_boundary or any(end > len(edge) for end in ends)

    def take_finished(self) -> str:
        """The blocks that nothing can change any more, if it is time to look for them."""
        if not self._at_boundary and self._allowance < self.length:
            return ""
        text, self._at_boundary = self.text, False
        self._extent = extent(text, self._references)
        finished, rest = text[: self._extent.finished], text[self._extent.finished :]
        self._allowance -= 0 if finished else self.length
        self._pieces, self.length, self.end = [rest], len(rest), rest[-LONGEST_TAIL:]
        return finished


class _Trimmed:
    """A renderable without the empty lines at its ends; only its `last` lines, with an empty line above for `gap`."""

    def __init__(self, body: RenderableType, *, gap: bool = False, last: int | None = None) -> None:
        self._body = body
        self._gap = gap
        self._last = last

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._body, options, pad=False)
        filled = [number for number, line in enumerate(lines) if any(part.text.strip() for part in line)]
        if self._gap:
            yield Segment.line()
        for line in lines[filled[0] : filled[-1] + 1][-(self._last or len(lines)) :] if filled else ():
            yield from _without_padding(line)
            yield Segment.line()


def _without_padding(line: list[Segment]) -> Iterator[Segment]:
    """`line` without the spaces at its end, which would come along when it is copied from the terminal."""
    ends = [number for number, part in enumerate(line) if part.text.strip()]
    if ends:
        text, style, control = line[ends[-1]]
        yield from line[: ends[-1]]
        yield Segment(text.rstrip(), style, control)


def _answering(model: str) -> str:
    return one_line(translated(_("{model} is answering…", model=model)))


def _markdown(source: str) -> Markdown:
    """`source` for rich, as our own dialect reads it; links show where they lead, and formulas their source."""
    rendered = Markdown("", code_theme="ansi_dark", hyperlinks=False)
    rendered.parsed = _with_formulas(parser().parse(source, {"references": {}}))
    return rendered


def _with_formulas(tokens: Iterable[Token]) -> list[Token]:
    """`tokens`, with formulas as the code that rich can show."""
    shown = []
    for token in tokens:
        if token.type in ("math_inline", "unsafe_math") and not token.block:
            token.type = token.tag = "code"
        elif token.type in ("math_block", "unsafe_math"):
            token.type, token.info = "fence", "latex"
        token.children = _with_formulas(token.children) if token.children else token.children
        shown.append(token)
    return shown


def _split(text: str) -> list[str]:
    """The top-level blocks of `text`, all of which are finished."""
    lines = text.split("\n")
    starts = [tokens[0].map[0] for tokens in outline(text, {}) if tokens[0].map]
    return ["\n".join(lines[start:end]) for start, end in pairwise([0, *starts[1:], len(lines)])]
