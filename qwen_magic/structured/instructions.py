"""What a model is told in words: to answer with JSON by a schema, and what was wrong with its answer.

The schema and the word JSON are in the prompt whatever the server is asked for: JSON mode refuses a prompt without the
word (the service's docs, "Structured output"), and some servers ignore the form that they were asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from .schema import Schema
from .validation import Problem

__all__ = ["again", "instructions"]

ASK = "Answer with JSON only: one JSON object that fits the JSON schema below. No other words, no code fence."
WRONG = "This answer does not fit the JSON schema:\n{}\nAnswer again with JSON only: the whole object, corrected."


def instructions(schema: Schema[object]) -> str:
    """What stands behind the question."""
    return f"{ASK}\n\nJSON schema:\n{json.dumps(schema.wire, ensure_ascii=False, separators=(',', ':'))}"


def again(problems: Sequence[Problem]) -> str:
    """What is sent behind an answer that does not fit."""
    return WRONG.format("\n".join(f"- {problem}" for problem in problems))
