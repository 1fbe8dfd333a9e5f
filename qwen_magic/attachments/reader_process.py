"""The process that reads one foreign file for `isolated_reader`: `python -m qwen_magic.attachments.reader_process`.

The file is its standard input, the order a variable of its environment, and its answer one line of JSON with the
bytes that this announces. It limits its own memory and time first; `isolated_reader` kills it at a deadline.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import fields
from io import BytesIO
from typing import Any, BinaryIO

from ..core.errors import InputError
from ..core.translatable import _, to_json
from .attachment import Attachment
from .isolated_reader import NO_MEMORY, ORDER, ReaderResult
from .size_limits import PROCESSOR_SECONDS, ImageLimits

__all__ = ["main"]

# The interval at which the memory is checked on a system that cannot limit it, in seconds.
LOOK = 0.1
LONGEST_REASON = 200


def main() -> None:
    """Execute the order in the environment, and write the answer."""
    order = json.loads(os.environ.pop(ORDER))
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries of C may print
    _confine(order["memory"])
    file: BinaryIO = sys.stdin.buffer
    if not file.seekable():
        file = BytesIO(file.read())
    file.seek(0)
    try:
        answer.write(_answered(TASKS[order["task"]], file, order["name"], order["options"]))
    except MemoryError:
        os._exit(NO_MEMORY)
    answer.flush()
    os._exit(0)  # what a damaged file left in a library's memory is not taken apart


def _answered(task: Callable[..., Iterable[ReaderResult]], file: BinaryIO, name: str, options: dict[str, Any]) -> bytes:
    """The answer in bytes. Raises `MemoryError`."""
    try:
        found = list(task(file, name, **options))
    except MemoryError:
        raise
    except InputError as error:
        return _refused(error)
    except Exception as error:  # whatever a library raises on a damaged file
        reason = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
        return _refused(
            InputError(_("{name} cannot be read ({reason}).", name=name, reason=reason), _("Is it damaged?"))
        )
    head = {"pieces": [{**piece.facts, "size": len(piece.data)} for piece in found]}
    return b"".join((json.dumps(head).encode(), b"\n", *(piece.data for piece in found)))


def _refused(error: InputError) -> bytes:
    return json.dumps({"refused": [to_json(error.happened), to_json(error.remedy)]}).encode() + b"\n"


def _confine(memory: int) -> None:
    """Limit this process: `memory` more bytes than it has now, the processor time of one file, and no written files."""
    try:
        import resource
    except ImportError:  # Windows: the deadline alone
        return
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CPU, PROCESSOR_SECONDS)  # also when the kernel is gone and cannot kill it
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as status:
            used = int(status.read().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, used + memory)
    else:
        threading.Thread(target=_watch, args=(memory,), daemon=True).start()


def _limit(kind: int, value: int) -> None:
    import resource

    hard = resource.getrlimit(kind)[1]
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _watch(memory: int) -> None:
    """End this process when it takes more memory. macOS gives the most that was used, in bytes (getrusage(2))."""
    import resource

    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < memory:
        time.sleep(LOOK)
    os._exit(NO_MEMORY)


def _piece(attachment: Attachment) -> ReaderResult:
    told = {each.name: getattr(attachment, each.name) for each in fields(attachment)}
    return ReaderResult(told, told.pop("data"))


def _columnar(file: BinaryIO, name: str, rows: int | None) -> Iterable[ReaderResult]:
    from .arrow_parquet import read_columnar

    return (_piece(read_columnar(file, name, rows)),)


def _spreadsheet(file: BinaryIO, name: str, rows: int | None) -> Iterable[ReaderResult]:
    from .excel import read_spreadsheet

    return (_piece(read_spreadsheet(file, name, rows)),)


def _images(file: BinaryIO, name: str, limits: dict[str, int]) -> Iterable[ReaderResult]:
    from .images import decoded

    return map(_piece, decoded(file, name, ImageLimits(**limits)))


def _document(file: BinaryIO, name: str, mime: str) -> Iterable[ReaderResult]:
    from .documents import text_of

    found = text_of(file, name, mime)
    return (ReaderResult({"more": found.more, "remark": found.remark}, found.text.encode("utf-8", "backslashreplace")),)


def _page(file: BinaryIO, name: str) -> Iterable[ReaderResult]:
    from .html_text import words

    return (ReaderResult({}, words(file.read().decode("utf-8")).encode()),)


TASKS: dict[str, Callable[..., Iterable[ReaderResult]]] = {
    "columnar": _columnar,
    "spreadsheet": _spreadsheet,
    "images": _images,
    "document": _document,
    "page": _page,
}

if __name__ == "__main__":
    main()
