"""Conversations saved by themselves beside the notebook, so that a restarted kernel can go on with `%qwen resume`.

Off unless `QwenMagics.autosave` is set. Each conversation has a file of its own in `.qwen/NOTEBOOK/`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .conversations import Conversation
    from .conversations.turns import Turn

__all__ = ["Autosave", "folder_of", "saved_in"]


class Autosave:
    """Saves what has changed since it last looked."""

    def __init__(self) -> None:
        self._saved: dict[str, tuple[Turn, ...]] = {}

    def save(self, folder: Path, conversations: Iterable[Conversation]) -> None:
        """Save the conversations whose turns are others than before. Raises `InputError` when that fails."""
        for conversation in conversations:
            turns = conversation.turns
            if self._saved.get(conversation.name, ()) != turns:
                folder.mkdir(parents=True, exist_ok=True)
                conversation.save(folder / f"{quote(conversation.name, safe=' ')}.json", contents=True)
                self._saved[conversation.name] = turns


def folder_of(shell: InteractiveShell) -> Path:
    """Where this notebook's conversations are saved: beside it, where the front-end says where it is."""
    # jupyter_server names the notebook in JPY_SESSION_NAME; VS Code puts its path into the namespace.
    notebook = shell.user_ns.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or ""
    path = Path(str(notebook)) if str(notebook).endswith(".ipynb") else Path("console")
    parent = path.parent if path.is_absolute() and path.parent.is_dir() else Path.cwd()
    return parent / ".qwen" / path.stem


def saved_in(folder: Path) -> list[Path]:
    """The saved conversations in a folder."""
    return sorted(folder.glob("*.json")) if folder.is_dir() else []
