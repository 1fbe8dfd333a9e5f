"""`%qwen cache`: how many answers of maps are kept on the disk, and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...core.sizes import readable_size
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
        say(f"{before.answers:,} answers ({readable_size(before.size)}) were removed.")
        return
    size = kept.size()
    say(
        f"{size.answers:,} answers, {readable_size(size.size)} of at most {readable_size(size.limit)}, in {size.path}. "
        "%qwen cache clear removes them."
    )
