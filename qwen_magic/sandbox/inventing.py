"""Values that fit a JSON schema, and whether a question asks for a tool. Nothing is understood, only matched."""

from __future__ import annotations

import re
from typing import Any

from .chat import Chat

__all__ = ["example", "wanted_tool"]

LONG_ENOUGH = 4
PHRASE = 40


def example(schema: Any, words: str, depth: int = 0) -> Any:
    """A value that fits `schema`, made of `words` where a string is asked for."""
    if not isinstance(schema, dict) or depth > 8:
        return None
    for chosen in ("const", "default"):
        if chosen in schema:
            return schema[chosen]
    if schema.get("enum"):
        return schema["enum"][0]
    for several in ("anyOf", "oneOf"):
        if schema.get(several):
            return example(schema[several][0], words, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: example(inner, words, depth + 1) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema.get("items", {}), words, depth + 1)] * max(1, schema.get("minItems", 1))
    simple = {"integer": int(schema.get("minimum", 1)), "number": schema.get("minimum", 1.5), "boolean": True}
    return simple.get(kind, None if kind == "null" else " ".join(words.split())[:PHRASE])


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
