"""What a question takes along: paths, globs, URLs, `@path` mentions and variables, read once and snapshotted.

    gather(Attach(files=("report.pdf", "plots/*.png"), prompt=prompt))   reads, or refuses in one clear line
    parts(attachments, Target(sees=True))                                what goes into the message, and what to show

`gather` sends nothing; the only network it touches is a URL that the person named. `parts` calls nobody but the
`upload` that it is given. Not for parsing a cell's line, and not for the Files API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attachment import Attach, Attachment
    from .gathering import gather
    from .limits import HIGH_RESOLUTION, ImageLimits
    from .mention import Mention, mentions, suggestions
    from .sending import Sent, Target, parts

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
    "HIGH_RESOLUTION": "limits",
    "Attach": "attachment",
    "Attachment": "attachment",
    "ImageLimits": "limits",
    "Mention": "mention",
    "Sent": "sending",
    "Target": "sending",
    "gather": "gathering",
    "mentions": "mention",
    "parts": "sending",
    "suggestions": "mention",
}


def __getattr__(name: str) -> Any:
    """The front door, each name imported when it is first used."""
    from importlib import import_module

    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{HOMES[name]}", __name__), name)
