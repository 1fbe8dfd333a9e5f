"""`%qwen cache`: how many answers of maps are kept on the disk, and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.sizes import readable_size
from ...core.translatable import _n
from ...rendering.command_output import say

if TYPE_CHECKING:
    from .command_call import CommandCall

__all__ = ["cache"]


def cache(call: CommandCall) -> None:
    """Show the size of the cache, or clear it."""
    from ...mapping.cache import default_cache

    kept = default_cache()
    if call.words:
        before = kept.clear()
        say(
            _n(
                "{count:,} answer ({size}) was removed.",
                "{count:,} answers ({size}) were removed.",
                count=before.answers,
                size=readable_size(before.size),
            )
        )
        return
    size = kept.size()
    say(
        _n(
            "{count:,} answer, {size} of at most {limit}, in {path}. %qwen cache clear removes it.",
            "{count:,} answers, {size} of at most {limit}, in {path}. %qwen cache clear removes them.",
            count=size.answers,
            size=readable_size(size.size),
            limit=readable_size(size.limit),
            path=size.path,
        )
    )
