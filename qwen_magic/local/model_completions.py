"""Tab completion behind `local:`: the models of the table, and the model files and folders on this machine.

Imports nothing heavy, and opens no file: completion must be immediate.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..core.errors import ConfigurationError
from ..core.sizes import readable_size
from ..core.translatable import _
from .catalogue import CATALOGUE, VISION
from .gguf import LATER_PIECE, PROJECTOR, file_bytes

__all__ = ["Suggestion", "suggestions"]

MOST = 200
SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A completion behind `local:`, with a short description."""

    text: str
    facts: str
    is_file: bool = False


def suggestions(begun: str, cwd: Path) -> tuple[Suggestion, ...]:
    """The completions that begin with `begun`: names of the table first, then paths relative to `cwd`."""
    paths = sorted(islice(_paths_from(begun, cwd), MOST), key=lambda path: path.text)
    return (*(name for name in _names() if name.text.startswith(begun)), *paths)


def _names() -> Iterator[Suggestion]:
    yield Suggestion(VISION, _("the best that fits and sees images"))
    for model in CATALOGUE:
        yield Suggestion(model.name, readable_size(model.bytes) + ", sees images" * model.sees)


def _paths_from(begun: str, cwd: Path) -> Iterator[Suggestion]:
    """Folders and model files; hidden ones only behind a dot."""
    cut = max(begun.rfind(separator) for separator in SEPARATORS) + 1
    folder, stem = begun[:cut], begun[cut:]
    with suppress(OSError, ValueError, RuntimeError), os.scandir(cwd / Path(folder).expanduser()) as entries:
        for entry in entries:
            if entry.name.startswith(stem) and (stem.startswith(".") or not entry.name.startswith(".")):
                yield from _suggested(folder, entry)


def _suggested(folder: str, entry: os.DirEntry[str]) -> Iterator[Suggestion]:
    if entry.is_dir():
        yield Suggestion(f"{folder}{entry.name}/", "folder")
    elif _is_model(entry.name):
        with suppress(ConfigurationError):
            yield Suggestion(folder + entry.name, readable_size(file_bytes(Path(entry.path))), is_file=True)


def _is_model(name: str) -> bool:
    """Whether a file of this name is a model, and not a projector or a later piece of one."""
    return name.lower().endswith(".gguf") and not PROJECTOR.match(name) and not LATER_PIECE.search(name)
