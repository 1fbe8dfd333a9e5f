"""What the service accepts as a conversation: roles, contents, tool calls and their answers, and its length."""

from __future__ import annotations

from collections.abc import Iterable

from .chat_request import Chat, ChatMessage
from .service_errors import Refusal, wrong
from .token_counts import of_chat, of_text

__all__ = ["check_length", "check_messages"]

# In the order in which the service names them; `function` is the older name of `tool`.
ROLES = ("system", "assistant", "user", "tool", "function")

# The service's docs, "Long context": a question beside files has up to 9,000 tokens, and plain text of more than a
# million has to come as a file. "Models": the input of qwen3.8-max has up to 991,808.
BESIDE_FILES = 9_000
WITHOUT_FILES = 1_000_000
INPUT = {"qwen3.8-max": 991_808}
# The service's own spelling, as its users quote it.
NOT_ASKED_FOR = 'messages with role "tool" must be a response to a preceeding message with "tool_calls".'
NOT_ANSWERED = (
    'An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id".'
)
EMPTY = "Role must be user or assistant and Content length must be greater than 0"


def check_messages(chat: Chat) -> None:
    """Refuses what the service refuses in the messages, but for what is attached to them."""
    if not chat.messages:
        raise wrong(EMPTY)
    for index, message in enumerate(chat.messages):
        _check_message(message, index)
    _check_calls(chat.messages)
    if not any(message.role == "user" for message in chat.messages):
        raise wrong("The input messages do not contain elements with the role of user")
    partial = [message for message in chat.messages if message.partial]
    if partial and (partial != [chat.messages[-1]] or chat.messages[-1].role != "assistant"):
        raise wrong("partial can only be set on the last message, and its role must be assistant")
    if chat.name.startswith("qwen-mt") and [message.role for message in chat.messages] != ["user"]:
        raise wrong("Translation takes exactly one message of the user.")


def _check_message(message: ChatMessage, index: int) -> None:
    if message.role not in ROLES:
        said = f"{message.role} is not one of {list(ROLES)} - 'messages.[{index}].role'"
        raise Refusal("InvalidParameter", said, by_model=True)
    empty = not any(part.value for part in message.parts)
    if empty and not message.calls and message.role not in ("tool", "function"):
        raise wrong(EMPTY)


def _check_calls(messages: Iterable[ChatMessage]) -> None:
    """Every tool call is answered by the messages that follow it, and nothing else is."""
    open_calls: set[str] = set()
    for message in messages:
        if message.role == "tool":
            if message.answers not in open_calls:
                raise wrong(NOT_ASKED_FOR)
            open_calls.discard(message.answers)
            continue
        if open_calls:
            break
        open_calls = set(message.calls)
    if open_calls:
        raise wrong(NOT_ANSWERED)


def check_length(chat: Chat) -> None:
    """Refuses what is more than the model can read."""
    tokens = of_chat(chat)
    files = any(message.names_files for message in chat.messages)
    if chat.model.name == "qwen-long":
        if files and of_text(chat.question) > BESIDE_FILES:
            raise wrong(f"Range of input length should be [1, {BESIDE_FILES}]")
        window = (chat.model.window or 0) if files else WITHOUT_FILES
        if tokens > window:
            raise wrong(f"Total message token length exceed model limit ({window} tokens).")
    limit = INPUT.get(chat.model.name) or chat.model.window
    if limit and tokens > limit:
        raise wrong(f"Range of input length should be [1, {limit}]")
