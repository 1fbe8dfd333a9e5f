"""`%qwen use`, `models`, `login`, `logout`: who is asked, and with which key."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ...core.errors import InputError
from ...core.languages import translated
from ...core.translatable import _, conjunction
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
    if key:
        said = _("with the key from {source}", source=key.source)
    else:
        said = _("without a key (%qwen login)") if endpoint.needs_key else _("without a key")
    who = " at ".join(dict.fromkeys((endpoint.name, endpoint.base_url)))  # a URL is its own name
    say(_("Asking {who} ({protocol} protocol), {said}.", who=who, protocol=endpoint.protocol, said=said))


def _named(text: str) -> str:
    """The one endpoint that `text` names, without its quotes. Raises `InputError`."""
    own = OWN.fullmatch(text)
    if own and not own["path"].startswith(QUOTES):
        path = own["path"]
        if os.sep == "/":
            path = path.replace("\\ ", " ")  # as a shell writes it
        return f"{HERE}:{path}"
    if text.lstrip("\"'").startswith(f"{HERE}:"):
        raise InputError(
            _("The quotes in {text} do not match.", text=text), _('Such as {here}:"/a folder/model.gguf".', here=HERE)
        )
    if " " in text:
        raise InputError(_("%qwen use takes one endpoint, and got {text}.", text=text))
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
        rows.append((name, f"{window:,}" if window else "", _("yes") if facts.vision else "", facts.thinking or ""))
    display(
        Listing(
            (_("model"), _("window (tokens)"), _("sees images"), _("thinks")), rows, _("This endpoint has no models.")
        )
    )


def _credentials_and_account(call: CommandCall) -> tuple[Credentials, str]:
    """The keys of this shell, and whose key the present endpoint wants. Raises `InputError` where it wants none."""
    provider = call.magics.assistant.provider
    if provider.choice.on_this_machine:
        raise InputError(_("A model on this machine wants no key."), _("%qwen use NAME asks somebody who does."))
    return provider.credentials, (provider.recall() or provider.resolve()).account


def login(call: CommandCall) -> None:
    """Ask for the key of the present endpoint, and keep it."""
    from getpass import getpass

    from ...service.credentials import display_name

    credentials, account = _credentials_and_account(call)
    name = display_name(account)
    try:
        typed = getpass(translated(_("Key for {name}; it is not shown: ", name=name)))
    except (KeyboardInterrupt, EOFError, NotImplementedError):  # ipykernel's StdinNotImplementedError is the latter
        raise InputError(
            _("No key was typed, and none was kept."), _("A key can also be set in the environment.")
        ) from None
    where = credentials.remember(account, typed)
    say(_("The key for {name} is kept in {where}.", name=name, where=where))


def logout(call: CommandCall) -> None:
    """Forget it again."""
    from ...service.credentials import display_name

    credentials, account = _credentials_and_account(call)
    name = display_name(account)
    gone = credentials.forget(account)
    left = credentials.find(account)
    say(
        _("The key for {name} is gone from {gone}.", name=name, gone=conjunction(gone))
        if gone
        else _("No key for {name} was kept.", name=name)
    )
    if left:
        say(_("There is still one in {source}.", source=left.source))
