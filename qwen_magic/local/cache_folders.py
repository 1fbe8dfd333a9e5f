"""The folders of models, running engines and answers: in the system's cache folder, or in QWEN_MAGIC_CACHE.

Another user who can write there could replace a model, an engine or an answer: a folder or file that belongs to
another user, or that others may change, is not used.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..core.errors import ConfigurationError
from ..core.translatable import _

__all__ = ["VARIABLE", "answers", "engines", "make", "models", "trusted"]

VARIABLE = "QWEN_MAGIC_CACHE"
OWN = _("Set {variable} to a folder of your own.", variable=VARIABLE)


def models() -> Path:
    """The folder of the models that were downloaded. Raises `ConfigurationError` for one that others may change."""
    return trusted(trusted(_cache()) / "models")


def engines() -> Path:
    """The folder of the records of running engines, with their keys: no other user may read it.

    Raises `ConfigurationError` when it cannot be made, and for one that others may change.
    """
    return _private("engines")


def answers() -> Path:
    """The folder of the cached answers of `qwen_magic.map`: no other user may read it.

    Raises `ConfigurationError` as `engines` does.
    """
    return _private("answers")


def _private(name: str) -> Path:
    """A folder of the cache that no other user may read."""
    folder = trusted(_cache()) / name
    try:
        make(folder, 0o700)
    except OSError as error:
        raise ConfigurationError(
            _("{folder} cannot be made ({reason}).", folder=folder, reason=error.strerror), OWN
        ) from None
    return trusted(folder)


def make(folder: Path, mode: int = 0o755) -> None:
    """Make the folder and those above it, which only this user may change, whatever the umask."""
    if not folder.parent.is_dir():
        make(folder.parent)
    folder.mkdir(mode, exist_ok=True)


def trusted(path: Path) -> Path:
    """`path`, which need not exist. Raises `ConfigurationError` if another user could have written to it.

    Not checked on Windows, where a user's folders are closed to others by default.
    """
    if not hasattr(os, "geteuid"):
        return path
    try:
        facts = path.stat()
    except OSError:
        return path  # it does not exist, or the caller that opens it reports why not
    if facts.st_uid not in (os.geteuid(), 0):
        raise ConfigurationError(_("{path} belongs to another user, and is not used.", path=path), OWN)
    # Where every user has a group of their own, with the same number, its members are this user alone.
    closed = stat.S_IWOTH | stat.S_IWGRP * (facts.st_gid != facts.st_uid)
    # In a folder with the sticky bit, such as /tmp, others cannot change what is ours.
    if facts.st_mode & closed and not facts.st_mode & stat.S_ISVTX:
        raise ConfigurationError(
            _("Other users may change {path}: it is not used.", path=path),
            _("Run `chmod -R go-w {path}`, or set {variable} to a folder of your own.", path=path, variable=VARIABLE),
        )
    return path


def _cache() -> Path:
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("qwen_magic", appauthor=False)
