"""Reads a foreign file in a separate process, which can be killed: `reader_process` is the other side.

For formats that are read by C code or by a parser of XML or HTML: a hostile file can crash such code, make it allocate
a terabyte, or keep it busy for minutes without noticing an interrupt. This ends one process, and not the kernel with
its data. There is one process for each file, so that none can affect the next. Not for plain texts and CSV, and not for
the images that every browser decodes.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..core.errors import InputError
from ..core.sizes import readable_size
from ..core.translatable import _, from_json
from .size_limits import PROCESSOR_SECONDS, READ_MEMORY, READ_SECONDS

__all__ = ["NO_MEMORY", "ORDER", "ReaderResult", "read_apart"]

# The variable with the order: a list of processes must not show the names of files.
ORDER = "QWEN_MAGIC_READ"
# The exit code of a worker that ended itself because it took too much memory: ours.
NO_MEMORY = 86
# The variables that Python and its libraries need. Keys are not passed on: a damaged file that makes a library copy
# its memory cannot reach them.
PASSED_ON = (
    *("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"),
    *("SYSTEMROOT", "WINDIR", "TEMP", "TMP", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "TZ"),
)
# Threads reserve address space, which is limited, and for a file that is described they save nothing; Arrow's usual
# allocator reserves a gigabyte at once.
FRUGAL = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
# The worker imports this package from the same folder as the kernel.
PACKAGE = str(Path(__file__).resolve().parents[2])
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


@dataclass(frozen=True, slots=True)
class ReaderResult:
    """A result of the worker: bytes, and `facts` about them as JSON values."""

    facts: Mapping[str, Any]
    data: bytes


def read_apart(
    task: str, file: BinaryIO, name: str, seconds: float = READ_SECONDS, memory: int = READ_MEMORY, **options: Any
) -> list[ReaderResult]:
    """Run a task of `reader_process` on an open file.

    Args:
        task: the name of the task.
        file: the file; the worker reads it from its beginning.
        name: the file's name in messages.
        seconds: the time limit.
        memory: the memory limit in bytes, where the system can limit it.
        options: keywords of the task.

    Returns:
        the results of the task.

    Raises:
        InputError: the task refused the file, it exceeded a limit, or it crashed the process.
    """
    order = {"task": task, "name": name, "memory": memory, "options": options}
    process, content = _started(file, json.dumps(order), name)
    try:
        output = process.communicate(content, timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        raise _endless(name, seconds) from None
    finally:
        process.kill()
        process.wait()
    if process.returncode == NO_MEMORY:
        raise InputError(
            _(
                "{name} takes more than {memory} of memory to be read.",
                name=name,
                memory=readable_size(memory, kilo=1024),
            ),
            _("Attach a part of it."),
        )
    if process.returncode == -getattr(signal, "SIGXCPU", 0):
        raise _endless(name, PROCESSOR_SECONDS)
    return _pieces(output, name)


def _endless(name: str, seconds: float) -> InputError:
    return InputError(
        _("Reading {name} took longer than {seconds:g} s, and was stopped.", name=name, seconds=seconds),
        _("Attach a part of it."),
    )


def _started(file: BinaryIO, order: str, name: str) -> tuple[subprocess.Popen[bytes], bytes | None]:
    """Start the worker with the file as standard input. A file without a descriptor is returned as bytes to write."""
    try:
        stdin, content = file.fileno(), None
    except io.UnsupportedOperation:
        file.seek(0)
        stdin, content = subprocess.PIPE, file.read()
    kept = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    path = os.pathsep.join(filter(None, (PACKAGE, kept.get("PYTHONPATH"))))
    try:
        process = subprocess.Popen(
            # -P: no module of the notebook's folder.
            [sys.executable, "-P", "-X", "utf8", "-m", "qwen_magic.attachments.reader_process"],
            env={**kept, **FRUGAL, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", ORDER: order},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # an interrupt of the kernel is the kernel's: it ends the worker
            creationflags=NO_WINDOW,
        )
    except OSError as error:
        raise InputError(
            _("{name} cannot be read: no process can be started for it ({reason}).", name=name, reason=error.strerror)
        ) from None
    return process, content


def _pieces(output: bytes, name: str) -> list[ReaderResult]:
    """The worker's answer: a line of JSON, and the bytes of the pieces behind it."""
    head, end, rest = output.partition(b"\n")
    if not end:
        raise InputError(_("{name} cannot be read: the process that reads it crashed.", name=name), _("Is it damaged?"))
    answer = json.loads(head)
    if "refused" in answer:
        raise InputError(*map(from_json, answer["refused"]))
    found, at = [], 0
    for facts in answer["pieces"]:
        size = facts.pop("size")
        found.append(ReaderResult(facts, rest[at : at + size]))
        at += size
    return found
