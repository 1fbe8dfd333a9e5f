"""Opens a named file, once: regular files only; every failure is an `InputError` in one line."""

from __future__ import annotations

import difflib
import errno
import os
import stat
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from ..core.errors import InputError
from ..core.translatable import _

__all__ = ["missing", "open_file", "sized"]

# Names of a folder that are looked at for a near one.
LOOKED_AT = 5000

# What is not a file, by the test of `stat` that tells.
STRANGE = (
    (stat.S_ISCHR, _("a device")),
    (stat.S_ISBLK, _("a device")),
    (stat.S_ISFIFO, _("a pipe (FIFO)")),
    (stat.S_ISSOCK, _("a socket")),
)


def open_file(path: Path, name: str) -> BinaryIO:
    """The open file at `path`. Raises `InputError`, calling it `name`, when there is no regular, readable one."""
    try:
        _refuse_strange(path.stat(), name)
        # Should it have become a pipe since, opening must not wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise _refusal(error, path, name) from None
    file = os.fdopen(descriptor, "rb")
    try:
        _refuse_strange(os.fstat(descriptor), name)
    except InputError:
        file.close()
        raise
    return file


def _refuse_strange(status: os.stat_result, name: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise InputError(
            _("{name} is a folder.", name=name), _("Say which files of it, such as {name}/*.csv", name=name.rstrip("/"))
        )
    for is_kind, what in STRANGE:
        if is_kind(status.st_mode):
            raise InputError(_("{name} is {what}, not a file.", name=name, what=what))
    if not status.st_size:
        raise InputError(_("{name} is empty.", name=name))


def _refusal(error: OSError | ValueError, path: Path, name: str) -> InputError:
    code = getattr(error, "errno", None)
    # Windows says that the name cannot be resolved (its error 1921).
    if code == errno.ELOOP or getattr(error, "winerror", None) == 1921:
        return InputError(_("{name} is a link that leads back to itself.", name=name))
    if code in (errno.EACCES, errno.EPERM):
        return InputError(_("{name} may not be read by you.", name=name), _("Look at its permissions."))
    if isinstance(error, ValueError) or code in (errno.ENOENT, errno.ENOTDIR, errno.EINVAL, errno.ENAMETOOLONG):
        return missing(path, name)
    return InputError(
        _("{name} cannot be read ({value}).", name=name, value=error.strerror if isinstance(error, OSError) else error)
    )


def missing(path: Path, name: str) -> InputError:
    """The error for a missing file; it names similar ones."""
    if path.is_symlink():
        return InputError(_("{name} is a link that leads nowhere.", name=name))
    near = difflib.get_close_matches(path.name, _names_in(path.parent), n=3)
    if near:
        return InputError(_("There is no file {name}.", name=name), _("Did you mean {near}?", near=" or ".join(near)))
    return InputError(_("There is no file {name}.", name=name), _("Looked for it in {parent}.", parent=path.parent))


def _names_in(folder: Path) -> list[str]:
    with suppress(OSError, ValueError), os.scandir(folder) as entries:
        return [entry.name for entry in islice(entries, LOOKED_AT)]
    return []


def sized(file: BinaryIO) -> int:
    """The size of an open file in bytes; it is left at its beginning."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size
