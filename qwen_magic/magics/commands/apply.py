"""`%qwen apply`: what was proposed last, into its cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .command_call import CommandCall

__all__ = ["apply"]


def apply(call: CommandCall) -> None:
    """Put the code of the last answer into its cell. Nothing is run."""
    magics = call.magics
    last = magics.assistant.last
    magics.cell_writer.apply(magics.cell(), last.answer if last else None)
