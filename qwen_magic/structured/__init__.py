"""Answers as data: a schema from what a person has, the answer checked against it, tables and frames of the result.

Not for asking: `qwen_magic.assistant` does that. Nothing heavy is imported before it is used.
"""
