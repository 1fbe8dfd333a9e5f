"""A command as it was given, and what it needs of whoever runs it. Not for telling a command from a question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..options import words

if TYPE_CHECKING:
    from ...assistant.assistant import Assistant
    from ...code_cells.unified_diff import CellSource
    from ...conversations import CellRef
    from ...core.answer import Answer
    from ...core.settings import Settings
    from ...local.interaction import Dialogue
    from ...panel.panels import Panels
    from ...rendering.views.protocol import View
    from ...service.endpoints import Endpoint
    from ..autosave import Autosave
    from ..cell_writer import CellWriter
    from ..options import Parsed
    from ..ran_cells import RanCells

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
    def cell_writer(self) -> CellWriter:
        """What puts code into the notebook's cells."""

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

    @property
    def ran(self) -> RanCells:
        """The cells that ran in this shell."""

    @property
    def names(self) -> Mapping[str, Any]:
        """The notebook's variables."""

    def ask(
        self,
        parsed: Parsed,
        prompt: str,
        *,
        around: Callable[[str], str] | None = None,
        rewrites: tuple[CellSource, ...] = (),
    ) -> Answer | None:
        """Ask as a cell does, with the words of `around` about the prompt, for one of these cells anew."""

    def publisher(self, name: str = "") -> Callable[[Answer], None]:
        """What makes an answer `_qwen`, and the variable `name`."""


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command as it was given: in whose magics, what stands behind its name, for which conversation (`-c`).

    `given` are the options that stand before the name of a command which asks a question.

    Made by `QwenMagics`, taken by the function of the command.
    """

    magics: CommandHost
    text: str
    chat: str = "default"
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """The words behind the command's name; what was quoted is one of them."""
        return words(self.text)
