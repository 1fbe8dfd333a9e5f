"""What the kernel sends to the page: the states of answers and panels, and the messages that keep them in step.

The page's half is `static/page_messages.js`; a test holds the names and the fields of both together. What each field
is for is written there, since most of it is for the page to draw. Not for what a page sends: that is checked, and is in
`panel/page_requests.py`.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "AnswerPatch",
    "AnswerState",
    "Aside",
    "BeginMessage",
    "ByLanguage",
    "CallingNotice",
    "Change",
    "GivenAttachment",
    "GrowingState",
    "HeadingState",
    "KnownConversation",
    "MapRow",
    "MapState",
    "Offer",
    "Outcome",
    "PanelChange",
    "PanelState",
    "Phase",
    "Progress",
    "RecordBundle",
    "RecordMessage",
    "RetryingNotice",
    "SavedView",
    "SectionPatch",
    "SectionState",
    "ShownAttachment",
    "TurnChange",
    "TurnState",
    "WholeMessage",
]

# A text in each language that a page may have, by the first part of its code.
ByLanguage = dict[str, str]

Phase = Literal["waiting", "thinking", "answering", "done"]
Outcome = Literal["done", "stopped", "failed"]


# --- one answer


class SectionState(TypedDict):
    """A section, as the page draws it."""

    blocks: list[str]
    tail: str
    append: str


class SectionPatch(TypedDict):
    """What brings a section up to date: `incremental.Patch`."""

    base: int
    blocks: list[str]
    tail: str | None
    append: str


class RetryingNotice(TypedDict):
    """The request is sent again after `delay` seconds."""

    kind: Literal["retrying"]
    delay: float
    reason: ByLanguage


class CallingNotice(TypedDict):
    """The model calls a function."""

    kind: Literal["calling"]
    name: str


class Progress(TypedDict):
    """How far an answer is; times in seconds."""

    phase: Phase
    seconds: float
    thought: float
    notice: RetryingNotice | CallingNotice | None
    outcome: NotRequired[Outcome]


class ShownAttachment(TypedDict):
    """What was sent beside a question."""

    name: str
    note: str


class HeadingState(TypedDict):
    """What is known before the first word."""

    model: str
    endpoint: str
    attachments: list[ShownAttachment]
    notes: dict[str, list[str]]
    thinking_stays: NotRequired[bool]


class SavedView(TypedDict):
    """What the page writes into the file of an answer that has not ended."""

    view: str
    model: str
    around: list[str]


class RecordBundle(TypedDict):
    """A static display."""

    data: dict[str, Any]
    metadata: dict[str, Any]


class GrowingState(TypedDict):
    """What grows of an answer."""

    thinking: SectionState
    answer: SectionState
    progress: Progress


class AnswerState(GrowingState):
    """One answer of a cell."""

    heading: HeadingState
    saved: SavedView
    record: NotRequired[RecordBundle]


class AnswerPatch(TypedDict):
    """What brings an answer up to date."""

    thinking: NotRequired[SectionPatch]
    answer: NotRequired[SectionPatch]
    progress: Progress


# --- to the widget of one answer; what comes in between is an AnswerPatch


class BeginMessage(TypedDict):
    """there is a question."""

    begin: AnswerState


class RecordMessage(TypedDict):
    """what takes the widget's place."""

    record: RecordBundle | None


# --- the chat panel


class GivenAttachment(TypedDict):
    """What is to be attached: `page_requests.Given`."""

    kind: Literal["file", "variable", "snapshot"]
    value: str
    name: str


class TurnState(GrowingState):
    """One turn of the transcript."""

    question: str
    attachments: list[ShownAttachment]
    given: list[GivenAttachment]
    heading: HeadingState
    head: str
    foot: ByLanguage
    text: str
    error: ByLanguage | None
    drawn: bool
    in_cell: bool
    cell_is_older: bool


class TurnChange(TypedDict, total=False):
    """The fields of a turn that have changed."""

    attachments: list[ShownAttachment]
    heading: HeadingState
    thinking: SectionState
    answer: SectionState
    head: str
    foot: ByLanguage
    text: str
    error: ByLanguage
    drawn: bool


class KnownConversation(TypedDict):
    """What the panel shows of its conversation beside the turns."""

    name: str
    model: str


class PanelState(KnownConversation):
    """All of a panel."""

    seq: int
    id: str
    view: str
    around: list[str]
    in_cell: str
    language: str
    order: list[str]
    turns: dict[str, TurnState]


class WholeMessage(TypedDict):
    """all of the panel's state."""

    whole: PanelState


class Change(TypedDict, total=False):
    """What has changed of a panel."""

    order: list[str]
    turns: dict[str, TurnState]
    known: KnownConversation
    key: str
    patch: AnswerPatch
    set: TurnChange


class PanelChange(Change):
    """change number `seq` of the state."""

    seq: int


class Offer(TypedDict):
    """Something that may be attached."""

    kind: Literal["file", "folder", "variable"]
    value: str
    note: str


class Aside(TypedDict, total=False):
    """whatever is no part of the state."""

    models: list[str]
    default: str
    offers: list[Offer]
    text: str
    uploaded: str
    path: str
    size: int
    error: ByLanguage


# --- a map


class MapRow(TypedDict):
    """One of the first answers."""

    row: int
    cells: list[str]


class MapState(TypedDict):
    """How far a map is."""

    model: str
    done: int
    total: int
    line: ByLanguage
    fields: list[str]
    rows: list[MapRow]
