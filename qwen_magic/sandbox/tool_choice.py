"""Whether a question asks for a tool. Nothing is understood, only matched."""

from __future__ import annotations

import re
from typing import Any

from .chat_request import Chat

__all__ = ["wanted_tool"]

# Letters of a word of a function's name that a question has to have.
LONG_ENOUGH = 4


def wanted_tool(chat: Chat, *, forced: bool) -> dict[str, Any] | None:
    """The function that a question asks for: by `tool_choice`, by a directive, or by a word of the function's name."""
    functions: list[dict[str, Any]] = [tool["function"] for tool in chat.option("tools", [])]
    choice = chat.option("tool_choice", "auto")
    if not functions or choice == "none" or chat.partial or chat.messages[-1].role == "tool":
        return None
    if isinstance(choice, dict):
        name = choice.get("function", {}).get("name")
        return next((function for function in functions if function["name"] == name), None)
    if forced or choice == "required":
        return functions[0]
    question = chat.question.lower()
    return next((function for function in functions if named_in(function["name"], question)), None)


def named_in(name: str, question: str) -> bool:
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+|[^\W\d_a-zA-Z]+", name)]
    return name.lower() in question or any(len(word) >= LONG_ENOUGH and word in question for word in words)
