"""Which form of answer is asked of whom: a JSON schema, any JSON object, or nothing but the words of the prompt.

What a server supports is a table of facts, and what it refuses is remembered. The answer is checked in any case
(`validation`), so that a fact that is out of date costs a retry at most.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from ..core.models import lookup
from ..service.endpoints import Endpoint

__all__ = ["FACTS", "RUNGS", "FormatFacts", "Ladder", "Rung", "facts_for"]

Rung = Literal["json_schema", "json_object", "prompt"]
RUNGS: tuple[Rung, ...] = ("json_schema", "json_object", "prompt")


@dataclass(frozen=True, slots=True)
class FormatFacts:
    """What one kind of server supports with the models whose names `models` matches; the first row that fits counts.

    `server` is `service`, an endpoint's name, or empty for all others. `thinks` says that the form and thinking work
    together. `source` is where the fact is from, `date` when it was read there (year and month).
    """

    server: str
    models: str
    rung: Rung
    thinks: bool
    source: str
    date: str


FACTS = (
    # Both work together there; its pages of Feb and Mar 2026 named other models, and may again.
    FormatFacts("service", r"qwen3\.[78]\b", "json_schema", True, "docs, OpenAI Chat Completions", "2026-10"),
    # "Json mode response is not supported when enable_thinking is true".
    FormatFacts("service", "", "json_object", False, "docs, Error codes", "2026-05"),
    # `format` is ignored while thinking is off: the prompt alone does as much.
    FormatFacts("ollama", r"qwen3\.[56]\b", "prompt", False, "ollama/ollama#14645", "2026-11"),
    # A schema and thinking together give an empty answer, or no thinking (ggml-org/llama.cpp#13212, #12276). It takes
    # `response_format` with a schema as the service does, and so do vLLM, SGLang, LM Studio and Ollama.
    FormatFacts("", "", "json_schema", False, "docs of llama-server, vLLM, SGLang, LM Studio, Ollama", "2026-11"),
)


def facts_for(here: Endpoint, model: str) -> FormatFacts:
    """The facts of a model there. One that always thinks is asked in words where the two do not work together."""
    kind = "service" if here.dialect.service else here.name
    found = next(row for row in FACTS if row.server in (kind, "") and re.search(row.models, model))
    if found.thinks or lookup(model).thinking != "always":
        return found
    return replace(found, rung="prompt")


class Ladder:
    """The forms that servers have refused so far, by endpoint and model."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], Rung] = {}

    def rung(self, here: Endpoint, model: str, think: bool | None) -> Rung:
        """The form to ask for. While a model is told to think, and cannot do both, it is asked in words."""
        facts = facts_for(here, model)
        if think and not facts.thinks:
            return "prompt"
        known = self._refused.get((here.base_url, model), RUNGS[0])
        return max(facts.rung, known, key=RUNGS.index)

    def remember(self, here: Endpoint, model: str, rung: Rung) -> None:
        """The server refused what is above this form, and took this one."""
        known = self._refused.get((here.base_url, model), RUNGS[0])
        self._refused[here.base_url, model] = max(known, rung, key=RUNGS.index)

    @staticmethod
    def below(rung: Rung) -> Rung | None:
        """The next form to try, where there is one."""
        at = RUNGS.index(rung) + 1
        return RUNGS[at] if at < len(RUNGS) else None
