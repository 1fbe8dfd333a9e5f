"""The events of an answer, the same for every protocol and every server.

A stream is any number of deltas, at most a few `Usage` (the last one counts), and exactly one `Finish`. A stream
that ends without its `Finish` was cut: that is an error, raised by the decoder, never an event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .tool_rounds import ToolResult

__all__ = [
    "Again",
    "Event",
    "Finish",
    "Note",
    "ReasoningDelta",
    "Recast",
    "Retrying",
    "RoundEnded",
    "Source",
    "Sources",
    "Started",
    "TextDelta",
    "ToolCallDelta",
    "ToolReturned",
    "Usage",
]


@dataclass(frozen=True, slots=True)
class Started:
    """The first frame came: who answers, and under which id the service keeps it (either may be empty)."""

    model: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the thinking that comes before the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Recast:
    """All text so far was reasoning, or all reasoning so far was text: what it is became clear only now."""

    to: Literal["reasoning", "text"]


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """The next piece of a tool call: `id` and `name` come with the first piece only, `arguments` in pieces."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A page that the service's web search found."""

    index: int
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The pages that the answer refers to as `[1]`, `[2]`, …"""

    pages: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, as the service counts them. `reasoning` is a part of `output`; `cached` and `image` are of `input`."""

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cached: int = 0
    image: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.reasoning + other.reasoning,
            self.cached + other.cached,
            self.image + other.image,
        )

    def as_dict(self) -> dict[str, Any]:
        """For metadata: the counts that are not zero, and always those of input and output."""
        counts = {"input": self.input, "output": self.output}
        extra = {"reasoning": self.reasoning, "cached": self.cached, "image": self.image}
        return counts | {name: count for name, count in extra.items() if count}


@dataclass(frozen=True, slots=True)
class Finish:
    """The model has finished, for this reason: `stop`, `length`, `tool_calls`, or a word that is new to us."""

    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """What the person should know of how the answer came."""

    text: str


@dataclass(frozen=True, slots=True)
class Retrying:
    """Nothing has arrived yet, and the request is sent again in `delay` seconds, because of `reason`."""

    reason: str
    delay: float


@dataclass(frozen=True, slots=True)
class Again:
    """What has arrived is not what was asked for: it is dropped, and another answer comes, because of `reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """A function that the model called is done, or was not run."""

    result: ToolResult


@dataclass(frozen=True, slots=True)
class RoundEnded:
    """Every call has its result: what comes from now on is the model's answer to them."""


Event = (
    Again
    | Started
    | TextDelta
    | ReasoningDelta
    | Recast
    | ToolCallDelta
    | ToolReturned
    | RoundEnded
    | Sources
    | Usage
    | Note
    | Finish
    | Retrying
)
