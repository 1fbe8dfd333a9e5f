"""The messages between the kernel and the page, and the states that they keep in step: types only.

The page's half is `static/page_messages.js`; a test holds the names and the fields of both together. What each field
is for is written there, since most of it is for the page to draw.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "AnswerPatch",
    "AnswerState",
    "AskRequest",
    "Aside",
    "BeginMessage",
    "ByLanguage",
    "CallingNotice",
    "GivenAttachment",
    "GrowingState",
    "HeadingState",
    "HelloRequest",
    "KnownConversation",
    "ModelRequest",
    "Offer",
    "OfferRequest",
    "Outcome",
    "PanelChange",
    "PanelState",
    "Phase",
    "PlainRequest",
    "Progress",
    "RecordBundle",
    "RecordMessage",
    "RecordRequest",
    "RetryingNotice",
    "SavedView",
    "SectionPatch",
    "SectionState",
    "ShownAttachment",
    "StopRequest",
    "TurnChange",
    "TurnState",
    "UploadRequest",
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


# --- between the kernel and the widget of one answer; what comes in between is an AnswerPatch


class BeginMessage(TypedDict):
    """To the page: there is a question."""

    begin: AnswerState


class RecordMessage(TypedDict):
    """To the page: what takes the widget's place."""

    record: RecordBundle | None


class RecordRequest(TypedDict):
    """To the kernel: the page has the end of the answer, and not the record."""

    do: Literal["record"]


# --- the chat panel


class GivenAttachment(TypedDict):
    """What is to be attached."""

    kind: str
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
    """To the page: all of the panel's state."""

    whole: PanelState


class _Change(TypedDict, total=False):
    order: list[str]
    turns: dict[str, TurnState]
    known: KnownConversation
    key: str
    patch: AnswerPatch
    set: TurnChange


class PanelChange(_Change):
    """To the page: change number `seq` of the state."""

    seq: int


class Offer(TypedDict):
    """Something that may be attached."""

    kind: str
    value: str
    note: str


class Aside(TypedDict, total=False):
    """To the page: whatever is no part of the state."""

    models: list[str]
    default: str
    offers: list[Offer]
    text: str
    uploaded: str
    path: str
    size: int
    error: ByLanguage


# --- from the panel to the kernel


class HelloRequest(TypedDict):
    """The page has change number `seen`."""

    do: Literal["hello"]
    seen: int


class AskRequest(TypedDict):
    """Ask a question, in the place of the turn `again` if there is one."""

    do: Literal["ask"]
    key: str
    text: str
    attachments: list[GivenAttachment]
    again: str


class StopRequest(TypedDict):
    """Stop the answer of the turn `key`."""

    do: Literal["stop"]
    key: str


class PlainRequest(TypedDict):
    """Something that needs no more words."""

    do: Literal["clear", "undo", "models"]


class ModelRequest(TypedDict):
    """Choose the conversation's model."""

    do: Literal["model"]
    model: str


class OfferRequest(TypedDict):
    """What may `@text` mean?"""

    do: Literal["offer"]
    text: str


class UploadRequest(TypedDict):
    """The next piece of a file; it is the message's buffer."""

    do: Literal["upload"]
    id: str
    name: str
