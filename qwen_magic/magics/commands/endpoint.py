"""`%qwen use`, `models`, `login`, `logout`: who is asked, and with which key."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ...core.errors import InputError
from ...rendering.command_output import say
from ...service.endpoints import HERE
from .progress import dialogue

if TYPE_CHECKING:
    from ...service.credentials import Credentials
    from .command_call import CommandCall

__all__ = ["login", "logout", "models", "use"]

# Agrees to a download beforehand.
YES = "--yes"
# A file of one's own may have spaces in its path: with quotes round the path, round all of it, or without.
OWN = re.compile(rf"""(["']?){HERE}:(["']?)(?P<path>.*?)\2\1""")
QUOTES = ('"', "'")


def use(call: CommandCall) -> None:
    """Ask somebody else from now on, or say who is asked."""
    agreed = YES in call.text.split()
    words, protocol = _without_protocol(tuple(word for word in call.text.split() if word != YES))
    name = _named(" ".join(words))
    provider = call.magics.assistant.provider
    if name or protocol:
        endpoint = call.magics.use(name, protocol, dialogue(agreed) if name.startswith(HERE) else None)
    else:
        endpoint = provider.recall() or provider.resolve()
    key = provider.credentials.find(endpoint.account)  # it may be recalled, without its key
    said = f"with the key from {key.source}" if key else "without a key" + " (%qwen login)" * endpoint.needs_key
    who = " at ".join(dict.fromkeys((endpoint.name, endpoint.base_url)))  # a URL is its own name
    say(f"Asking {who} ({endpoint.protocol} protocol), {said}.")


def _named(text: str) -> str:
    """The one endpoint that `text` names, without its quotes. Raises `InputError`."""
    own = OWN.fullmatch(text)
    if own and not own["path"].startswith(QUOTES):
        path = own["path"]
        if os.sep == "/":
            path = path.replace("\\ ", " ")  # as a shell writes it
        return f"{HERE}:{path}"
    if text.lstrip("\"'").startswith(f"{HERE}:"):
        raise InputError(f"The quotes in {text} do not match.", f'Such as {HERE}:"/a folder/model.gguf".')
    if " " in text:
        raise InputError(f"%qwen use takes one endpoint, and got {text}.")
    return text.strip("\"'")


def _without_protocol(words: tuple[str, ...]) -> tuple[list[str], str]:
    """The words without `--protocol P` or `--protocol=P`, and P."""
    names, protocol = [], ""
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if flag == "--protocol":
            protocol = value if equals else next(rest, "?")
        else:
            names.append(word)
    return names, protocol


def models(call: CommandCall) -> None:
    """What the endpoint has, with what is known of it."""
    from IPython.display import display

    from ...core.models import lookup
    from ...rendering.fact_table import Listing

    provider = call.magics.assistant.provider
    found = provider.models.fetch(provider.resolve())
    rows = []
    for name in sorted(found):
        facts = lookup(name)
        window = found[name] or facts.window
        rows.append((name, f"{window:,}" if window else "", "yes" if facts.vision else "", facts.thinking or ""))
    display(Listing(("model", "window (tokens)", "sees images", "thinks"), rows, "This endpoint has no models."))


def _credentials_and_account(call: CommandCall) -> tuple[Credentials, str]:
    """The keys of this shell, and whose key the present endpoint wants. Raises `InputError` where it wants none."""
    provider = call.magics.assistant.provider
    if provider.choice.on_this_machine:
        raise InputError("A model on this machine wants no key.", "%qwen use NAME asks somebody who does.")
    return provider.credentials, (provider.recall() or provider.resolve()).account


def login(call: CommandCall) -> None:
    """Ask for the key of the present endpoint, and keep it."""
    from getpass import getpass

    from ...service.credentials import display_name

    credentials, account = _credentials_and_account(call)
    name = display_name(account)
    try:
        typed = getpass(f"Key for {name}; it is not shown: ")
    except (KeyboardInterrupt, EOFError, NotImplementedError):  # ipykernel's StdinNotImplementedError is the latter
        raise InputError("No key was typed, and none was kept.", "A key can also be set in the environment.") from None
    where = credentials.remember(account, typed)
    say(f"The key for {name} is kept in {where}.")


def logout(call: CommandCall) -> None:
    """Forget it again."""
    from ...service.credentials import display_name

    credentials, account = _credentials_and_account(call)
    name = display_name(account)
    gone = credentials.forget(account)
    left = credentials.find(account)
    say(f"The key for {name} is gone from {' and '.join(gone)}." if gone else f"No key for {name} was kept.")
    if left:
        say(f"There is still one in {left.source}.")
