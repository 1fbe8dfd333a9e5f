"""The commands of `%qwen`: a table, and a small function for each.

A line is a command when its first word is one and the words behind it are as many as it takes; any other line is a
question. So `%qwen undo` is a command, and `%qwen undo that last commit: how?` asks.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.display import display

from .errors import InputError
from .magics import usage
from .rendering.listing import Listing

if TYPE_CHECKING:
    from .assistant import DryRun
    from .magics import QwenMagics

__all__ = ["COMMANDS", "Command", "command_in", "run", "show_dry_run"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it is called with, how many words that may be, and the function that does it."""

    arguments: str
    help: str
    least: int
    most: int
    do: Callable[..., None]


def command_in(line: str) -> tuple[Command, list[str]] | None:
    """The command that `line` is, and its words; `None` for a question.

    Raises `InputError` for a single word that is nearly a command: it would be an odd question.
    """
    words = line.split()
    name, arguments = (words[0], words[1:]) if words else ("help", [])
    command = COMMANDS.get(name)
    if command is not None:
        return (command, arguments) if command.least <= len(arguments) <= command.most else None
    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.75)
    if near and not arguments:
        raise InputError(f"There is no command {name!r}.", f"Did you mean {near[0]}? To ask it: %qwen -- {name}")
    return None


def run(magics: QwenMagics, command: Command, arguments: list[str]) -> None:
    """Do what a line says."""
    command.do(magics, *arguments)


def show_dry_run(request: DryRun) -> None:
    """Print the exact request; of the key only that it would be there, of long data only the beginning."""
    headers = {"Authorization": "Bearer …", "Content-Type": "application/json", **request.headers}
    lines = [f"{request.method} {request.url}", *(f"{name}: {value}" for name, value in headers.items())]
    print("\n".join([*lines, "", json.dumps(shortened(request.body), ensure_ascii=False, indent=2)]))
    print("\nNothing was sent." + "".join(f" Note: {note}." for note in request.notes))


def shortened(value: Any) -> Any:
    """`value` with the bytes in its data URLs left out."""
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > LONGEST_DATA:
        return f"{value[:LONGEST_DATA]}… ({len(value):,} characters)"
    return value


# Of a picture's base64 so many characters are shown.
LONGEST_DATA = 60


# --- whom to ask


def help_(magics: QwenMagics) -> None:
    longest = max(len(f"{name} {command.arguments}") for name, command in COMMANDS.items())
    commands = "\n".join(
        f"  %qwen {f'{name} {command.arguments}':<{longest}}  {command.help}" for name, command in COMMANDS.items()
    )
    print(f"{INTRODUCTION}\n\nOptions:\n{usage()}\n\nCommands:\n{commands}")


INTRODUCTION = """%%qwen [OPTIONS]           asks what the cell's body says; the answer streams below it
%qwen [OPTIONS] QUESTION   asks a question on one line
%qwen COMMAND              see below

The kernel keeps the conversation. The prompt is free text; {{ expression }} in it is evaluated in the notebook.
The last answer is _qwen (.text, .code, .usage, …); qwen_magic.ask("…") asks from Python."""


def use(magics: QwenMagics, *words: str) -> None:
    protocol = ""
    names = list(words)
    if "--protocol" in names:
        at = names.index("--protocol")
        protocol = names[at + 1] if at + 1 < len(names) else "?"
        del names[at : at + 2]
    if len(names) > 1:
        raise InputError(f"%qwen use takes one endpoint, and got {' '.join(names)}.")
    assistant = magics.assistant
    if names:
        endpoint = assistant.use(names[0], protocol)
    elif protocol:
        endpoint = assistant.use(assistant.endpoint.name, protocol)
    else:
        endpoint = assistant.endpoint
    key = assistant.credentials.find(endpoint.account)
    said = f"with the key from {key.source}" if key else "without a key" + " (%qwen login)" * endpoint.needs_key
    print(f"Asking {endpoint.name} at {endpoint.base_url} ({endpoint.protocol} protocol), {said}.")


def models(magics: QwenMagics) -> None:
    from .models import lookup

    found = magics.assistant.models()
    rows = []
    for name in sorted(found):
        facts = lookup(name)
        window = found[name] or facts.window
        rows.append((name, f"{window:,}" if window else "", "yes" if facts.vision else "", facts.thinking or ""))
    display(Listing(("model", "window (tokens)", "sees images", "thinks"), rows, "This endpoint has no models."))


def login(magics: QwenMagics) -> None:
    from getpass import getpass

    endpoint = magics.assistant.endpoint
    value = getpass(f"Key for {endpoint.account} (it is not shown): ")
    where = magics.assistant.credentials.remember(endpoint.account, value)
    print(f"The key for {endpoint.account} is kept in {where}.")


def logout(magics: QwenMagics) -> None:
    account = magics.assistant.endpoint.account
    gone = magics.assistant.credentials.forget(account)
    left = magics.assistant.credentials.find(account)
    print(f"The key for {account} is gone from {' and '.join(gone)}." if gone else f"No key for {account} was kept.")
    if left:
        print(f"There is still one in {left.source}.")


# --- the last answer


def last(magics: QwenMagics) -> None:
    from .rendering.record import record

    if magics.assistant.last is None:
        raise InputError("There is no last answer.", "Ask first.")
    data, metadata = record(magics.assistant.last.answer, show_reasoning=magics.show_reasoning)
    display(data, metadata=metadata, raw=True)


def go_on(magics: QwenMagics) -> None:
    try:
        magics.assistant.go_on(magics.view())
    finally:
        magics._publish("")


COMMANDS: dict[str, Command] = {
    "help": Command("", "this screen", 0, 0, help_),
    "use": Command("[NAME|URL] [--protocol P]", "ask another endpoint, or say which one is asked", 0, 3, use),
    "models": Command("", "the models that the endpoint has", 0, 0, models),
    "login": Command("", "keep a key (it is asked for, and not shown)", 0, 0, login),
    "logout": Command("", "forget the key", 0, 0, logout),
    "last": Command("", "show the last answer again", 0, 0, last),
    "continue": Command("", "go on with an answer that was stopped or cut", 0, 0, go_on),
}
