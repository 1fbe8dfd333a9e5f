"""Maps in this process: a view that remembers what it was shown, and an assistant of its own for each test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

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
