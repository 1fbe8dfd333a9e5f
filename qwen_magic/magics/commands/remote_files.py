"""`%qwen files`: what lies on the service, and deleting it again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ...core.errors import FileGone, InputError
from ...core.translatable import _, sentences
from ...rendering.command_output import say
from .time_ago import ago

if TYPE_CHECKING:
    from ...service.files_api import RemoteFiles
    from .command_call import CommandCall

__all__ = ["files"]


def files(call: CommandCall) -> None:
    """List them; `rm ID …` deletes some, `prune` all that this package has put there."""
    what, ids = call.words[:1], call.words[1:]
    if what == ("rm",) and ids:
        _delete(call, ids)
    elif what == ("prune",) and not ids:
        _delete(call, _files_of(call).ours())
    elif not what:
        _show(call)
    else:
        raise InputError(
            _("%qwen files {words}: that is none.", words=" ".join(call.words)),
            _("%qwen files, files rm ID …, files prune."),
        )


def _files_of(call: CommandCall) -> RemoteFiles:
    provider = call.magics.assistant.provider
    return provider.files(provider.resolve())


def _show(call: CommandCall) -> None:
    from IPython.display import display

    from ...rendering.fact_table import Listing

    store = _files_of(call)
    ours = set(store.ours())
    rows = [
        (file.id, file.name, f"{file.size:,}", ago(file.created or time.time()), _("yes") if file.id in ours else "")
        for file in store.list()
    ]
    display(
        Listing((_("id"), _("name"), _("bytes"), _("age"), _("from here")), rows, _("Nothing lies on the service."))
    )


def _delete(call: CommandCall, ids: tuple[str, ...]) -> None:
    """Delete each that is there; those that are not are named."""
    store = _files_of(call)
    missing = []
    for file_id in ids:
        try:
            store.delete(file_id)
        except FileGone:
            missing.append(file_id)
    done = _("{count} of {total} deleted.", count=len(ids) - len(missing), total=len(ids))
    if missing and call.words[:1] == ("rm",):
        gone = _("There is no file {names}.", names=", ".join(missing))
        raise InputError(sentences(done, gone), _("%qwen files lists them."))
    say(done if ids else _("There is nothing to delete."))
