"""Loading into an IPython shell, and leaving it as it was. What is loaded is in `magics` and `completer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traitlets import TraitError

from ..core.errors import ConfigurationError
from ..core.translatable import _
from ..rendering.answer_display import show_answers_in
from . import completer
from . import input_transformer as question_marks
from .magics import QwenMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load", "loaded", "unload"]

EVENTS = ("pre_run_cell", "post_run_cell")


def loaded(shell: InteractiveShell) -> QwenMagics | None:
    """The magics of this shell, if the extension is loaded."""
    magics = shell.magics_manager.registry.get(QwenMagics.__name__)
    return magics if isinstance(magics, QwenMagics) else None


def load(shell: InteractiveShell) -> QwenMagics:
    """Register the magics and Tab completion in `shell`; once, however often it is called.

    Raises `ConfigurationError` when a setting of the profile cannot be.
    """
    magics = loaded(shell)
    if magics is None:
        try:
            magics = QwenMagics(shell)
        except TraitError as error:
            raise ConfigurationError(
                _("A setting is wrong. {error}", error=error),
                _("Set it right with get_ipython().config.QwenMagics.NAME = VALUE, and load again."),
            ) from None
        shell.register_magics(magics)
        for event in EVENTS:
            shell.events.register(event, getattr(magics, event))
        completer.install(shell, magics)
        question_marks.install(shell)
        show_answers_in(shell)
        if getattr(shell, "kernel", None) is not None:
            magics.unsaved.listen()
        magics.offer()
    return magics


def unload(shell: InteractiveShell) -> None:
    """Take all of it out again."""
    magics = loaded(shell)
    if magics is None:
        return
    completer.remove(shell)
    question_marks.remove(shell)
    for event in EVENTS:
        shell.events.unregister(event, getattr(magics, event))
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("qwen", None)
    del shell.magics_manager.registry[QwenMagics.__name__]
    shell.configurables[:] = [each for each in shell.configurables if not isinstance(each, QwenMagics)]
    magics.unload()
