"""Writes a tiny Qwen3 that says what it was told to say, whatever it is asked: for what random weights never come to.

Each token leads to the next one, and nothing else is looked at: attention and feed-forward are zero, and the output's
row of a token is the embedding of the one before it. So no token may occur twice. Ask it at temperature 0.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np

from support.tiny_engine.tiny_qwen import (
    CONTROL,
    END_OF_TURN,
    MARKS,
    SEED,
    WIDTH,
    add_shape,
    add_tokenizer,
    byte_letters,
    finish,
    tensors,
    vocabulary,
)

# The last token of the prompt: the line end behind "<|im_start|>assistant".
BEFORE = "\n"


def write(path: Path, *words: str) -> Path:
    """Write the model that says `words`, each of them one token."""
    tokens, merges = vocabulary()
    spelled = [as_token(word) for word in (BEFORE, *words, END_OF_TURN)]
    tokens += [token for token in spelled if token not in (*tokens, *CONTROL, *MARKS)]
    every = [*tokens, *CONTROL, *MARKS]
    random = np.random.default_rng(SEED)
    weights = tensors(len(every), random)
    for name in weights:
        if name.endswith(("attn_output.weight", "ffn_down.weight")):
            weights[name] = np.zeros_like(weights[name])
    weights["output.weight"] = np.zeros((len(every), WIDTH), np.float32)
    for token, following in pairwise(map(every.index, spelled)):
        weights["output.weight"][following] = weights["token_embd.weight"][token]
    writer = gguf.GGUFWriter(path, "qwen3")
    add_shape(writer, "Reciting Qwen3")
    add_tokenizer(writer, tokens, merges)
    finish(writer, weights)
    return path


def as_token(word: str) -> str:
    """A word as byte-level BPE spells it; special tokens are spelled as they are."""
    if word in (*CONTROL, *MARKS):
        return word
    letters = byte_letters()
    return "".join(letters[byte] for byte in word.encode())
