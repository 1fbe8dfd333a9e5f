"""What the service accepts in the fields of a question: types, ranges, and which fields go together.

Limits and messages are those of the service's docs ("OpenAI Chat Completions", "DashScope API", "Error codes").
Fields that it does not know are ignored, as the service does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .chat_request import Chat
from .json_answers import check_told
from .served_models import streams_only, thinks_in_streams_only
from .service_errors import wrong

__all__ = ["check_options"]

SEED_LIMIT = 2**31 - 1
# "Function calling" in the docs.
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a field may be, and what the service says when it is something else."""

    field: str
    accepts: Callable[[Any], bool]
    message: str


def _number(low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> Callable[[Any], bool]:
    def accepts(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (low < value if open_low else low <= value) and (value < high if open_high else value <= high)

    return accepts


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _stops(value: Any) -> bool:
    """A string, strings, token ids, or lists of token ids."""
    items = value if isinstance(value, list) else [value]
    return all(isinstance(item, str | int | list) and not isinstance(item, bool) for item in items)


def _tools(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(tool, dict)
        and tool.get("type") == "function"
        and isinstance(tool.get("function"), dict)
        and isinstance(tool["function"].get("name"), str)
        and tool["function"]["name"]
        for tool in value
    )


def _tool_names(value: Any) -> bool:
    return all(NAME.fullmatch(tool["function"]["name"]) for tool in value)


def _not_search(value: Any) -> bool:
    """A function of this name is forbidden (the service's page of error codes; agno-agi/agno#4846)."""
    return all(tool["function"]["name"].lower() != "search" for tool in value)


def _tool_choice(value: Any) -> bool:
    return value in ("auto", "none", "required") if isinstance(value, str) else isinstance(value, dict)


def _response_format(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in ("text", "json_object", "json_schema")


def _boolean(name: str) -> _Rule:
    return _Rule(name, _flag, f"{name} must be a boolean")


INFINITE = float("inf")
RULES = (
    _Rule("temperature", _number(0, 2, open_high=True), "Temperature should be in [0.0, 2.0)"),
    _Rule("top_p", _number(0, 1, open_low=True), "Range of top_p should be (0.0, 1.0]"),
    _Rule("top_k", _number(0, INFINITE), "Parameter top_k be greater than or equal to 0"),
    _Rule("repetition_penalty", _number(0, INFINITE, open_low=True), "Repetition_penalty should be greater than 0.0"),
    _Rule("presence_penalty", _number(-2, 2), "Presence_penalty should be in [-2.0, 2.0]"),
    _Rule("frequency_penalty", _number(-2, 2), "Frequency_penalty should be in [-2.0, 2.0]"),
    _Rule("n", _whole(1, 4), "Range of n should be [1, 4]"),
    _Rule("seed", _whole(0, SEED_LIMIT), f"Range of seed should be [0, {SEED_LIMIT}]"),
    _Rule("top_logprobs", _whole(0, 5), "Range of top_logprobs should be [0, 5]"),
    _Rule("thinking_budget", _whole(1, 10**7), "thinking_budget must be a positive integer"),
    _Rule("reasoning_effort", lambda value: value in EFFORTS, f"reasoning_effort should be one of {list(EFFORTS)}"),
    _Rule("stop", _stops, "stop must be a string or a list"),
    _Rule("tools", _tools, "Tools must be a list of functions with a name"),
    _Rule("tools", _tool_names, "Tool names are up to 64 letters, digits, underscores and hyphens"),
    _Rule("tools", _not_search, "Tool names are not allowed to be [search]"),
    _Rule("tool_choice", _tool_choice, "tool_choice is one of auto, none, or a function"),
    _Rule("response_format", _response_format, "Unknown format of response_format"),
    _Rule("stream_options", _mapping, "stream_options must be an object"),
    _Rule("search_options", _mapping, "search_options must be an object"),
    _Rule("result_format", lambda value: value in ("text", "message"), "result_format should be text or message"),
    *map(
        _boolean,
        (
            "stream",
            "enable_thinking",
            "enable_search",
            "enable_code_interpreter",
            "incremental_output",
            "logprobs",
            "parallel_tool_calls",
            "preserve_thinking",
            "vl_high_resolution_images",
        ),
    ),
)


def check_options(chat: Chat) -> None:
    """Refuses what the service refuses in the fields beside the messages."""
    for rule in RULES:
        value = chat.option(rule.field)
        if value is not None and not rule.accepts(value):
            raise wrong(rule.message)
    for check in (_check_lengths, _check_streaming, _check_thinking, _check_format, _check_search):
        check(chat)


def _check_lengths(chat: Chat) -> None:
    limit = chat.model.max_output or 65_536
    for name in ("max_tokens", "max_completion_tokens"):
        if not _whole(1, limit)(chat.option(name, 1)):
            raise wrong(f"Range of {name} should be [1, {limit}]")


def _check_streaming(chat: Chat) -> None:
    if chat.stream:
        return
    if chat.option("stream_options") is not None:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise wrong(message)
    if streams_only(chat.model):
        raise wrong("This model only support stream mode, please enable the stream parameter to access the model.")
    if chat.thinks and thinks_in_streams_only(chat.model):
        raise wrong("parameter.enable_thinking only support stream call")


def _check_thinking(chat: Chat) -> None:
    if chat.model.thinking == "always" and chat.option("enable_thinking") is False:
        raise wrong("The value of the enable_thinking parameter is restricted to True.")
    if chat.option("reasoning_effort") and chat.option("thinking_budget") is not None:
        raise wrong("reasoning_effort and thinking_budget cannot be set at the same time.")
    if not chat.thinks:
        return
    if chat.partial:
        raise wrong("Partial mode is not supported when enable_thinking is true")
    if chat.option("n", 1) > 1:
        raise wrong("n must be 1 when enable_thinking is true")
    if isinstance(chat.option("tool_choice"), dict) or chat.option("tool_choice") == "required":
        raise wrong("The tool_choice parameter does not support being set to required or object in thinking mode")
    if chat.protocol == "native" and (
        chat.option("incremental_output", True) is False or chat.option("result_format") == "text"
    ):
        raise wrong("parameter.incremental_output must be true and result_format message when enable_thinking is true")


def _check_format(chat: Chat) -> None:
    kind = chat.option("response_format", {}).get("type", "text")
    check_told(chat)
    newest = chat.name.startswith(("qwen3.7", "qwen3.8"))
    if kind == "text":
        return
    if chat.thinks and not newest:
        raise wrong("Json mode response is not supported when enable_thinking is true")
    if kind == "json_schema" and not newest:
        raise wrong("The model does not support response_format of type 'json_schema'.")
    if kind == "json_object" and not any("json" in message.text.lower() for message in chat.messages):
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
        raise wrong(message)


def _check_search(chat: Chat) -> None:
    if chat.option("enable_search") is True and chat.option("tools"):
        raise wrong("enable_search and tools cannot be used at the same time.")
    if chat.option("enable_search") is True and chat.model.reads_files:
        raise wrong("The model does not support enable_search.")
