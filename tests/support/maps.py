"""Maps in this process: a view that remembers what it was shown, and an assistant of its own for each test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from qwen_magic.assistant.assistant import Assistant
from qwen_magic.assistant.question import Question
from qwen_magic.mapping.mapper import MapOptions, map_rows
from qwen_magic.mapping.report import MapProgress, MapReport


@dataclass
class Recording:
    """A view that remembers what it was shown; `each` is called at every update."""

    interval: float = 0.02
    each: Callable[[MapProgress], None] = lambda progress: None
    shown: list[MapProgress] = field(default_factory=list)
    reports: list[MapReport] = field(default_factory=list)

    def start(self, model: str, total: int) -> None:
        assert total

    def update(self, progress: MapProgress) -> None:
        self.shown.append(progress)
        self.each(progress)

    def finish(self, report: MapReport) -> None:
        self.reports.append(report)


@dataclass
class Mapper:
    """Maps with an assistant of its own; remembers what was published, shown and asked of the person."""

    assistant: Assistant
    view: Recording = field(default_factory=Recording)
    published: list[Any] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    agrees: bool | None = None

    def __call__(self, given: Any, template: str, question: Question | None = None, **options: Any) -> Any:
        asked = replace(question or Question(""), prompt=template)
        self.view = replace(self.view, shown=[], reports=[])
        return map_rows(
            self.assistant, given, asked, MapOptions(**options), self.view, self._agree, self.published.append
        )

    def _agree(self, question: str) -> bool | None:
        self.questions.append(question)
        return self.agrees

    @property
    def report(self) -> MapReport:
        return self.view.reports[-1]


# Holds a cache as a process does that writes into it, until it is told to end.
HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
database.execute("ROLLBACK")
"""


class Holder:
    """Another process that holds the file of a cache."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", HOLDER, str(path)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "held\n"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.release()

    def release(self) -> None:
        """Let it go; does nothing the second time."""
        if self._process.poll() is None:
            self._process.communicate("\n")
