"""How long ago something was, in the words of a listing."""

from __future__ import annotations

import time

from ...core.translatable import N_, _

__all__ = ["ago"]

# By the seconds of their unit, the longest first.
_UNITS = {86_400: N_("{count} d ago"), 3_600: N_("{count} h ago"), 60: N_("{count} min ago")}


def ago(moment: float | None) -> str:
    """A time in the past (seconds since 1970), for people; empty where it is not known."""
    if moment is None or moment < 0:
        return ""
    seconds = max(0, int(time.time() - moment))
    for size, template in _UNITS.items():
        if seconds >= size:
            return _(template, count=seconds // size)
    return _("just now")
