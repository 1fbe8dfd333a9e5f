"""Conversations saved by themselves beside the notebook, so that a restarted kernel can go on with `%qwen resume`.

Off unless `QwenMagics.autosave` is set. Each conversation has a file of its own in `.qwen/NOTEBOOK/`. What an earlier
kernel, or another one, has saved there stays, and is joined with what this kernel saves: a cell's turn takes the place
of its older one, and no other turn goes. Only what was asked or resumed in this kernel can be dropped from a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from ..core.errors import InputError
from ..core.translatable import _
from .cells import notebook_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..conversations import CellRef, Conversation, Conversations
    from ..conversations.serialization import Saved

__all__ = ["Autosave", "folder_of"]

_Version = tuple[int, int, int]


class _Kept(NamedTuple):
    """A conversation's file: what of this kernel is in it, what of others that was never resumed here, and what was."""

    path: Path
    version: _Version | None
    own: Saved
    others: Saved | None
    resumed: Saved | None = None


class Autosave:
    """Keeps the conversations of one kernel in the files of `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[Conversation, _Kept] = {}

    def save(self, conversations: Iterable[Conversation]) -> None:
        """Save what has changed, and take dropped ones out of their files. Raises `InputError` when that fails."""
        present, errors = tuple(conversations), []
        for conversation in present:
            try:
                self._save(conversation)
            except InputError as error:
                errors.append(error)
        for dropped in self._kept.keys() - set(present):
            _take_out(self._kept.pop(dropped))
        if errors:
            raise errors[0]

    def _save(self, conversation: Conversation) -> None:
        own, path, kept = conversation.saved(), self._path(conversation), self._kept.get(conversation)
        if kept and kept.resumed and not any(each is kept.resumed for each in conversation.changes.state.restored):
            # The resume was undone, so that the file is as it was before.
            kept = kept._replace(others=kept.resumed, resumed=None)
        if (own, path) == (kept.own, kept.path) if kept else not own.turns:
            return
        self._kept[conversation] = _write(own, path, kept if kept and kept.path == path else None)
        if kept and kept.path != path:
            _take_out(kept)

    def names(self) -> list[str]:
        """The names under which notebooks and sessions have saved beside this one, the last used first."""
        folders = [folder for folder in _entries(self.folder.parent) if _saved_in(folder)]
        return [folder.name for folder in sorted(folders, key=_last_changed, reverse=True)]

    def waiting(self, name: str = "") -> list[Path]:
        """The files under this name (or this notebook's own) that hold anything which is not in this kernel."""
        here = {kept.path: kept.version for kept in self._kept.values() if kept.others is None}
        folder = self.folder.with_name(name) if name else self.folder
        return [path for path in _saved_in(folder) if here.get(path) != _version_of(path)]

    def resume(self, path: Path, conversations: Conversations, cell: CellRef | None) -> Conversation:
        """Join what is in a file with the conversation of its name. Raises `InputError` when the file holds none."""
        from ..conversations.joining import restore
        from ..conversations.serialization import load

        version, saved = _version_of(path), load(path)
        conversation = conversations.get(saved.name)
        restore(conversation, saved, cell)
        if path == self._path(conversation):
            # It will be written anew, as the conversation is now.
            self._kept[conversation] = _Kept(path, version, saved, None, saved)
        return conversation

    def _path(self, conversation: Conversation) -> Path:
        # Capitals are escaped as well, for file systems that do not tell them from small letters.
        name = "".join(f"%{ord(each):02X}" if each.isupper() else quote(each, safe=" ") for each in conversation.name)
        return self.folder / f"{name}.json"


def folder_of(shell: InteractiveShell, folder: Path) -> Path:
    """Where this notebook's conversations are saved: beside it, where the front-end says where it is.

    `folder` is where the kernel was when it started. What is no notebook has a name of its own there: a kernel its id,
    which it keeps when it is restarted, a terminal the time.
    """
    notebook = notebook_of(shell, folder)
    if notebook is None:
        connection = getattr(getattr(getattr(shell, "kernel", None), "parent", None), "connection_file", "")
        session = Path(connection).stem if connection else f"{datetime.now():%Y-%m-%d %H.%M.%S} {os.getpid()}"
        return folder / ".qwen" / session
    name = notebook.stem if notebook.suffix == ".ipynb" else notebook.name
    if os.path.isdir(notebook.parent):
        return notebook.parent / ".qwen" / name
    # On another machine: two notebooks of one name are told apart by their folders.
    return folder / ".qwen" / quote(str(notebook.with_name(name)), safe=" ")


def _write(own: Saved, path: Path, kept: _Kept | None) -> _Kept:
    """Write the file, with what it holds of others."""
    from ..conversations.serialization import save

    others = kept.others if kept and kept.version == _version_of(path) else _read_others(path, kept)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            _("{folder} cannot be made, and nothing is saved: {reason}.", folder=path.parent, reason=error.strerror)
        ) from None
    save(_joined(own, others), path, contents=True)
    return _Kept(path, _version_of(path), own, others, kept.resumed if kept else None)


def _take_out(kept: _Kept) -> None:
    """Take what this kernel has saved out of a file, if nobody else has changed it since."""
    from ..conversations.serialization import save

    if kept.version != _version_of(kept.path):
        return
    if kept.others:
        save(kept.others, kept.path, contents=True)
        return
    try:
        kept.path.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(_("{path} cannot be deleted: {reason}.", path=kept.path, reason=error.strerror)) from None


def _read_others(path: Path, kept: _Kept | None) -> Saved | None:
    """What is in the file that is not this kernel's own. Raises `InputError` when it cannot be read."""
    from ..conversations.serialization import load

    _refuse_strange(path)
    if not path.exists():
        return None
    try:
        found = load(path)
    except InputError as error:
        raise InputError(error.happened, _("Move it away. {not_saved}", not_saved=NOT_SAVED)) from None
    own = {turn for _, turn in kept.own.turns} if kept else ()
    return found._replace(turns=tuple(each for each in found.turns if each[1] not in own))


def _joined(own: Saved, others: Saved | None) -> Saved:
    from ..conversations import Conversation
    from ..conversations.joining import restore

    if others is None:
        return own
    whole = Conversation.from_saved(own)
    restore(whole, others)
    return whole.saved()


NOT_SAVED = _("Until then this conversation is not saved by itself.")


def _refuse_strange(path: Path) -> None:
    """Raises `InputError` for a link, which may lead anywhere, and for what is no file."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(
            _("{path} is a link, or no file at all.", path=path), _("Move it away. {not_saved}", not_saved=NOT_SAVED)
        )


def _version_of(path: Path) -> _Version | None:
    """What changes when the file does; `None` for no file, or a link."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino) if S_ISREG(status.st_mode) else None


def _saved_in(folder: Path) -> list[Path]:
    """The saved conversations in a folder."""
    return sorted(path for path in _entries(folder) if path.suffix == ".json" and _version_of(path))


def _entries(folder: Path) -> Iterator[Path]:
    """What is in a folder; nothing, when there is none that can be read."""
    with suppress(OSError):
        yield from folder.iterdir()


def _last_changed(folder: Path) -> int:
    return max((version[0] for version in map(_version_of, _saved_in(folder)) if version), default=0)
