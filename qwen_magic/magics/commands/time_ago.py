"""How long ago something was, in the words of a listing."""

from __future__ import annotations

import time

__all__ = ["ago"]


def ago(moment: float | None) -> str:
    """A time in the past (seconds since 1970), for people; empty where it is not known."""
    if moment is None or moment < 0:
        return ""
    seconds = max(0, int(time.time() - moment))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"
