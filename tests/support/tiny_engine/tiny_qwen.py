"""Writes a tiny Qwen3 as a GGUF file: random weights, a real tokenizer, a real chat template.

It has the shape of Qwen3 and nothing of its wits: what it answers is broken UTF-8, control characters, scraps of
markdown and stray special tokens. That is what it is for. Not for anything that looks at what an answer says.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

CONTEXT = 4096
LAYERS, WIDTH, FEED_FORWARD = 2, 64, 128
HEADS, KV_HEADS, HEAD = 4, 2, 16
SEED = 7
# The spread of the random weights: large enough that the next token is not just any token, small enough for variety.
EMBEDDING_SPREAD, WEIGHT_SPREAD = 0.3, 0.2

END = "<|endoftext|>"
START_OF_TURN, END_OF_TURN = "<|im_start|>", "<|im_end|>"
CONTROL = (END, START_OF_TURN, END_OF_TURN)
# Those that Qwen3's tokenizer does not hold for special, so that they appear in texts.
MARKS = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")

# Words that are tokens of their own, so that random answers have everything in them that markdown can hold.
WORDS = (
    *("the", " the", " of", " and", " is", "Qwen", "你好", "😀", "e\u0301", "\u2028", "\ufeff", "\r\n", "\n\n", "\n- "),
    *("```", "```python\n", "**", "`", "\n# ", "\n> ", "| a ", "|---", "|\n", "$$", "\\(", "\\frac{", "![x](", "]("),
    *("<script>", "</script>", "<img src=", "</div>", "&amp;", "&#0;", "\x1b[31m", "data: ", "[DONE]", "\x00\x00"),
)

TEMPLATE = """\
{%- set thinking = enable_thinking is not defined or enable_thinking -%}
{%- if tools %}
{{- '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{- messages[0].content + '\\n\\n' }}{% endif %}
{{- '# Tools\\n\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' + (tool | tojson) }}{% endfor %}
{{- '\\n</tools>\\n\\nCall one as <tool_call>\\n{"name": …, "arguments": …}\\n</tool_call><|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- elif message.role == 'assistant' %}
{{- '<|im_start|>assistant\\n' }}
{%- if message.reasoning_content %}{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}{% endif %}
{%- if message.content %}{{- message.content }}{% endif %}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments if call.function.arguments is string else call.function.arguments | tojson }}
{{- '}\\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if not thinking %}{{- '<think>\\n\\n</think>\\n\\n' }}{% endif %}
{%- endif %}
"""


def write(path: Path, seed: int = SEED) -> Path:
    """Write the model to `path`, some hundred kilobytes; the same seed makes the same model."""
    writer = gguf.GGUFWriter(path, "qwen3")
    tokens, merges = vocabulary()
    add_shape(writer, "Tiny Qwen3")
    add_tokenizer(writer, tokens, merges)
    finish(writer, tensors(len(tokens) + len(CONTROL) + len(MARKS), np.random.default_rng(seed)))
    return path


def finish(writer: gguf.GGUFWriter, weights: dict[str, np.ndarray]) -> None:
    """Write everything, with these tensors, and close the file."""
    for name, values in weights.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_shape(writer: gguf.GGUFWriter, name: str) -> None:
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1_000_000.0)


def add_tokenizer(writer: gguf.GGUFWriter, tokens: list[str], merges: list[str]) -> None:
    every = [*tokens, *CONTROL, *MARKS]
    kinds = (
        [gguf.TokenType.NORMAL] * len(tokens)
        + [gguf.TokenType.CONTROL] * len(CONTROL)
        + [gguf.TokenType.USER_DEFINED] * len(MARKS)
    )
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(every)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(every.index(END_OF_TURN))
    writer.add_pad_token_id(every.index(END))
    writer.add_bos_token_id(every.index(END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def tensors(vocabulary: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Qwen3's tensors by their names in GGUF: random matrices, norms of ones; the output is the embedding's."""

    def matrix(rows: int, columns: int, spread: float = WEIGHT_SPREAD) -> np.ndarray:
        return random.normal(0, spread, (rows, columns)).astype(np.float32)

    def ones(width: int) -> np.ndarray:
        return np.ones(width, dtype=np.float32)

    every = {"token_embd.weight": matrix(vocabulary, WIDTH, EMBEDDING_SPREAD), "output_norm.weight": ones(WIDTH)}
    for layer in range(LAYERS):
        block = {
            "attn_norm": ones(WIDTH),
            "attn_q": matrix(HEADS * HEAD, WIDTH),
            "attn_k": matrix(KV_HEADS * HEAD, WIDTH),
            "attn_v": matrix(KV_HEADS * HEAD, WIDTH),
            "attn_output": matrix(WIDTH, HEADS * HEAD),
            "attn_q_norm": ones(HEAD),
            "attn_k_norm": ones(HEAD),
            "ffn_norm": ones(WIDTH),
            "ffn_gate": matrix(FEED_FORWARD, WIDTH),
            "ffn_up": matrix(FEED_FORWARD, WIDTH),
            "ffn_down": matrix(WIDTH, FEED_FORWARD),
        }
        every |= {f"blk.{layer}.{name}.weight": weights for name, weights in block.items()}
    return every


def vocabulary() -> tuple[list[str], list[str]]:
    """The 256 bytes and the words, as byte-level BPE has them, and the merges that make the words of the bytes."""
    letters = byte_letters()
    tokens, merges = list(letters), []
    for word in WORDS:
        spelled = [letters[byte] for byte in word.encode()]
        for end in range(1, len(spelled)):
            left, right = "".join(spelled[:end]), spelled[end]
            if left + right not in tokens:
                tokens.append(left + right)
                merges.append(f"{left} {right}")
    return tokens, merges


def byte_letters() -> list[str]:
    """A letter for each byte, as GPT-2's tokenizer has them: itself where it prints, one from U+0100 on otherwise."""
    prints = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in prints else chr(next(others)) for byte in range(256)]
