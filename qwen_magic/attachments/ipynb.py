"""A notebook as text: its cells and their printed output. Pictures are left out, with a remark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..core.errors import InputError
from ..core.translatable import _

__all__ = ["sections"]

# Characters of one output that are kept: ours. The whole log of a training run adds little.
MAX_OUTPUT = 2_000
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def sections(file: BinaryIO, name: str) -> Iterator[str]:
    """Each cell with its outputs. Raises `InputError` for what is no notebook."""
    try:
        yield from _cells(json.load(file, parse_int=str))  # Python refuses whole numbers of 4,301 digits
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            _("{name} is not a notebook of this format.", name=name), _("Open it in Jupyter, and save it.")
        ) from None


def _cells(notebook: Any) -> Iterator[str]:
    language = notebook.get("metadata", {}).get("language_info", {}).get("name", "python")
    for number, cell in enumerate(notebook["cells"], 1):
        source = _joined(cell.get("source"))
        if not source.strip():
            continue
        if cell.get("cell_type") != "code":
            yield f"[cell {number}]\n{source}"
            continue
        printed = "\n".join(filter(str.strip, map(_output, cell.get("outputs", ()))))
        yield f"[cell {number}, {language}]\n{source}" + (f"\n[output]\n{printed}" if printed else "")


def _output(output: dict[str, Any]) -> str:
    """The text of an output."""
    kind = output.get("output_type")
    if kind == "stream":
        return _shortened(_joined(output.get("text")))
    if kind == "error":
        return _shortened(COLOURS.sub("", "\n".join(output.get("traceback", ()))))
    data = output.get("data", {})
    pictures = "".join(f"[{mime}]\n" for mime in data if mime.startswith("image/"))
    return pictures + _shortened(_joined(data.get("text/plain") or data.get("text/markdown")))


def _joined(text: Any) -> str:
    """A notebook's text: a string, or its lines."""
    return text if isinstance(text, str) else "".join(text or ())


def _shortened(text: str) -> str:
    if len(text) <= MAX_OUTPUT:
        return text
    half = MAX_OUTPUT // 2
    return f"{text[:half]}\n[… {len(text) - MAX_OUTPUT:,} characters left out …]\n{text[-half:]}"
