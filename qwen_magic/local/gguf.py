"""Reads the header of a GGUF file: the facts that decide whether its model fits into memory.

The format is described in llama.cpp's `docs/gguf.md`. Not for tensors, tokens or templates: the engine reads those.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from ..core.errors import ConfigurationError
from ..core.translatable import _

__all__ = ["LATER_PIECE", "PROJECTOR", "Header", "file_bytes", "header", "unreadable"]

MAGIC = b"GGUF"
# Numbers by their type code; 8 is a string and 9 an array.
NUMBERS = {0: "B", 1: "b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "?", 10: "<Q", 11: "<q", 12: "<d"}
STRING, ARRAY = 8, 9
# Bytes that are read: ours. The needed fields are in the first few kilobytes; a length that points beyond this is
# invalid.
MAX_HEADER = 4 << 20
# A file in pieces: name-00001-of-00003.gguf, as llama.cpp splits them.
FIRST_PIECE = re.compile(r"-00001-of-(\d{5})\.gguf$", re.IGNORECASE)
LATER_PIECE = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$", re.IGNORECASE)
# The name of the file that lets a model read images, as llama.cpp calls it.
PROJECTOR = re.compile(r"^mmproj[-_.]?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """What a model needs beside its weights: `context` is the longest it was trained for, in tokens."""

    architecture: str
    context: int
    bytes_per_token: int


def header(path: Path) -> Header:
    """Read the header of the model at `path`. Raises `ConfigurationError` for what is no GGUF file."""
    try:
        if not path.is_file():  # opening a pipe would wait for its other end
            path.stat()
            raise ConfigurationError(_("{path} is not a file.", path=path), _("Give the path of a .gguf file."))
        with path.open("rb") as file:
            fields = _read_fields(BytesIO(file.read(MAX_HEADER)))
        name = str(fields.get("general.architecture", ""))
        return Header(name, _number(fields, f"{name}.context_length"), _cache_bytes_per_token(fields, name))
    except OSError as error:
        raise unreadable(path, error) from None
    except (struct.error, ValueError, KeyError, OverflowError, RecursionError):
        raise ConfigurationError(
            _("{path} is not a GGUF file, or is cut short.", path=path), _("Download it again.")
        ) from None


def unreadable(path: Path, error: OSError) -> ConfigurationError:
    """The error for a model file that cannot be opened or read."""
    return ConfigurationError(
        _("{path} cannot be read ({reason}).", path=path, reason=error.strerror), _("Give the path of a .gguf file.")
    )


def _cache_bytes_per_token(fields: Mapping[str, Any], name: str) -> int:
    """The KV cache's share of one token: keys and values of each layer that attends, in 16-bit numbers."""
    heads = max(1, _number(fields, f"{name}.attention.head_count"))
    width = _number(fields, f"{name}.embedding_length") // heads
    key = _number(fields, f"{name}.attention.key_length") or width
    value = _number(fields, f"{name}.attention.value_length") or width
    layers = _number(fields, f"{name}.block_count")
    # Hybrids such as Qwen3-Next and Qwen3.5 attend in every n-th layer only.
    layers //= _number(fields, f"{name}.full_attention_interval") or 1
    return layers * (_number(fields, f"{name}.attention.head_count_kv") or heads) * (key + value) * 2


def _number(fields: Mapping[str, Any], name: str) -> int:
    """A field as a number; of a list (one number for each layer), the largest. Raises `ValueError` for other types."""
    value = fields.get(name, 0)
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, int) and each >= 0 for each in values):
        raise ValueError(name)
    return max(values, default=0)


def _read_fields(file: BinaryIO) -> dict[str, Any]:
    """The fields before the tokenizer's, which are many and not needed. `file` is the header in memory."""
    if file.read(4) != MAGIC:
        raise ValueError
    _, _, count = struct.unpack("<IQQ", file.read(20))
    fields: dict[str, Any] = {}
    for _ in range(count):
        name = _text(file)
        if name.startswith("tokenizer."):
            break
        fields[name] = _value(file, _unpack(file, "<I"))
    return fields


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == STRING:
        return _text(file)
    if kind == ARRAY:
        item = _unpack(file, "<I")
        return [_value(file, item) for _ in range(_unpack(file, "<Q"))]
    return _unpack(file, NUMBERS[kind])


def _text(file: BinaryIO) -> str:
    return file.read(_unpack(file, "<Q")).decode("utf-8", "replace")


def _unpack(file: BinaryIO, form: str) -> Any:
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]


def file_bytes(path: Path) -> int:
    """The size of a model, all its pieces together. Raises `ConfigurationError` when one is missing."""
    pieces = FIRST_PIECE.search(path.name)
    count = int(pieces[1]) if pieces else 1
    names = [FIRST_PIECE.sub(f"-{piece:05}-of-{count:05}.gguf", path.name) for piece in range(1, count + 1)]
    return sum(_bytes_of(path.with_name(name)) for name in names)


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from None
