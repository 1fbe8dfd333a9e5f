"""What the service accepts as a conversation: roles, contents, tool calls and their answers, and its length."""

from __future__ import annotations

from collections.abc import Iterable

from .chat import Chat, Message
from .refusals import wrong
from .tokens import of_chat, of_text

__all__ = ["check_length", "check_messages"]

ROLES = ("system", "user", "assistant", "tool")

# The service's docs, "Long context": a question beside files has up to 9,000 tokens, and plain text of more than a
# million has to come as a file. "Models": the input of qwen3.8-max has up to 991,808.
BESIDE_FILES = 9_000
WITHOUT_FILES = 1_000_000
INPUT = {"qwen3.8-max": 991_808}
EMPTY = "Role must be user or assistant and Content length must be greater than 0"


def check_messages(chat: Chat) -> None:
    """Refuses what the service refuses in the messages, but for what is attached to them."""
    if not chat.messages:
        raise wrong(EMPTY, "messages")
    for message in chat.messages:
        check_message(message)
    check_calls(chat.messages)
    if not any(message.role in ("user", "tool") for message in chat.messages):
        raise wrong("The messages must contain at least one message of the user.", "messages")
    partial = [message for message in chat.messages if message.partial]
    if partial and (partial != [chat.messages[-1]] or chat.messages[-1].role != "assistant"):
        raise wrong("partial can only be set on the last message, and its role must be assistant", "messages")
    if chat.name.startswith("qwen-mt") and [message.role for message in chat.messages] != ["user"]:
        raise wrong("Translation takes exactly one message of the user.", "messages")


def check_message(message: Message) -> None:
    if message.role not in ROLES:
        raise wrong(f"'{message.role}' is not one of {list(ROLES)} - 'messages.role'", "messages")
    empty = not any(part.value for part in message.parts)
    if empty and not message.calls and message.role != "tool":
        raise wrong(EMPTY, "messages")


def check_calls(messages: Iterable[Message]) -> None:
    """Every tool call is answered by the messages that follow it, and nothing else is."""
    open_calls: set[str] = set()
    for message in messages:
        if message.role == "tool":
            if message.answers not in open_calls:
                raise wrong("messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
            open_calls.discard(message.answers)
            continue
        if open_calls:
            break
        open_calls = set(message.calls)
    if open_calls:
        rule = "must be followed by tool messages responding to each 'tool_call_id'."
        raise wrong(f"An assistant message with 'tool_calls' {rule}")


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
