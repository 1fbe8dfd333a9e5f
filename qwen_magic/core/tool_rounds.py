"""What became of the functions that a model called: values that an answer keeps, and later questions are sent again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .messages import Message, Part, Text, ToolCall

__all__ = ["Outcome", "ToolResult", "ToolRound"]

Outcome = Literal["returned", "raised", "withheld", "refused", "unknown", "malformed", "stopped"]

# Before the pictures that functions returned: a tool's message has text only (the service's docs, "Function calling").
PICTURES = "The pictures that the functions returned, in the order of the calls."


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What became of one call.

    It `returned` a value or `raised` an exception; what it returned was `withheld`, since it should not be sent; or it
    was not run, because the person `refused`, or the call was `unknown` or `malformed`; or it was `stopped`.

    `call` is the call as it goes back to the model, with the name that the function has on the wire; `name` is the
    function's own, empty where there is no such function. `parts` are what the model is told. `seconds` is how long
    the function ran. `traceback` is for the person only.
    """

    call: ToolCall
    outcome: Outcome
    parts: tuple[Part, ...]
    name: str = ""
    seconds: float = 0.0
    traceback: str = field(default="", repr=False)

    @property
    def text(self) -> str:
        """What the model is told, without pictures."""
        return "\n\n".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class ToolRound:
    """What the model wrote before it called functions, and what became of every call."""

    results: tuple[ToolResult, ...]
    text: str = ""
    reasoning: str = ""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The round as the model is sent it: its own message, one for each call, and one with all pictures."""
        calls = tuple(result.call for result in self.results)
        asked = Message("assistant", (Text(self.text),), self.reasoning, calls)
        told = (Message("tool", (Text(each.text),), tool_call_id=each.call.id) for each in self.results)
        pictures = tuple(part for each in self.results for part in each.parts if not isinstance(part, Text))
        return (asked, *told, *([Message.user(PICTURES, *pictures)] if pictures else ()))
