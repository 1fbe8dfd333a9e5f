"""The answer to a question: the value of `_qwen`, `-o NAME` and `ask()`.

Not for displaying it: IPython's display is registered in `qwen_magic.rendering.answer_display`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .code_blocks import CodeBlock, code_blocks
from .events import Source, Usage
from .messages import ToolCall
from .sizes import readable_size
from .tool_rounds import ToolRound
from .translatable import _, listed

__all__ = ["Answer", "Attached", "FAILED", "MISMATCH", "STOPPED"]

# Our own words beside the service's finish reasons (stop, length, tool_calls).
STOPPED, FAILED, MISMATCH = "stopped", "failed", "mismatch"


# What can be sent beside a question, for people.
KINDS = {
    "image": _("image"),
    "document": _("document"),
    "text": _("text"),
    "table": _("table"),
    "variable": _("variable"),
}


@dataclass(frozen=True, slots=True)
class Attached:
    """What was sent beside a question: `kind` (image, document, table, …), `size` in bytes, and what was done to it.

    `note` says what was shrunk, converted or cut; it is empty when the thing was sent as it was.
    """

    name: str
    kind: str
    size: int
    sha256: str
    note: str = ""

    @property
    def facts(self) -> str:
        """Kind, size and note, for people."""
        return listed((KINDS.get(self.kind, self.kind), readable_size(self.size), self.note))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, whole or broken off.

    `finish_reason` is the service's word (`stop`, `length`, `tool_calls`), or ours: `stopped` by the person who
    asked, `failed` in mid-answer. `seconds` runs from sending the request to the last event. `notes` are for the
    person who reads: what was left out, replaced or changed on the way. `rounds` are the functions that were called
    before the answer's text; `tool_calls` are calls that were not run.
    """

    text: str
    reasoning: str = ""
    model: str = ""
    endpoint: str = ""
    usage: Usage | None = None
    finish_reason: str = "stop"
    request_id: str = ""
    seconds: float = 0.0
    tool_calls: tuple[ToolCall, ...] = ()
    sources: tuple[Source, ...] = ()
    attachments: tuple[Attached, ...] = ()
    notes: tuple[str, ...] = field(default=(), repr=False)
    rounds: tuple[ToolRound, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the model said all that it had to say: only such an answer is context for the next question."""
        waits = bool(self.tool_calls) and not self.text
        return not waits and self.finish_reason not in (STOPPED, FAILED, MISMATCH, "length")

    @property
    def thinking(self) -> str:
        """All of the thinking, also that before the functions were called."""
        return "\n\n".join(filter(None, (*(each.reasoning for each in self.rounds), self.reasoning)))

    @property
    def code(self) -> tuple[CodeBlock, ...]:
        """The answer's fenced code blocks, in order; each is a string that has a `language`."""
        return code_blocks(self.text)

    def __str__(self) -> str:
        return self.text
