"""The commands of `%qwen`: a table, and how a line is told from a question.

A line is a command when its first word is one and the words behind it are what it takes. One that nearly is (a word
too many, or too few, or one small word that is none) is refused, because a slip should not be asked and paid for. Any
other line is a question. So `%qwen undo` is a command, `%qwen undo a b` and `%qwen clear` are refused, and `%qwen undo
that last commit: how?` asks. `fix`, `explain` and `edit` ask about the notebook's code, and take the options of a
question before and behind their name. What the commands do is in the modules beside this one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...core.errors import InputError
from ...core.languages import translated
from ...core.translatable import Translatable, _, sentences
from ...rendering.command_output import say
from ..options import grouped_lines, usage, words
from . import answer_cache, answers, chats, code_questions, tools
from . import apply as applying
from . import batches as batching
from . import doctor as doctoring
from . import endpoint as whom
from . import remote_files as files
from .command_call import CommandCall

if TYPE_CHECKING:
    from ...core.answer import Answer

__all__ = ["COMMANDS", "CommandCall", "Command", "command_in"]

NOTHING, ONE, PERHAPS_ONE, ONE_OR_TWO, TWO, ANYTHING = "", r"\S+", r"\S*", r"\S+( \S+)?", r"\S+ \S+", ".*"
ENDPOINT = r"""(\S+|["']?local:\S.*)?( ?--(protocol[ =]\S*|yes))*"""
EXAMINED = r"([^-\s]\S*)?( ?--(try-regions|json))*"
SAVED = r"[^-\s]\S*( [^-\s]\S*)?( --no-pictures)?"
# A name, with options of a question before it.
EXPLAINED = r"(-.*)?\S*"
FILES = r"(rm( \S+)+|prune)?"
# These read their quotes themselves.
READ_THEMSELVES = (ANYTHING, ENDPOINT, EXPLAINED)
# Words of other tools for commands of ours.
ELSEWHERE = {"clear": "reset", "new": "reset", "cost": "usage", "list": "chats", "history": "show", "delete": "drop"}
# "Hello" and "为什么" are questions.
COMMAND_LIKE = re.compile(r"[a-z][a-z_-]*")
# No name has any of these in it.
OF_SENTENCES = "?？，。！"


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it takes, for people and as a pattern (`shape`), and the function that does it.

    The pattern is for the words with one space between them; what was quoted has none in it. One that `asks` a question
    takes its options.
    """

    arguments: str
    help: Translatable
    shape: str
    do: Callable[[CommandCall], Answer | None]
    asks: bool = False


def command_in(text: str, *, alone: bool = True) -> Command | None:
    """The command that `text` is; `None` for a question.

    `alone` is whether there are no options in front of it that only a question has: then a word may be a slip.
    Raises `InputError` for what would be an odd question: what is nearly a command, a misplaced `-c`.
    """
    name, *given = words(text) or ("help",)
    command = COMMANDS.get(name)
    if command is None:
        if alone and not given:
            _refuse_unknown(name)
        return None
    fits = re.fullmatch(command.shape, " ".join(re.sub(r"\s", "_", word) for word in given))
    if not fits and not _is_slip(command, given):
        return None
    if {"-c", "--chat"} & set(given) and not command.asks:
        raise InputError(_("-c goes before the command."), _("Such as %qwen -c NAME {name}.", name=name))
    if command.shape not in READ_THEMSELVES and any(word.startswith(("'", '"')) for word in given):
        raise InputError(
            _("A quote in %qwen {text} is not closed.", text=text), _("To ask it: %qwen -- {text}", text=text)
        )
    if not fits:
        raise InputError(
            _("%qwen {name} takes {arguments}.", name=name, arguments=command.arguments or _("nothing more")),
            sentences(
                _("A name with spaces goes in quotes.") if len(given) > 1 else "",
                _("To ask it: %qwen -- {text}", text=text),
            ),
        )
    return command


def _is_slip(command: Command, given: list[str]) -> bool:
    """Whether words that do not fit were meant for the command: a question has more of them, or its mark."""
    most = 1 if command.shape == NOTHING else 2
    names = [word for word in given if not word.startswith("-")]
    return len(names) <= most and not any(mark in word for word in given for mark in OF_SENTENCES)


def _refuse_unknown(name: str) -> None:
    """Refuse a single word that was meant for a command: one in small letters, or nearly one of them."""
    near = difflib.get_close_matches(name.casefold(), COMMANDS, n=1, cutoff=0.75)
    meant = ELSEWHERE.get(name.casefold()) or "".join(near)
    if meant or COMMAND_LIKE.fullmatch(name):
        hint = _("Did you mean {name}?", name=meant) if meant else _("%qwen help lists them.")
        raise InputError(
            _("There is no command {name!r}.", name=name),
            sentences(hint, _("To ask it: %qwen -- {text}", text=name)),
        )


def _help(call: CommandCall) -> None:
    """`%qwen` and `%qwen help`."""
    written = ((name, f"%qwen {name} {command.arguments}".strip(), command.help) for name, command in COMMANDS.items())
    say(f"{translated(INTRODUCTION)}\n\n{usage()}\n\n{grouped_lines(written, GROUPS)}")


# Where a person looks for a command; one that is in no group is among others, at the end.
GROUPS: tuple[tuple[Translatable, tuple[str, ...]], ...] = (
    (_("Who is asked"), ("use", "models", "login", "logout", "doctor")),
    (_("Answers and code"), ("last", "continue", "fix", "explain", "edit", "apply", "tools")),
    (_("This conversation"), ("chat", "show", "system", "model", "undo", "reset", "compact")),
    (_("Conversations"), ("chats", "fork", "rename", "drop", "save", "load", "export", "resume")),
    (_("Kept and spent"), ("files", "batches", "cache", "usage")),
)


INTRODUCTION = _(
    """%%qwen [OPTIONS]           asks what the cell's body says; the answer streams below it
%qwen [OPTIONS] QUESTION   asks a question on one line; one that reads like a command goes after --
%qwen COMMAND              see below

The kernel keeps the conversation; a cell run again replaces its own turn. The prompt is free text; {{{{ expression }}}}
in it is evaluated in the notebook. The last answer is _qwen (.text, .code, .usage, …); qwen_magic.ask("…") asks from
Python."""
)

COMMANDS: dict[str, Command] = {
    "help": Command("", _("this screen"), NOTHING, _help),
    "use": Command(
        "[NAME|URL] [--protocol P]", _("ask another endpoint, or say which one is asked"), ENDPOINT, whom.use
    ),
    "models": Command("", _("the models that the endpoint has"), NOTHING, whom.models),
    "login": Command("", _("keep a key (it is asked for, and not shown)"), NOTHING, whom.login),
    "logout": Command("", _("forget the key"), NOTHING, whom.logout),
    "last": Command("", _("show the last answer again"), NOTHING, answers.last),
    "continue": Command("", _("go on with an answer that was stopped or cut"), NOTHING, answers.go_on),
    "fix": Command(
        "[WHAT YOU THINK]", _("the last cell that failed, corrected: a diff"), ANYTHING, code_questions.fix, asks=True
    ),
    "explain": Command(
        "[NAME|error]",
        _("explain the last error, or a name of the notebook"),
        EXPLAINED,
        code_questions.explain,
        asks=True,
    ),
    "edit": Command(
        "[N] WHAT TO CHANGE",
        _("the cell with number N, or the one above, changed: a diff"),
        ANYTHING,
        code_questions.edit,
        asks=True,
    ),
    "apply": Command("", _("put the last answer's code into its cell"), NOTHING, applying.apply),
    "chat": Command("[NAME]", _("a panel to chat in, on a conversation"), PERHAPS_ONE, chats.chat),
    "chats": Command("", _("the conversations of this kernel"), NOTHING, chats.chats),
    "show": Command("[NAME]", _("a conversation's transcript"), PERHAPS_ONE, chats.show),
    "system": Command("[TEXT]", _("the conversation's system prompt ('none' to clear it)"), ANYTHING, chats.system),
    "model": Command("[MODEL]", _("the conversation's model ('none' for the default)"), PERHAPS_ONE, chats.model),
    "reset": Command("[NAME]", _("forget a conversation's turns"), PERHAPS_ONE, chats.reset),
    "undo": Command("[NAME]", _("bring back what the last change replaced"), PERHAPS_ONE, chats.undo),
    "fork": Command("NEW [FROM]", _("go on from a copy of a conversation"), ONE_OR_TWO, chats.fork),
    "rename": Command("OLD NEW", _("give a conversation another name"), TWO, chats.rename),
    "drop": Command("NAME", _("forget a conversation altogether"), ONE, chats.drop),
    "compact": Command("[NAME]", _("let the model sum up the oldest turns"), PERHAPS_ONE, chats.compact),
    "save": Command("FILE.json [NAME] [--no-pictures]", _("save a conversation"), SAVED, chats.save),
    "load": Command("FILE.json [NAME]", _("load a saved conversation"), ONE_OR_TWO, chats.load),
    "export": Command("FILE.md|FILE.html [NAME]", _("write a transcript for people to read"), ONE_OR_TWO, chats.export),
    "resume": Command(
        "[NAME]", _("go on with what was saved by itself (QwenMagics.autosave)"), PERHAPS_ONE, chats.resume
    ),
    "files": Command("[rm ID … | prune]", _("the documents on the service, and deleting them"), FILES, files.files),
    "doctor": Command(
        "[NAME|URL] [--try-regions] [--json]", _("say what is wrong on the way"), EXAMINED, doctoring.doctor
    ),
    "batches": Command(
        "[cancel ID]", _("list the batches on the service, collect finished ones"), r"(cancel \S+)?", batching.batches
    ),
    "cache": Command(
        "[clear]", _("the answers of maps on the disk, and removing them"), "(clear)?", answer_cache.cache
    ),
    "tools": Command(
        "[forget]",
        _("the functions that -t can give to the model; 'forget' allows none any more"),
        "(forget)?",
        tools.tools,
    ),
    "usage": Command("", _("the tokens used in this kernel"), NOTHING, chats.usage),
}
