"""A traceback as a person would send it: the frames of their own code, the libraries' in a line or two, all bounded.

Own code is the notebook's cells and the files of its folder. Where a library lies on this machine is left out.
"""

from __future__ import annotations

import linecache
import os
import re
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from traceback import TracebackException
from types import TracebackType

from ..core.errors import redacted
from .unified_diff import CellSource

__all__ = ["Origins", "CodeFrame", "chain", "frames", "trimmed"]

# Bounds are ours: what a person would still read. Exceptions in a row, and in a group; groups in groups; frames; and
# characters of a message and of it all.
MAX_CHAIN, MAX_GROUP, MAX_DEPTH = 4, 5, 2
MAX_FRAMES = 16
MAX_MESSAGE, MAX_TRACEBACK = 2_000, 8_000
# Of a run of frames in libraries so many are shown at each end.
LIBRARY_ENDS = 1
# Of a file of the person's, so many lines before and behind the one that failed.
AROUND = 3

# Python's own words between two exceptions.
CAUSE = "The above exception was the direct cause of the following exception:"
CONTEXT = "During handling of the above exception, another exception occurred:"

# What IPython calls the body of a cell that it times. Its first line is the second one of the cell.
TIMED = ("<timed exec>", "<timed eval>")
PACKAGES = re.compile(r"^.*[\\/](?:site|dist)-packages[\\/]")


@dataclass(frozen=True, slots=True)
class Origins:
    """Where code is from. `cell_of` gives the cell for the name that IPython compiles it under, or `None`.

    `failed` is the cell that failed, and `folder` that of the person's own files.
    """

    cell_of: Callable[[str], CellSource | None]
    failed: CellSource
    folder: Path

    def cell(self, filename: str) -> CellSource | None:
        """The cell that this code is from."""
        return self.failed if filename in TIMED else self.cell_of(filename)

    def is_file(self, filename: str) -> bool:
        """Whether it is a file of the person's own."""
        path = os.path.realpath(filename)
        inside = Path(path).is_relative_to(os.path.realpath(self.folder))
        library = PACKAGES.match(path) or Path(path).is_relative_to(sysconfig.get_path("stdlib"))
        return inside and not library and os.path.isfile(path)

    def name(self, filename: str) -> str:
        """What it is called in a traceback: a cell by its number, a file by its path in the folder or the library."""
        cell = self.cell(filename)
        if cell is not None:
            return cell.name
        if filename.startswith("<"):
            return filename
        if self.is_file(filename):
            return os.path.relpath(os.path.realpath(filename), os.path.realpath(self.folder))
        path = Path(filename)
        if path.is_relative_to(sysconfig.get_path("stdlib")) and not PACKAGES.match(filename):
            return path.relative_to(sysconfig.get_path("stdlib")).as_posix()
        found = PACKAGES.sub("", filename)
        return found.replace("\\", "/") if found != filename else path.name


@dataclass(frozen=True, slots=True)
class CodeFrame:
    """A frame of a traceback. `line` counts as the person sees it; `own` is whether it is their code."""

    traceback: TracebackType
    place: str
    line: int
    own: bool
    cell: CellSource | None

    @property
    def heading(self) -> str:
        """Such as `In[3], line 2, in mean`."""
        return f"{self.place}, line {self.line}, in {self.traceback.tb_frame.f_code.co_name}"

    @property
    def code(self) -> tuple[str, ...]:
        """The line that failed, in a file with those around it; nothing of a library's."""
        if self.cell is not None:
            lines = self.cell.source.split("\n")
            return (lines[self.line - 1].strip(),) if 0 < self.line <= len(lines) else ()
        lines = linecache.getlines(self.traceback.tb_frame.f_code.co_filename) if self.own else []
        first = max(self.line - AROUND, 1)
        return tuple(
            f"{'>' if number == self.line else ' '} {number} {line.rstrip()}"
            for number, line in enumerate(lines[first - 1 : self.line + AROUND], first)
        )


def chain(error: BaseException) -> list[tuple[BaseException, str]]:
    """The exceptions that led to `error`, the first one first, each with the words that stand before it."""
    found: list[tuple[BaseException, str]] = []
    current: BaseException | None = error
    while current is not None and len(found) < MAX_CHAIN and all(current is not each for each, _ in found):
        before = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        link = "" if before is None else CAUSE if current.__cause__ else CONTEXT
        found.append((current, link))
        current = before
    return found[::-1]


