"""`@path` and `@variable` in a prompt: which of them exist, and the Tab completions behind an `@`.

`@plot.png` and `@"my plot.png"` are mentions if the file exists, `@df` if there is a variable with data; if both exist,
it is the file. Any other `@word` is plain text, such as an address or a decorator. The prompt is never changed: the
model reads the name where it was written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["Mention", "is_data", "mentioned_variables", "mentions", "suggestions"]

# An e-mail address has letters before its @, and so has `git@host`. Letters of scripts that use no spaces may be there.
BEFORE = r"(?<![A-Za-z0-9_.+\-@/\\])"
MENTION = re.compile(
    BEFORE + r"""@(?:"(?P<double>[^"\n]{1,1024})"|'(?P<single>[^'\n]{1,1024})'|(?P<bare>[^\s"'`<>|*?]{1,1024}))"""
)
# A bare path may end before any of these: punctuation, or the words of a script that is written without spaces.
END = re.compile(r"[^\w/\\~]|[^\x00-\x7f]")
# Ends that are tried for one mention: enough for every real name.
TRIED = 64

# A name that ends there: neither `@app.route("/")` nor `@data/x.csv` is one.
VARIABLE = re.compile(BEFORE + r"@(?P<name>[^\W\d]\w{0,255})(?![\w(\[{/\\@-]|\.\w)")
# On a line of its own, with a function or a class below it.
DECORATED = re.compile(r"[ \t]*\n\s*(?:def|class|async|@)\b")
# IPython's own variables.
SHELL = {"In", "Out", "exit", "quit", "get_ipython", "open"}

OFFERED = 200
PARTIAL = re.compile(BEFORE + r"""@(?P<quote>["']?)(?P<path>[^\n"']*)$""")


@dataclass(frozen=True, slots=True)
class Mention:
    """A file that a prompt names: `path` as written, and where in the prompt the whole mention stands."""

    path: str
    start: int
    end: int


def mentions(prompt: str, cwd: Path) -> tuple[Mention, ...]:
    """The mentions in `prompt` that are files, relative to `cwd`, in order and without repetition."""
    found = (mention for match in MENTION.finditer(prompt) if (mention := _mentioned(match, cwd)))
    return tuple({mention.path: mention for mention in reversed(list(found))}.values())[::-1]


def _mentioned(match: re.Match[str], cwd: Path) -> Mention | None:
    quoted = match["double"] or match["single"]
    candidates = [quoted] if quoted else _shorter(match["bare"])
    for path in candidates:
        if _is_file(cwd, path):
            return Mention(path, match.start(), match.end() if quoted else match.start() + 1 + len(path))
    return None


def mentioned_variables(prompt: str, cwd: Path, namespace: Mapping[str, Any]) -> tuple[str, ...]:
    """The variables that `prompt` names behind an `@`, in order, each once."""
    named = dict.fromkeys(
        match["name"] for match in VARIABLE.finditer(prompt) if not DECORATED.match(prompt, match.end())
    )
    return tuple(name for name in named if is_data(name, namespace.get(name)) and not _is_file(cwd, name))


def is_data(name: str, value: object) -> bool:
    """Whether a variable has data of the user: no module, no function, no variable of IPython."""
    return (
        not name.startswith("_")
        and name not in SHELL
        and value is not None
        and not (isinstance(value, ModuleType) or callable(value))
    )


def _shorter(run: str) -> Iterator[str]:
    """`run`, and its beginnings that could be a path, the longest first."""
    ends = [match.start() for match in END.finditer(run) if match.start()]
    yield run
    yield from (run[:end] for end in reversed(ends[-TRIED:]))


def _is_file(cwd: Path, path: str) -> bool:
    """Whether `path` exists and is no folder. Its kind is checked when it is opened."""
    with suppress(OSError, ValueError, RuntimeError):
        status = (cwd / Path(path).expanduser()).lstat()
        return bool(status) and not (cwd / Path(path).expanduser()).is_dir()
    return False


def suggestions(text: str, cwd: Path) -> tuple[str, ...]:
    """The completions of the partial `@pa` at the end of `text`: whole mentions, folders with a slash behind them.

    A path with spaces comes in quotes. Hidden files are offered only behind a dot.
    """
    partial = PARTIAL.search(text)
    if partial is None or (not partial["quote"] and " " in partial["path"]):
        return ()
    folder, _, stem = partial["path"].rpartition("/")
    start = f"{folder}/" if "/" in partial["path"] else ""
    with suppress(OSError, ValueError, RuntimeError), os.scandir(cwd / Path(start).expanduser()) as entries:
        offered = (
            start + entry.name + "/" * entry.is_dir()
            for entry in entries
            if entry.name.startswith(stem) and (stem.startswith(".") or not entry.name.startswith("."))
        )
        return tuple(sorted(_quoted(path, partial["quote"]) for path in islice(offered, OFFERED)))
    return ()


def _quoted(path: str, quote: str) -> str:
    if not quote and not re.search(r"\s", path):
        return f"@{path}"
    quote = quote or '"'
    return f"@{quote}{path}" + quote * (not path.endswith("/"))
