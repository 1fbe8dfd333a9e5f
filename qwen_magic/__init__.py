"""Qwen inside the notebook.

    %load_ext qwen_magic

    %%qwen
    What does a p-value of 0.03 say, and what does it not say?

From Python: `ask("…")` gives an `Answer`. Nothing is imported here until it is used.

This is also the top of the package: it names to the values at its bottom what shows them and what reads them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .core.code_blocks import read_fences_with

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .api import ask, chat, chats, compact, conversation, map
    from .conversations import Conversation
    from .core.answer import Answer
    from .core.code_blocks import CodeBlock
    from .core.errors import QwenError, SchemaMismatch
    from .structured.data_answer import DataAnswer
    from .tools.tool import tool

__all__ = [
    "Answer",
    "CodeBlock",
    "Conversation",
    "DataAnswer",
    "QwenError",
    "SchemaMismatch",
    "__version__",
    "ask",
    "chat",
    "chats",
    "compact",
    "conversation",
    "map",
    "tool",
]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext qwen_magic`."""
    from .magics.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext qwen_magic`."""
    from .magics.extension import unload

    unload(shell)


def __getattr__(name: str) -> Any:
    """The public names, each imported when it is first used."""
    from importlib import import_module

    homes = {
        "Answer": "core.answer",
        "CodeBlock": "core.code_blocks",
        "Conversation": "conversations",
        "DataAnswer": "structured.data_answer",
        "QwenError": "core.errors",
        "SchemaMismatch": "core.errors",
        "ask": "api",
        "chat": "api",
        "chats": "api",
        "compact": "api",
        "conversation": "api",
        "map": "api",
        "tool": "tools.tool",
    }
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{homes[name]}", __name__), name)


def __dir__() -> list[str]:
    """The public names, also those that are not imported yet; Tab and `help()` show no others."""
    return __all__


def _fences(markdown: str) -> Iterable[tuple[str, str]]:
    """The source and the language of each fenced code block."""
    from .rendering.parser import fences

    return fences(markdown)


def _show_answers() -> None:
    """Where a shell runs, show answers in it: one may come out of a pickle before anything is loaded or asked."""
    module = sys.modules.get("IPython.core.getipython")
    shell = module.get_ipython() if module is not None else None
    if shell is not None:
        from .rendering.answer_display import show_answers_in

        show_answers_in(shell)


read_fences_with(_fences)
_show_answers()
