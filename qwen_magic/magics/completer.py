"""Tab behind `%qwen` and `%%qwen`: options, commands and what they take, `@path` in a prompt, `local:`.

Imports and compiles nothing before Tab is pressed: loading the extension has to be cheap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from .options import OPTIONS, words

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .magics import QwenMagics

__all__ = ["install", "remove"]

KEYS = ("%qwen", "%%qwen")
OURS = "qwen_magic."


def install(shell: InteractiveShell, magics: QwenMagics) -> None:
    """Complete in this shell."""
    if shell.Completer is not None:
        completions: dict[str, Callable[[Any], Any]]
        completions = {"mention": _match_mention, "local": _match_local, "word": partial(_match_word, magics)}
        shell.Completer.custom_matchers += [_matcher(*each) for each in completions.items()]


def remove(shell: InteractiveShell) -> None:
    """Complete no longer."""
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [each for each in matchers if not getattr(each, "matcher_identifier", "").startswith(OURS)]


def _matcher(name: str, complete: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What IPython calls (its docs, "completer": matcher API version 2), for the lines that are ours."""

    def match(context: Any) -> Any:
        return complete(context) or {"completions": []}

    vars(match).update(matcher_api_version=2, matcher_identifier=OURS + name, matcher_priority=100)
    return match


def _match_mention(context: Any) -> Any:
    """IPython's matcher for `@path` in a prompt, also in the body of a cell."""
    from IPython.core.completer import SimpleCompletion

    line = context.text_until_cursor
    if not (context.full_text.startswith(KEYS[1]) or line.lstrip().startswith(KEYS[0])) or "@" not in line:
        return None
    from pathlib import Path

    from ..attachments import suggestions

    found = suggestions(line, Path.cwd())
    fragment = line[line.rindex("@") :]
    return {
        "completions": [SimpleCompletion(text=path, type="path") for path in found],
        "matched_fragment": fragment,
        "suppress": bool(found),
    }


def _match_local(context: Any) -> Any:
    """IPython's matcher for what stands behind `local:`; a front-end shows the sizes as it shows other types."""
    # A model on this machine, by name or by path; a path may have spaces, and quotes round it.
    own = re.search(r"""^\s*%qwen\s+use\s+local:(?P<quote>["']?)(?P<begun>[^"']*)$""", context.text_until_cursor)
    if own is None:
        return None
    from pathlib import Path

    from IPython.core.completer import SimpleCompletion

    from ..local.model_completions import suggestions

    found = suggestions(own["begun"], Path.cwd())
    return {
        "completions": [SimpleCompletion(each.text + own["quote"] * each.is_file, type=each.facts) for each in found],
        "matched_fragment": own["begun"],
        "ordered": True,
        "suppress": bool(found),
    }


def _match_word(magics: QwenMagics, context: Any) -> Any:
    """Options, commands and what they take; what has spaces comes in quotes."""
    from IPython.core.completer import SimpleCompletion

    line = context.text_until_cursor.lstrip()
    # The word at the cursor: behind a quote that is open, or bare.
    word = re.search(r"""(?<!\S)(?:(?P<quote>["'])(?P<quoted>[^"']*)|(?P<bare>(?:\\ |[^\s"'])*))$""", line)
    if word is None or word.start() == 0 or line.split()[0] not in KEYS:
        return None
    begun = word["bare"].replace("\\ ", " ") if word["quote"] is None else word["quoted"]
    before = words(line[: word.start()])[1:]
    offered = [each for each in _after(magics, before, begun, line.startswith(KEYS[1])) if each.startswith(begun)]
    return {
        "completions": [SimpleCompletion(text=_quoted(each, word["quote"] or "")) for each in offered],
        "matched_fragment": word[0],
        "suppress": bool(offered),
    }


def _quoted(word: str, quote: str) -> str:
    """The word as the line is read; behind a folder the quote stays open."""
    quote = quote or '"' * (" " in word)
    return quote + word + quote * (not word.endswith("/"))


def _after(magics: QwenMagics, before: tuple[str, ...], begun: str, is_cell: bool) -> Iterable[str]:
    """All that makes sense behind the words `before`."""
    match before:
        case (*_, "-m" | "--model"):
            return _model_names(magics)
        case (*_, "-c" | "--chat"):
            return _chat_names(magics)
        case (*_, "-f" | "--file" | "-i" | "--image"):
            return _paths(begun)
        case (*_, "-v" | "--var"):
            return _variables(magics)
        case (*_, "-t" | "--tool" | "--allow"):
            return _tools(magics)
        case (*_, "--schema"):
            return _schemas(magics, begun)
        case (*_, "--map"):
            return _frames(magics)
        case (*_, "--where"):
            from ..mapping.mapper import WHERE

            return WHERE
        case _ if not is_cell and before[:1] in (("-c",), ("--chat",)):
            before = before[2:]
    options = [name for option in OPTIONS for name in option.offered] if begun.startswith("-") else []
    return options if is_cell else [*options, *_arguments(magics, before, begun)]


def _arguments(magics: QwenMagics, before: tuple[str, ...], begun: str) -> Iterable[str]:
    """The commands, and what they take."""
    from ..service.endpoints import HERE, NAMES
    from .commands import COMMANDS

    match before:
        case ():
            return COMMANDS
        case ("use", *_, "--protocol"):
            return ("compatible", "dashscope")
        case ("use",):
            return (*NAMES, f"{HERE}:")
        case ("doctor",):
            return NAMES
        case ("model",):
            return _model_names(magics)
        case ("save" | "load" | "export",):
            return _paths(begun)
        case ("explain",):
            return ("error", *_variables(magics))
        case ("tools",):
            return ("forget",)
        case ("files",):
            return ("rm", "prune")
        case ("chat" | "show" | "reset" | "undo" | "rename" | "drop" | "compact",):
            return _chat_names(magics)
        case ("save" | "load" | "export" | "fork", _):
            return _chat_names(magics)
    return ()


def _chat_names(magics: QwenMagics) -> list[str]:
    return [conversation.name for conversation in magics.assistant.conversations]


def _variables(magics: QwenMagics) -> list[str]:
    """Those that the person has made."""
    return [name for name in magics.shell.user_ns if name not in magics.shell.user_ns_hidden and name[:1] != "_"]


def _tools(magics: QwenMagics) -> list[str]:
    """The functions of the notebook."""
    from ..tools.toolset import candidate_tools

    return list(candidate_tools(magics.shell.user_ns))


def _schemas(magics: QwenMagics, begun: str) -> list[str]:
    """The classes and dicts of the notebook that are schemas, and files of JSON."""
    from ..structured.schema import candidates

    files = [each for each in _paths(begun) if each.endswith((".json", "/"))] if begun else []
    return [*candidates(magics.shell.user_ns), *files]


def _frames(magics: QwenMagics) -> list[str]:
    """What a map takes: frames, Series and lists."""
    from ..mapping.frames import has_rows

    return [name for name in _variables(magics) if has_rows(magics.shell.user_ns[name])]


def _paths(begun: str) -> list[str]:
    """Files and folders, as behind an `@`."""
    from pathlib import Path

    from ..attachments import suggestions

    return [each[2:].removesuffix('"') for each in suggestions(f'@"{begun}', Path.cwd())]


def _model_names(magics: QwenMagics) -> list[str]:
    """The service's models, or those that a local server has said it has. Nobody is asked, and no engine started."""
    provider = magics.assistant.provider
    here = provider.recall()
    if here.dialect.service if here else provider.choice.may_be_service:
        from ..core.models import KNOWN

        return [model.name for model in KNOWN]
    return list(provider.models.known(here)) if here else []