def frames(error: BaseException, origins: Origins) -> list[CodeFrame]:
    """The frames of an exception, without those of IPython that lead to the cell, or that failed to compile it."""
    if isinstance(error, SyntaxError) and error.filename and origins.cell(error.filename):
        return []
    found = list(_all_frames(error.__traceback__, origins))
    first = next((number for number, frame in enumerate(found) if frame.own), 0)
    return found[first:]


def _all_frames(traceback: TracebackType | None, origins: Origins) -> Iterator[CodeFrame]:
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        cell = origins.cell(filename)
        line = traceback.tb_lineno + (_offset(cell.source, filename) if cell else 0)
        own = cell is not None or origins.is_file(filename)
        yield CodeFrame(traceback, origins.name(filename), line, own, cell)
        traceback = traceback.tb_next


def _offset(source: str, filename: str) -> int:
    """How many lines of a cell stand before the first one that was compiled: empty ones, and that of a magic."""
    return len(source) - len(source.lstrip("\n")) + (filename in TIMED)


def trimmed(error: BaseException, origins: Origins) -> str:
    """The whole traceback with its chain, as text of a bounded length."""
    parts: list[str] = []
    for each, link in chain(error):
        parts += [link] if link and parts else []
        parts.append("\n".join(_described(each, origins)))
    return _cut(redacted("\n\n".join(parts)), MAX_TRACEBACK)


def _described(error: BaseException, origins: Origins, depth: int = 0) -> Iterator[str]:
    """The lines of one exception: its frames, its message, and what is in it if it is a group."""
    shown = frames(error, origins)
    if shown:
        yield "Traceback (most recent call last):"
        yield from _frame_lines(shown)
    yield from _message(error, origins)
    if isinstance(error, BaseExceptionGroup) and depth < MAX_DEPTH:
        for number, each in enumerate(error.exceptions[:MAX_GROUP], 1):
            yield f"  [{number}]"
            yield from (f"  {line}" for line in _described(each, origins, depth + 1))
        left = len(error.exceptions) - MAX_GROUP
        if left > 0:
            yield f"  … {left} more exceptions"


def _message(error: BaseException, origins: Origins) -> list[str]:
    """The exception's type and message, with its notes; of a SyntaxError the line and the place in it."""
    summary = TracebackException(type(error), error, None)
    if isinstance(error, SyntaxError) and summary.filename:
        summary.filename = origins.name(summary.filename)
    return _cut("".join(summary.format_exception_only()).rstrip("\n"), MAX_MESSAGE).split("\n")


def _frame_lines(shown: Sequence[CodeFrame]) -> Iterator[str]:
    """The frames in lines; what is repeated, and what is in libraries, is cut short."""
    entries: list[tuple[str, ...]] = []
    for own, run in groupby(shown, key=lambda frame: frame.own):
        part = list(run)
        entries += _own_entries(part) if own else _library_entries(part)
    left = len(entries) - MAX_FRAMES
    if left > 0:
        half = MAX_FRAMES // 2
        entries = [*entries[:half], (f"  … {left} more frames …",), *entries[-half:]]
    for entry in entries:
        yield from entry


def _own_entries(run: Sequence[CodeFrame]) -> Iterator[tuple[str, ...]]:
    for heading, same in groupby(run, key=lambda frame: frame.heading):
        frame, *again = same
        yield (f"  {heading}", *(f"    {line}" for line in frame.code))
        if again:
            yield (f"  [the same {len(again)} more times]",)


def _library_entries(run: Sequence[CodeFrame]) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = [(f"  {frame.heading}",) for frame in run]
    left = len(lines) - 2 * LIBRARY_ENDS
    if left <= 1:
        return lines
    return [*lines[:LIBRARY_ENDS], (f"  … {left} more frames in libraries …",), *lines[-LIBRARY_ENDS:]]


def _cut(text: str, most: int) -> str:
    """`text` without its middle, where it is too long."""
    left = len(text) - most
    if left <= 0:
        return text
    half = most // 2
    return f"{text[:half]}\n… ({left:,} characters left out) …\n{text[-half:]}"
