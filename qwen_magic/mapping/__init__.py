"""One question over many rows: which rows to ask, how fast, what it costs, and what is kept.

Not for one question (`qwen_magic.assistant`), and not for what is shown of it in a cell (`qwen_magic.magics`).
"""
