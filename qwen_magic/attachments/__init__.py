"""Attachments of a question: paths, globs, URLs, `@path` mentions and variables, each read once and then unchanged.

    gather(Attach(files=("report.pdf", "plots/*.png"), prompt=prompt))   reads them, or raises `InputError`
    parts(attachments, Target(sees=True))                                the parts of the message, and their display

`gather` sends nothing; it requests only URLs that the user named. `parts` does no I/O except for the `upload` that it
is given. Not for parsing a cell's line, and not for the Files API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .at_mentions import Mention, mentions, suggestions
    from .attachment import Attach, Attachment
    from .loader import gather
    from .message_parts import Sent, Target, parts
    from .size_limits import HIGH_RESOLUTION, ImageLimits

__all__ = [
    "HIGH_RESOLUTION",
    "Attach",
    "Attachment",
    "ImageLimits",
    "Mention",
    "Sent",
    "Target",
    "gather",
    "mentions",
    "parts",
    "suggestions",
]

HOMES = {
    "HIGH_RESOLUTION": "size_limits",
    "Attach": "attachment",
    "Attachment": "attachment",
    "ImageLimits": "size_limits",
    "Mention": "at_mentions",
    "Sent": "message_parts",
    "Target": "message_parts",
    "gather": "loader",
    "mentions": "at_mentions",
    "parts": "message_parts",
    "suggestions": "at_mentions",
}


def __getattr__(name: str) -> Any:
    """The public names, each imported at first use."""
    from importlib import import_module

    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{HOMES[name]}", __name__), name)
