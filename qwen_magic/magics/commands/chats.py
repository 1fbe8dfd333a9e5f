"""The commands that look after conversations: list, show, change, save and load them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.errors import InputError
from ...core.translatable import _, _n
from ...rendering.command_output import say
from .time_ago import ago

if TYPE_CHECKING:
    from pathlib import Path

    from ...conversations import Conversation, Conversations
    from .command_call import CommandCall

__all__ = [
    "chat",
    "chats",
    "compact",
    "conversations",
    "drop",
    "export",
    "fork",
    "load",
    "model",
    "rename",
    "reset",
    "resume",
    "save",
    "show",
    "system",
    "undo",
    "usage",
]


# So many names of other notebooks fit a line.
MOST_NAMED = 5
# Saves the names and hashes of pictures instead of the pictures themselves.
NO_PICTURES = "--no-pictures"


def conversations(call: CommandCall) -> Conversations:
    return call.magics.assistant.conversations


def _named(call: CommandCall, at: int = 0) -> Conversation:
    """The conversation that the word at this place names, else the one of `-c`, else the default one."""
    return conversations(call).find(call.words[at] if len(call.words) > at else call.chat)


def chat(call: CommandCall) -> None:
    """The panel of one."""
    call.magics.panels.show(call.words[0] if call.words else call.chat)


def chats(call: CommandCall) -> None:
    """A table of them."""
    from IPython.display import display

    from ...rendering.fact_table import Listing

    rows = [
        (chat.name, len(chat), f"{chat.usage.total:,}", _model_of(chat), ago(chat.last_used))
        for chat in conversations(call)
    ]
    display(
        Listing(
            (_("conversation"), _("turns"), _("tokens"), _("model"), _("last used")), rows, _("No conversation yet.")
        )
    )


def _model_of(chat: Conversation) -> str:
    """The model that is set for a conversation, else the one that answered last."""
    return chat.model or next((turn.model for turn in reversed(chat.turns)), "")


def show(call: CommandCall) -> None:
    """The transcript, rendered."""
    from IPython.display import display

    from ...rendering.markdown import render

    transcript = _named(call).transcript()
    display({"text/markdown": transcript, "text/html": render(transcript), "text/plain": transcript}, raw=True)


def system(call: CommandCall) -> None:
    """Set, clear or show the system prompt."""
    chat = conversations(call).get(call.chat)
    if call.words:
        text = call.text if len(call.words) > 1 else call.words[0]
        chat.system = None if text.lower() == "none" else text
    say(_("System prompt of {name!r}: {system}", name=chat.name, system=chat.system or _("none")))


def model(call: CommandCall) -> None:
    """Set, clear or show the model."""
    chat = conversations(call).get(call.chat)
    if call.words:
        chat.model = None if call.words[0].lower() == "none" else call.words[0]
    say(_("Model of {name!r}: {model}", name=chat.name, model=chat.model or _("the default")))


def reset(call: CommandCall) -> None:
    """Forget all turns of one."""
    chat = _named(call)
    turns = len(chat)
    chat.reset(call.magics.cell())
    say(
        _n(
            "{name!r} starts afresh; {count} turn forgotten (%qwen undo brings it back).",
            "{name!r} starts afresh; {count} turns forgotten (%qwen undo brings them back).",
            count=turns,
            name=chat.name,
        )
    )


def undo(call: CommandCall) -> None:
    """Take back the last change of one."""
    chat = _named(call)
    what = chat.undo(call.magics.cell())
    say(_("Undone in {name!r}: {what}.", name=chat.name, what=what))


def fork(call: CommandCall) -> None:
    """Go on from a copy."""
    new, source = call.words[0], call.words[1] if len(call.words) > 1 else call.chat
    chat = conversations(call).fork(new, source, call.magics.cell())
    turns = _n("{count} turn", "{count} turns", count=len(chat))
    say(
        _(
            "{name!r} goes on from {source!r} with {turns}: ask it with {option}.",
            name=chat.name,
            source=source,
            turns=turns,
            option=_option(new),
        )
    )


def _option(name: str) -> str:
    """How a question goes to the conversation of this name."""
    return f"-c {name!r}" if " " in name else f"-c {name}"


def rename(call: CommandCall) -> None:
    """Another name."""
    old = call.words[0]
    chat = conversations(call).rename(*call.words)
    say(_("{old!r} is called {name!r} now: ask it with {option}.", old=old, name=chat.name, option=_option(chat.name)))


def drop(call: CommandCall) -> None:
    """Forget one altogether."""
    conversations(call).drop(call.words[0])
    say(_("{name!r} is gone.", name=call.words[0]))


def compact(call: CommandCall) -> None:
    """Let the model sum up the oldest turns."""
    chat = _named(call)
    magics = call.magics
    magics.assistant.compact(chat, magics.view(), magics.cell(), magics.publisher())
    say(
        _(
            "From now on this summary stands for the oldest turns of {name!r} (%qwen undo brings them back).",
            name=chat.name,
        )
    )


def save(call: CommandCall) -> None:
    """Into a file that `load` reads; without the pictures a follow-up on them sends their names only."""
    file, *names = (word for word in call.words if word != NO_PICTURES)
    chat = conversations(call).find(*names or [call.chat])
    chat.save(file, contents=NO_PICTURES not in call.words)
    say(
        _n(
            "{name!r} is saved in {file} ({count} turn).",
            "{name!r} is saved in {file} ({count} turns).",
            count=len(chat),
            name=chat.name,
            file=file,
        )
    )


def load(call: CommandCall) -> None:
    """From such a file."""
    name = call.words[1] if len(call.words) > 1 else ""
    chat = conversations(call).load(call.words[0], name, call.magics.cell())
    say(
        _n(
            "{name!r} has {count} turn from {file} (%qwen undo takes it back).",
            "{name!r} has {count} turns from {file} (%qwen undo takes it back).",
            count=len(chat),
            name=chat.name,
            file=call.words[0],
        )
    )


def export(call: CommandCall) -> None:
    """A transcript for people."""
    chat = _named(call, 1)
    chat.export(call.words[0])
    say(_("The transcript of {name!r} is in {file}.", name=chat.name, file=call.words[0]))


def resume(call: CommandCall) -> None:
    """Join what autosave kept of this notebook, or of another one beside it, with what is here."""
    saver = call.magics.open_saver()
    name = call.words[0] if call.words else saver.folder.name
    names = saver.names()
    if name not in names:
        raise _nothing_saved(saver.folder.with_name(name), names)
    files, damaged = saver.waiting(name), []
    for file in files:
        try:
            chat = saver.resume(file, conversations(call), call.magics.cell())
        except InputError as error:
            damaged.append(error)
        else:
            say(
                _n(
                    "{name!r} goes on with {count} turn (%qwen undo takes it back).",
                    "{name!r} goes on with {count} turns (%qwen undo takes it back).",
                    count=len(chat),
                    name=chat.name,
                )
            )
    if damaged:
        raise damaged[0]
    if not files:
        say(_("All that was saved is here already."))


def _nothing_saved(folder: Path, names: list[str]) -> InputError:
    if not names:
        return InputError(
            _("Nothing was saved in {folder}.", folder=folder),
            _("%config QwenMagics.autosave = True saves from then on."),
        )
    known = ", ".join(f"'{name}'" if " " in name else name for name in names[:MOST_NAMED])
    return InputError(
        _("Nothing was saved in {folder}.", folder=folder),
        _("%qwen resume NAME takes another notebook's: {known}.", known=known),
    )


def usage(call: CommandCall) -> None:
    """Tokens, and their cost where prices are configured."""
    from IPython.display import display

    from ...conversations.usage import Prices
    from ...rendering.fact_table import Listing

    settings = call.magics.settings
    rows = conversations(call).usage(Prices(settings.prices, settings.currency))
    priced = any(row.cost is not None for row in rows)
    columns = [_("conversation"), _("model"), _("questions"), _("tokens in"), _("tokens out")]
    if priced:
        columns.append(_("cost {currency}", currency=settings.currency) if settings.currency else _("cost"))
    cells = [
        (row.conversation, row.model, row.questions, row.usage.input, row.usage.output)
        + ((("" if row.cost is None else round(row.cost, 6)),) if priced else ())
        for row in rows
    ]
    display(Listing(columns, cells, _("Nothing was asked yet.")))
