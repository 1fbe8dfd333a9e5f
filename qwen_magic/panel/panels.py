"""The panels of one shell: one for each conversation, also if it is shown several times."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from IPython.display import display

from .saved_panel import bundle
from .transcript import Transcript

if TYPE_CHECKING:
    from ..assistant.assistant import Assistant
    from .session import Session

__all__ = ["Panels"]


class Panels:
    """Shows the conversations of `assistant` in its notebook.

    `namespace` has the notebook's variables; `is_watched` returns whether the running cell has a page.
    """

    def __init__(
        self, assistant: Assistant, namespace: MutableMapping[str, Any], is_watched: Callable[[], bool]
    ) -> None:
        self._assistant = assistant
        self._namespace = namespace
        self._is_watched = is_watched
        self._open: list[Session] = []

    def show(self, name: str) -> None:
        """Show the panel of the conversation `name` in the running cell; its static record if there is no page.

        Raises `InputError` for a name that is none.
        """
        conversation = self._assistant.conversations.get(name)
        if not self._is_watched():
            display(bundle(Transcript(conversation.turns, at_once=None).states.values()), raw=True)
            return
        session = next((each for each in self._open if each.conversation is conversation), None)
        if session is None:
            from .session import Session

            session = Session(self._assistant, conversation, self._namespace)
            self._open.append(session)
        session.show()

    def close(self) -> None:
        """Stop all answers, and close all panels."""
        for session in self._open:
            session.close()
        self._open.clear()
