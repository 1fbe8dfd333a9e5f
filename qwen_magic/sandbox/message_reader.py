"""Reads a message of a request. Both protocols have the same message; only what its content is made of differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from .chat_request import ChatMessage, Part
from .service_errors import wrong

__all__ = ["read_message"]


def read_message(message: Any, read_content: Callable[[Any], Iterable[Part]]) -> ChatMessage:
    """The message; raises the service's refusal of one that has not the right form."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise wrong("'role' is a required property - 'messages'")
    return ChatMessage(
        role=message["role"],
        parts=tuple(read_content(message.get("content"))),
        partial=message.get("partial") is True,
        calls=_read_calls(message.get("tool_calls") or []),
        answers=str(message.get("tool_call_id") or ""),
        reasoning=str(message.get("reasoning_content") or ""),
    )


def _read_calls(calls: Any) -> tuple[str, ...]:
    """The ids of the tool calls; their arguments have to be JSON, as the service demands."""
    try:
        for call in calls:
            json.loads(call["function"]["arguments"] or "{}")
        return tuple(str(call["id"]) for call in calls)
    except (KeyError, TypeError, ValueError):
        message = 'The "function.arguments" parameter of the code model must be in JSON format.'
        raise wrong(message) from None
