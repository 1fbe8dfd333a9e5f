"""Qwen inside the notebook.

    %load_ext qwen_magic

    %%qwen
    What does a p-value of 0.03 say, and what does it not say?

From Python: `ask("…")` gives an `Answer`. Nothing is imported here until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from .api import ask, chats, compact, conversation
    from .conversations import Conversation
    from .core.answer import Answer, CodeBlock
    from .core.errors import QwenError
    from .panel import chat

__all__ = [
    "Answer",
    "CodeBlock",
    "Conversation",
    "QwenError",
    "__version__",
    "ask",
    "chat",
    "chats",
    "compact",
    "conversation",
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
        "CodeBlock": "core.answer",
        "Conversation": "conversations",
        "QwenError": "core.errors",
        "ask": "api",
        "chat": "panel",
        "chats": "api",
        "compact": "api",
        "conversation": "api",
    }
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{homes[name]}", __name__), name)


def __dir__() -> list[str]:
    """The public names, also those that are not imported yet; Tab and `help()` show no others."""
    return __all__
