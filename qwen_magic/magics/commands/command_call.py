"""A command as it was given, and what it needs of whoever runs it. Not for telling a command from a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..options import words

if TYPE_CHECKING:
    from ...assistant.assistant import Assistant
    from ...conversations import CellRef
    from ...core.answer import Answer
    from ...core.settings import Settings
    from ...local.interaction import Dialogue
    from ...panel.panels import Panels
    from ...rendering.views.protocol import View
    from ...service.endpoints import Endpoint
    from ..autosave import Autosave

__all__ = ["CommandCall", "CommandHost"]


class CommandHost(Protocol):
    """What the commands use of the magics of one shell."""

    @property
    def assistant(self) -> Assistant:
        """Who asks, with the conversations and the provider."""

    @property
    def settings(self) -> Settings:
        """What is configured."""

    @property
    def panels(self) -> Panels:
        """The chat panels of this shell."""

    @property
    def show_reasoning(self) -> bool:
        """Whether thinking is shown unfolded."""

    def open_saver(self) -> Autosave:
        """Where this notebook's conversations are saved by themselves."""

    def use(self, name: str, protocol: str, dialogue: Dialogue | None) -> Endpoint:
        """Ask this endpoint from now on. Raises `ConfigurationError`."""

    def cell(self) -> CellRef | None:
        """The run of the cell that the command was given in."""

    def view(self) -> View:
        """A view for that cell."""

    def publisher(self, name: str = "") -> Callable[[Answer], None]:
        """What makes an answer `_qwen`, and the variable `name`."""


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command as it was given: in whose magics, what stands behind its name, for which conversation (`-c`).

    Made by `QwenMagics`, taken by the function of the command.
    """

    magics: CommandHost
    text: str
    chat: str = "default"

    @property
    def words(self) -> tuple[str, ...]:
        """The words behind the command's name; what was quoted is one of them."""
        return words(self.text)
