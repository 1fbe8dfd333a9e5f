"""How many tokens a text is: an estimate from its characters, the same every time. Not a tokenizer."""

from __future__ import annotations

import re

__all__ = ["count_tokens"]

# Characters a token: Chinese, Japanese and Korean take about one each, other scripts about a quarter. Both are on the
# safe side for Qwen's vocabulary.
WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
NARROW_CHARACTERS_A_TOKEN = 4


def count_tokens(text: str) -> int:
    """The estimated tokens of `text`, rounded up."""
    narrow = len(WIDE.sub("", text))
    return len(text) - narrow + -(-narrow // NARROW_CHARACTERS_A_TOKEN)
