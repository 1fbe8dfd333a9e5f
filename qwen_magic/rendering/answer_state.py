"""An answer while it grows, as a page draws it: its whole state, and the patches that bring a page up to date.

Whoever owns a widget sends them: the cell's `live` view, and the chat panel.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from ..core.answer import FAILED, STOPPED, Answer
from ..core.control_characters import one_line
from ..core.events import (
    Again,
    Event,
    ReasoningDelta,
    Recast,
    Retrying,
    RoundEnded,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolReturned,
)
from ..core.languages import translated
from ..core.tool_rounds import ToolResult
from ..core.translatable import applied
from ..structured.schema import Schema
from .call_record import call_html
from .data_table import DataSection
from .markdown import Blocks, Patch
from .page_messages import (
    AnswerPatch,
    GrowingState,
    HeadingState,
    Outcome,
    Phase,
    Progress,
    SectionPatch,
    SectionState,
    ShownAttachment,
)
from .page_words import in_all_languages
from .views.protocol import Heading

__all__ = ["GrowingAnswer", "SectionName", "heading_state", "outcome_of"]

SectionName = Literal["thinking", "answer"]

ENDS: dict[str, Outcome] = {STOPPED: "stopped", FAILED: "failed"}


class _Section:
    """A stretch of markdown that grows: the answer, or the thinking. `state` is what a page needs to draw it."""

    def __init__(self, *, written: bool = False) -> None:
        self._written = written
        self.state: SectionState = {"blocks": [], "tail": "", "append": ""}
        self._blocks = Blocks(written=written)
        self._fed: list[str] = []
        self._sealed = 0

    @property
    def text(self) -> str:
        """All that it holds behind what was sealed."""
        return "".join(self._fed)

    @property
    def markdown(self) -> str | None:
        """The closed section as safe markdown, if that is `written` on the way."""
        return self._blocks.markdown

    def clear(self) -> SectionPatch:
        """Begin anew; returns what to send to the page."""
        self._blocks = Blocks(written=self._written)
        self._fed = []
        self.state |= {"blocks": self.state["blocks"][: self._sealed], "tail": "", "append": ""}
        return {"base": self._sealed, "blocks": [], "tail": "", "append": ""}

    def seal(self, html: str) -> SectionPatch:
        """End what there is, and put `html` behind it as a block; what comes then begins anew."""
        base = self._sealed
        self._keep(self._blocks.close())
        self._blocks, self._fed = Blocks(written=self._written), []
        self.state["blocks"].append(html)
        self._sealed = len(self.state["blocks"])
        return {"base": base, "blocks": self.state["blocks"][base:], "tail": "", "append": ""}

    def grow(self, text: str) -> SectionPatch:
        """Take the next piece of text; returns what to send to the page."""
        self._blocks.feed(text)
        self._fed.append(text)
        return self._keep(self._blocks.patch())

    def close(self, whole: str) -> SectionPatch:
        """This is all there is, with what had arrived and was not shown yet; returns what to send to the page."""
        shown = self.text
        if not whole.startswith(shown):  # it was recast after the last piece that was shown
            self.clear()
            shown = ""
        self._blocks.feed(whole[len(shown) :])
        return self._keep(self._blocks.close())

    def _keep(self, patch: Patch) -> SectionPatch:
        base = self._sealed + patch.base
        self.state["blocks"][base:] = patch.blocks
        if patch.tail is not None:
            self.state |= {"tail": patch.tail, "append": ""}
        self.state["append"] += patch.append
        return {"base": base, "blocks": list(patch.blocks), "tail": patch.tail, "append": patch.append}


class GrowingAnswer:
    """The `state` of one answer, changed in place; every method returns the patch that tells a page the same.

    With `written`, the answer is there as markdown as well when it has ended, for a record of it.
    """

    def __init__(self, schema: Schema[Any] | None = None, *, written: bool = False) -> None:
        answer = _Section(written=written) if schema is None else DataSection(schema)
        self._sections: dict[SectionName, _Section | DataSection] = {"thinking": _Section(), "answer": answer}
        self._progress: Progress = {"phase": "waiting", "seconds": 0.0, "thought": 0.0, "notice": None}
        self._started = time.monotonic()
        self._entered = self._thought = 0.0
        self._round_over = False
        self.state: GrowingState = {
            "thinking": self._sections["thinking"].state,
            "answer": self._sections["answer"].state,
            "progress": self._progress,
        }

    def take(self, events: Sequence[Event]) -> AnswerPatch:
        """What has arrived."""
        new: dict[SectionName, list[str]] = {"thinking": [], "answer": []}
        patch: dict[SectionName, SectionPatch] = {}
        for event in events:
            self._note(event)
            match event:
                case ReasoningDelta(text):
                    new["thinking"].append(self._apart(text))
                case ToolReturned(result):
                    patch["answer"] = self._with_call(result, "".join(new["answer"]), patch.get("answer"))
                    new["answer"] = []
                case RoundEnded():
                    self._round_over = bool(self._sections["thinking"].text or new["thinking"])
                case TextDelta(text):
                    new["answer"].append(text)
                case Recast(to):
                    before: SectionName = "answer" if to == "reasoning" else "thinking"
                    after: SectionName = "thinking" if to == "reasoning" else "answer"
                    new[after] += [self._sections[before].text, *new[before]]
                    new[before] = []
                    patch[before] = self._sections[before].clear()
                case Again():
                    new = {"thinking": [], "answer": []}
                    patch = {name: section.clear() for name, section in self._sections.items()}
        for name, pieces in new.items():
            if text := "".join(pieces):
                patch[name] = _joined(patch.get(name), self._sections[name].grow(text), self._sections[name].state)
        taken: AnswerPatch = {"progress": self._clocked()}
        for name, change in patch.items():
            taken[name] = change
        return taken

    def end(self, answer: Answer) -> AnswerPatch:
        """There is no more."""
        self._enter("done")
        self._progress["outcome"] = outcome_of(answer)
        return {
            "thinking": self._sections["thinking"].close(answer.thinking),
            "answer": self._sections["answer"].close(answer.text),
            "progress": self._clocked(),
        }

    def break_off(self) -> AnswerPatch:
        """There is no more than what is shown."""
        return self.end(Answer(self._sections["answer"].text, self._sections["thinking"].text, finish_reason=FAILED))

    @property
    def html(self) -> str:
        """The HTML of the whole answer, when it has ended: what `render` makes of its text."""
        return "".join(self.state["answer"]["blocks"])

    @property
    def markdown(self) -> str | None:
        """The whole answer, when it has ended: what `neutralise` makes of its text, or `None`."""
        answer = self._sections["answer"]
        return answer.markdown if isinstance(answer, _Section) else None

    def _apart(self, thinking: str) -> str:
        """Thinking, with a gap before it where functions were called in between."""
        gap, self._round_over = "\n\n" * (self._round_over and bool(thinking)), self._round_over and not thinking
        return gap + thinking

    def _with_call(self, result: ToolResult, text: str, before: SectionPatch | None) -> SectionPatch:
        """Put a call behind the rest of what the model wrote before it."""
        section = self._sections["answer"]
        assert isinstance(section, _Section), "there are no tools beside a schema"
        if text:
            before = _joined(before, section.grow(text), section.state)
        return _joined(before, section.seal(call_html(result)), section.state)

    def _note(self, event: Event) -> None:
        """What an event tells about the answer's progress."""
        match event:
            case Retrying(reason, delay):
                said = in_all_languages(applied(one_line, reason))
                self._progress["notice"] = {"kind": "retrying", "delay": delay, "reason": said}
            case Again(reason):
                said = in_all_languages(applied(one_line, reason))
                self._progress["notice"] = {"kind": "retrying", "delay": 0, "reason": said}
            case Started():
                self._progress["notice"] = None
            case ReasoningDelta(text) if text:
                self._enter("thinking")
            case TextDelta(text) if text:
                self._enter("answering")
            case Recast(to) if self._progress["phase"] in ("thinking", "answering"):
                self._progress["phase"] = "thinking" if to == "reasoning" else "answering"
            case ToolCallDelta(name=name) if name:
                self._progress["notice"] = {"kind": "calling", "name": one_line(name)}

    def _enter(self, phase: Phase) -> None:
        """Go on to `phase`; the seconds of thinking are those between entering it and leaving it."""
        before, now = self._progress["phase"], time.monotonic()
        if phase == before:
            return
        if before == "thinking":
            self._thought += now - self._entered
        self._entered = now
        self._progress["phase"] = phase

    def _clocked(self) -> Progress:
        now, thinking = time.monotonic(), self._progress["phase"] == "thinking"
        self._progress["seconds"] = now - self._started
        self._progress["thought"] = self._thought + (now - self._entered if thinking else 0.0)
        return self._progress


def _joined(before: SectionPatch | None, patch: SectionPatch, state: SectionState) -> SectionPatch:
    """One patch for both of what has become of a section, which is in this `state` now."""
    if before is None:
        return patch
    base = min(before["base"], patch["base"])
    return {"base": base, "blocks": state["blocks"][base:], "tail": state["tail"], "append": state["append"]}


def outcome_of(answer: Answer) -> Outcome:
    """How an answer has ended, for a page."""
    return ENDS.get(answer.finish_reason, "done")


def heading_state(heading: Heading) -> HeadingState:
    """A heading, as a page draws it."""
    attachments: list[ShownAttachment] = [
        {"name": one_line(attached.name), "note": one_line(translated(attached.facts))}
        for attached in heading.attachments
    ]
    return {
        "model": one_line(heading.model),
        "endpoint": one_line(heading.endpoint),
        "attachments": attachments,
        "notes": _notes_in_all_languages(heading.notes),
    }


def _notes_in_all_languages(notes: Iterable[str]) -> dict[str, list[str]]:
    said = [in_all_languages(applied(one_line, note)) for note in notes]
    return {language: [each[language] for each in said] for language in in_all_languages("")}
