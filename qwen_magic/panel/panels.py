"""The panels of one shell: one for each conversation, however often it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.display import display

from ..magics.cells import request_metadata
from .saved_panel import bundle
from .transcript import Transcript

if TYPE_CHECKING:
    from ..magics.magics import QwenMagics
    from .session import Session

__all__ = ["Panels"]


class Panels:
    """Shows conversations in the notebook that `magics` belongs to."""

    def __init__(self, magics: QwenMagics) -> None:
        self._magics = magics
        self._open: list[Session] = []

    def show(self, name: str) -> None:
        """Show the panel of the conversation `name` in the cell that runs now.

        Where nobody looks (nbclient, nbval, nbconvert send no metadata), what is shown is the static record.
        """
        conversation = self._magics.assistant.conversations.get(name)
        if not request_metadata(self._magics.shell):
            display(bundle(Transcript(conversation.turns, at_once=None).states.values()), raw=True)
            return
        session = next((each for each in self._open if each.conversation is conversation), None)
        if session is None:
            from .session import Session

            session = Session(self._magics.assistant, conversation, self._magics.shell.user_ns)
            self._open.append(session)
        session.show()

    def close(self) -> None:
        """Stop what is being answered, and leave nothing open."""
        for session in self._open:
            session.close()
        self._open.clear()
