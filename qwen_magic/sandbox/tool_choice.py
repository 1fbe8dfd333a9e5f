"""Whether a question asks for a tool. Nothing is understood, only matched."""

from __future__ import annotations

import re
from itertools import cycle, islice
from typing import Any

from .chat_request import Chat, ChatMessage
from .directives import Play

__all__ = ["tool_messages", "wanted_tools"]

# Letters of a word of a function's name that a question has to have.
LONG_ENOUGH = 4


# Directives that ask for a call.
CALLS = ("tool", "tour", "call-rounds", "call-unknown", "call-misfit", "call-broken")


def wanted_tools(chat: Chat, script: Play) -> list[dict[str, Any]]:
    """The functions that a question asks for: by `tool_choice`, by a directive, or by a word of the function's name."""
    functions: list[dict[str, Any]] = [tool["function"] for tool in chat.option("tools", [])]
    choice = chat.option("tool_choice", "auto")
    over = _rounds(chat) >= max(1, int(script.number("call-rounds")))
    if not functions or choice == "none" or chat.partial or over:
        return []
    if isinstance(choice, dict):
        name = choice.get("function", {}).get("name")
        return [function for function in functions if function["name"] == name][:1]
    if "calls" in script:
        return list(islice(cycle(functions), int(script.number("calls"))))
    if script.first(*CALLS) is not None or choice == "required":
        return functions[:1]
    question = chat.question.lower()
    return [function for function in functions if _named_in(function["name"], question)][:1]


def tool_messages(chat: Chat) -> list[ChatMessage]:
    """The results of the last round of calls that wait for an answer."""
    found: list[ChatMessage] = []
    for message in reversed(chat.messages):
        if message.role == "assistant":
            return found[::-1]
        if message.role == "tool":
            found.append(message)
    return []


def _rounds(chat: Chat) -> int:
    """How many rounds of calls have their results since the last answer in words."""
    count = 0
    for message in reversed(chat.messages):
        if message.role == "assistant" and not message.calls:
            break
        count += bool(message.calls)
    return count if tool_messages(chat) else 0


def _named_in(name: str, question: str) -> bool:
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+|[^\W\d_a-zA-Z]+", name)]
    return name.lower() in question or any(len(word) >= LONG_ENOUGH and word in question for word in words)
