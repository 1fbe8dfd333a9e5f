"""How IPython shows an `Answer`: registered with the display formatter of a shell by name, so nothing is imported.

Python's own `print(answer)` and `repr(answer)` need none of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..core.answer import Answer

__all__ = ["show_answers_in"]


def show_answers_in(shell: InteractiveShell) -> None:
    """From now on this shell shows an `Answer` as its record: HTML, markdown and plain text.

    Does no more when it is called again. It stays when the extension is unloaded: answers stay, too.
    """
    if shell.display_formatter is not None:
        formatter = shell.display_formatter.mimebundle_formatter
        formatter.for_type_by_name("qwen_magic.core.answer", "Answer", _mimebundle)


def _mimebundle(answer: Answer) -> tuple[dict[str, Any], dict[str, Any]]:
    from .mimebundle import record

    return record(answer)
