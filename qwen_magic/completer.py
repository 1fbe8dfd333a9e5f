"""Tab behind `%qwen` and `%%qwen`: options, commands, endpoints, models, conversations, `@path` in a prompt, `local:`.

Imports nothing heavy before Tab is pressed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .options import OPTIONS

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .magics import QwenMagics

__all__ = ["candidates", "install", "remove"]

KEYS = ("%qwen", "%%qwen")
# A model on this machine, by name or by path; a path may have spaces, and quotes round it.
OWN = re.compile(r"""^\s*%qwen\s+use\s+local:(?P<quote>["']?)(?P<begun>[^"']*)$""")


def install(shell: InteractiveShell, magics: QwenMagics) -> None:
    """Complete in this shell."""

    def complete(_: Any, event: Any) -> list[str]:
        return list(candidates(magics, event.text_until_cursor))

    for key in KEYS:
        shell.set_hook("complete_command", complete, str_key=key)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.extend(MATCHERS)


def remove(shell: InteractiveShell) -> None:
    """Complete no longer."""
    dispatch = shell.strdispatchers["complete_command"]
    for key in KEYS:
        dispatch.strs.pop(key, None)
    if shell.Completer is not None:
        for matcher in MATCHERS:
            shell.Completer.custom_matchers.remove(matcher)


def match_mention(context: Any) -> Any:
    """IPython's matcher for `@path` in a prompt, also in the body of a cell."""
    from IPython.core.completer import SimpleCompletion

    line = context.text_until_cursor
    if not (context.full_text.startswith(KEYS[1]) or line.lstrip().startswith(KEYS[0])) or "@" not in line:
        return {"completions": []}
    from pathlib import Path

    from .attachments import suggestions

    found = suggestions(line, Path.cwd())
    fragment = line[line.rindex("@") :]
    return {
        "completions": [SimpleCompletion(text=path, type="path") for path in found],
        "matched_fragment": fragment,
        "suppress": bool(found),
    }


def match_local(context: Any) -> Any:
    """IPython's matcher for what stands behind `local:`; a front-end shows the sizes as it shows other types."""
    own = OWN.search(context.text_until_cursor)
    if own is None:
        return {"completions": []}
    from pathlib import Path

    from IPython.core.completer import SimpleCompletion

    from .local.suggestions import suggestions

    found = suggestions(own["begun"], Path.cwd())
    return {
        "completions": [SimpleCompletion(each.text + own["quote"] * each.is_file, type=each.facts) for each in found],
        "matched_fragment": own["begun"],
        "ordered": True,
        "suppress": bool(found),
    }


# What IPython wants to know of a matcher (its docs, "completer": matcher API version 2).
MATCHERS = (match_mention, match_local)
for each in MATCHERS:
    each.matcher_api_version = 2  # type: ignore[attr-defined]  # attributes of a function
    each.matcher_identifier = f"qwen_magic.{each.__name__}"  # type: ignore[attr-defined]  # the same
    each.matcher_priority = 100  # type: ignore[attr-defined]  # the same


def candidates(magics: QwenMagics, line: str) -> Iterable[str]:
    """What may stand where the cursor is, at the end of `line`."""
    is_cell = line.lstrip().startswith("%%")
    words = re.split(r"\s+", line.lstrip().lstrip("%"))[1:]
    current, before = (words[-1], words[:-1]) if words else ("", [])
    return (word for word in after(magics, before, current, is_cell) if word.startswith(current))


def after(magics: QwenMagics, before: list[str], current: str, is_cell: bool) -> Iterable[str]:
    """All that makes sense behind the words `before`."""
    previous = before[-1] if before else ""
    if previous in ("-m", "--model"):
        return model_names(magics)
    if previous in ("-c", "--chat"):
        return [conversation.name for conversation in magics.assistant.conversations]
    if previous == "--protocol":
        return ["compatible", "dashscope"]
    if not is_cell and previous == "use" and len(before) == 1:
        from .endpoints import HERE, NAMES

        return (*NAMES, f"{HERE}:")
    options = [name for option in OPTIONS for name in option.names] if current.startswith("-") else []
    if is_cell or before:
        return options
    from .commands import COMMANDS

    return [*options, *COMMANDS]


def model_names(magics: QwenMagics) -> list[str]:
    """The service's models, or those that a local server has said it has."""
    if magics.assistant.gateway.endpoint.dialect.service:
        from .models import KNOWN

        return [model.name for model in KNOWN]
    return list(magics.assistant.gateway.known_models())
