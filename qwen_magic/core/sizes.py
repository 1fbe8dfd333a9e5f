"""Sizes for people: bytes in files, texts and memory."""

from __future__ import annotations

from .translatable import _n

__all__ = ["readable_size"]


def readable_size(count: int, *, kilo: int = 1000) -> str:
    """So many bytes in the largest unit that leaves a number before the point: "12 bytes", "1.2 kB", "639 MB".

    A unit is a thousand of the one before, as on the pages of the hubs and in file managers. Where a limit is given in
    units of 1024, as the service's are, `kilo` is 1024.
    """
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if count >= kilo**power:
            number = count / kilo**power
            return f"{number:.{0 if number >= 100 else 1}f} {unit}"
    return _n("{count} byte", "{count} bytes", count=count)
