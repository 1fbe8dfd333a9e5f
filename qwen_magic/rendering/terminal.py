"""The view in a terminal: finished blocks are printed once, and only the open tail is drawn again and again.

What is printed stays in the scrollback as it is. The tail lives in a region that is wiped before the next finished
block is printed; so there are no leftovers, however long the answer. Into a file or a pipe goes the markdown itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.text import Text

from ..answer import Answer
from ..events import Event, ReasoningDelta, Recast, Retrying, Started, TextDelta
from .dialect import outline, parser
from .footers import footer
from .view import Heading

__all__ = ["TerminalView", "harmless"]

# A terminal obeys control characters, and those of C1 as well; tab and line feed are the two that text needs.
# C0 is shown as the symbols that Unicode has for it, so that one sees what was there. Half a surrogate pair, which
# JSON can hold, cannot be encoded.
CONTROLS: dict[int, str | None] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys((*range(0x7F, 0xA0), *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}"),
    ord("\r"): None,
}

# A longer tail is drawn as plain text: it is drawn several times a second, and must stay cheap.
LONGEST_TAIL = 2_000


class TerminalView:
    """An answer in a terminal, or in a pipe.

    `console` is where to print; rich's own choice by default.
    """

    interval = 0.1

    def __init__(self, *, show_reasoning: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._show_reasoning = show_reasoning
        self._open = self._reasoning = ""
        self._printed = False
        self._model = self._status = ""
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
        self._status = answering(heading.model)
        self._noted = heading.notes
        names = ", ".join(f"{attached.name} ({attached.facts})" for attached in heading.attachments)
        for line in filter(None, (names, *heading.notes)):
            self._note(line)
        if self._console.is_terminal:
            self._live.start()

    def update(self, events: Sequence[Event]) -> None:
        """Print the blocks that are finished now; the rest becomes the tail."""
        for event in events:
            match event:
                case Recast("reasoning"):
                    self._recast()
                case Recast("text"):
                    self._open += harmless(self._reasoning)
                    self._reasoning = ""
                case Retrying(reason, delay):
                    self._status = f"Trying again in {delay:.0f} s: {harmless(reason)}"
                case Started(model):
                    self._status = answering(model or self._model)
                case ReasoningDelta(text):
                    self._thinking_since = self._thinking_since or time.monotonic()
                    self._reasoning += text
                case TextDelta(text):
                    self._show_thinking()
                    self._open += harmless(text)
        finished, self._open = split_finished(self._open)
        self._live.refresh()  # first the tail, which rich keeps below everything that is printed now
        for block in finished:
            self._print(block)

    def finish(self, answer: Answer) -> None:
        """Print what was open, and a line on what it took; the terminal is as it was before."""
        self._live.stop()
        self._show_thinking()
        self._print(self._open)
        if self._printed:
            self._console.print()
        for line in (*answer.notes[len(self._noted) :], footer(answer)):
            self._note(line)

    def _recast(self) -> None:
        """What is printed cannot be taken back; what is still open can."""
        if self._printed:
            self._note("(All this was thinking. The answer:)")
        self._reasoning, self._open = self._reasoning + self._open, ""

    def _print(self, block: str) -> None:
        """Print one block for good, with an empty line between it and the one before."""
        if not block.strip():
            return
        if not self._console.is_terminal:
            self._write(block.strip("\n") + "\n\n")
            return
        if self._printed:
            self._console.print()
        self._printed = True
        self._console.print(Trimmed(markdown(block)))

    def _show_thinking(self) -> None:
        """Print the thinking, once it is over, if that is wanted."""
        if self._show_reasoning and self._reasoning.strip():
            self._note(self._reasoning.strip() + "\n")
        self._reasoning = ""

    def _write(self, text: str) -> None:
        """Write to a pipe, whose encoding may not have every character (Windows)."""
        encoding = self._console.encoding
        self._console.file.write(text.encode(encoding, "replace").decode(encoding))
        self._console.file.flush()

    def _note(self, text: str) -> None:
        if self._console.is_terminal:
            self._console.print(Text(harmless(text), style="dim"))

    def _tail(self) -> RenderableType:
        """What the live region shows now."""
        if self._open.strip():
            body = markdown(self._open) if len(self._open) <= LONGEST_TAIL else Text(self._open[-LONGEST_TAIL:])
            return Trimmed(body, gap=self._printed, last=max(self._console.height - 2, 1))
        if self._thinking_since is not None and not self._printed:
            return Text(f"Thinking… {time.monotonic() - self._thinking_since:.0f} s", style="dim")
        return Text(self._status, style="dim")


class Trimmed:
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
            yield from without_padding(line)
            yield Segment.line()


def without_padding(line: list[Segment]) -> Iterator[Segment]:
    """`line` without the spaces at its end, which would come along when it is copied from the terminal."""
    ends = [number for number, part in enumerate(line) if part.text.strip()]
    if ends:
        text, style, control = line[ends[-1]]
        yield from line[: ends[-1]]
        yield Segment(text.rstrip(), style, control)


def answering(model: str) -> str:
    return f"{harmless(model)} is answering…"


def harmless(text: str) -> str:
    """`text` without anything that a terminal would obey: a model must not move the cursor or set the title."""
    return text.translate(CONTROLS)


def markdown(source: str) -> Markdown:
    """`source` for rich, as our own dialect reads it; links show where they lead, and formulas their source."""
    rendered = Markdown("", code_theme="ansi_dark", hyperlinks=False)
    rendered.parsed = with_formulas(parser().parse(source, {"references": {}}))
    return rendered


def with_formulas(tokens: Iterable[Token]) -> list[Token]:
    """`tokens`, with formulas as the code that rich can show."""
    shown = []
    for token in tokens:
        if token.type in ("math_inline", "unsafe_math") and not token.block:
            token.type = token.tag = "code"
        elif token.type in ("math_block", "unsafe_math"):
            token.type, token.info = "fence", "latex"
        token.children = with_formulas(token.children) if token.children else token.children
        shown.append(token)
    return shown


def split_finished(source: str) -> tuple[list[str], str]:
    """The top-level blocks of `source` that nothing can change any more, and the rest.

    Only the last block can still change, and only whole lines count: `2` is a paragraph until `2.` goes on with the
    list before it.
    """
    whole = source[: source.rfind("\n") + 1]
    starts = [tokens[0].map[0] for tokens in outline(whole, {}) if tokens[0].map]
    if len(starts) < 2:
        return [], source
    lines = [line + "\n" for line in whole.split("\n")[:-1]]
    starts[0] = 0
    blocks = ["".join(lines[start:end]) for start, end in pairwise(starts)]
    return blocks, source[sum(map(len, blocks)) :]
