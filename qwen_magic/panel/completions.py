"""The choices in a panel: files to attach, and variables of the notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from ..attachments import suggestions
from ..attachments.at_mentions import is_data
from ..rendering.page_messages import Offer

__all__ = ["attachable"]

# The most choices that are listed. Ours.
OFFERED = 40
GLOB = set("*?[")


def attachable(text: str, namespace: Mapping[str, Any], cwd: Path) -> list[Offer]:
    """The completions of `@text`: files and folders of the kernel, globs, and variables; at most `OFFERED`."""
    return list(islice((*_variables(text, namespace), *_globs(text, cwd), *_paths(text, cwd)), OFFERED))


def _paths(text: str, cwd: Path) -> Iterator[Offer]:
    opening = "@" + ('"' if " " in text else "")
    for path in sorted(mention[1:].strip("\"'") for mention in suggestions(opening + text, cwd)):
        yield {"kind": "folder" if path.endswith("/") else "file", "value": path, "note": ""}


def _globs(text: str, cwd: Path) -> Iterator[Offer]:
    if not GLOB.intersection(text):
        return
    folder, _, last = text.rpartition("/")
    if GLOB.intersection(folder) or "**" in last:
        # Counting the files of many folders would delay the kernel at each typed letter.
        yield {"kind": "file", "value": text, "note": ""}
        return
    with suppress(ValueError, OSError, NotImplementedError):
        found = sum(1 for path in islice(cwd.glob(text), 1000) if path.is_file())
        if found:
            yield {"kind": "file", "value": text, "note": f"× {found}"}


def _variables(text: str, namespace: Mapping[str, Any]) -> Iterator[Offer]:
    """The user's variables: no modules, no functions, no variables of IPython."""
    for name, value in list(namespace.items()):
        if name.startswith(text) and is_data(name, value):
            yield {"kind": "variable", "value": name, "note": _described(value)}


def _described(value: Any) -> str:
    """A short description of a variable."""
    shape = getattr(value, "shape", None)
    size = " × ".join(map(str, shape)) if isinstance(shape, tuple) else ""
    return f"{type(value).__name__} {size}".strip()
