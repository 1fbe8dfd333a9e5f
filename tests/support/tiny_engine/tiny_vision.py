"""Writes a tiny Qwen2-VL as two GGUF files, the model and its projector for images: random weights, as `tiny_qwen`.

It looks at an image with as many tokens as a real one, and sees nothing. Not for anything that looks at what it says.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

from support.tiny_engine.tiny_qwen import (
    CONTROL,
    HEAD,
    HEADS,
    KV_HEADS,
    LAYERS,
    MARKS,
    SEED,
    WIDTH,
    add_shape,
    add_tokenizer,
    finish,
    tensors,
    vocabulary,
)

# Of the encoder: the smallest that llama.cpp takes.
SIGHT_LAYERS, SIGHT_WIDTH, SIGHT_FEED_FORWARD, SIGHT_HEADS = 1, 32, 64, 2
PATCH, IMAGE, MERGED = 14, 56, 4
SPREAD = 0.2


def write(folder: Path, seed: int = SEED) -> Path:
    """Write `tiny-qwen2-vl.gguf` and `mmproj-tiny-qwen2-vl.gguf` into `folder`; returns the path of the model."""
    random = np.random.default_rng(seed)
    model = folder / "tiny-qwen2-vl.gguf"
    write_model(model, random)
    write_projector(folder / f"mmproj-{model.name}", random)
    return model


def write_model(path: Path, random: np.random.Generator) -> None:
    writer = gguf.GGUFWriter(path, "qwen2vl")
    tokens, merges = vocabulary()
    add_shape(writer, "Tiny Qwen2-VL")
    writer.add_rope_dimension_sections([HEAD // 8, HEAD // 8, HEAD // 4, 0])
    add_tokenizer(writer, tokens, merges)
    weights = tensors(len(tokens) + len(CONTROL) + len(MARKS), random)
    for layer in range(LAYERS):  # Qwen2 has biases where Qwen3 has norms
        for name, width in (("q", HEADS * HEAD), ("k", KV_HEADS * HEAD), ("v", KV_HEADS * HEAD)):
            weights.pop(f"blk.{layer}.attn_{name}_norm.weight", None)
            weights[f"blk.{layer}.attn_{name}.bias"] = np.zeros(width, dtype=np.float32)
    finish(writer, weights)


def write_projector(path: Path, random: np.random.Generator) -> None:
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type(gguf.VisionProjectorType.QWEN2VL)
    writer.add_vision_projection_dim(WIDTH)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_image_size(IMAGE)
    writer.add_vision_embedding_length(SIGHT_WIDTH)
    writer.add_vision_feed_forward_length(SIGHT_FEED_FORWARD)
    writer.add_vision_block_count(SIGHT_LAYERS)
    writer.add_vision_head_count(SIGHT_HEADS)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(True)

    def matrix(*shape: int) -> np.ndarray:
        return random.normal(0, SPREAD, shape).astype(np.float32)

    def norm(name: str) -> dict[str, np.ndarray]:
        return {f"{name}.weight": np.ones(SIGHT_WIDTH, np.float32), f"{name}.bias": np.zeros(SIGHT_WIDTH, np.float32)}

    def linear(name: str, rows: int, columns: int) -> dict[str, np.ndarray]:
        return {f"{name}.weight": matrix(rows, columns), f"{name}.bias": np.zeros(rows, np.float32)}

    merged = MERGED * SIGHT_WIDTH
    every = {
        "v.patch_embd.weight": matrix(SIGHT_WIDTH, 3, PATCH, PATCH),
        "v.patch_embd.weight.1": matrix(SIGHT_WIDTH, 3, PATCH, PATCH),
        **norm("v.post_ln"),
        **linear("mm.0", merged, merged),
        **linear("mm.2", WIDTH, merged),
    }
    for layer in range(SIGHT_LAYERS):
        block = f"v.blk.{layer}"
        every |= norm(f"{block}.ln1") | norm(f"{block}.ln2")
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            every |= linear(f"{block}.{name}", SIGHT_WIDTH, SIGHT_WIDTH)
        every |= linear(f"{block}.ffn_up", SIGHT_FEED_FORWARD, SIGHT_WIDTH)
        every |= linear(f"{block}.ffn_down", SIGHT_WIDTH, SIGHT_FEED_FORWARD)
    finish(writer, every)
