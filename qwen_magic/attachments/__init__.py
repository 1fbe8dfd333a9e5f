"""What a question takes along: paths, globs, URLs, `@path` mentions and variables, read once and snapshotted.

    gather(Attach(files=("report.pdf", "plots/*.png"), prompt=prompt))   reads, or refuses in one clear line
    parts(attachments, Target(sees=True))                                what goes into the message, and what to show

`gather` sends nothing; the only network it touches is a URL that the person named. `parts` calls nobody but the
`upload` that it is given. Not for parsing a cell's line, and not for the Files API.
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
    """The front door, each name imported when it is first used."""
    from importlib import import_module

    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{HOMES[name]}", __name__), name)
