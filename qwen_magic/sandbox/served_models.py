"""Which models the sandbox serves: those of the package's table, their snapshots, and a few beside them."""

from __future__ import annotations

import re
from dataclasses import replace

from ..core.models import KNOWN, ModelFacts, lookup
from .service_errors import Refusal

__all__ = ["EMBEDDING", "find", "is_omni", "names", "reads_pdf", "streams_only", "thinks_in_streams_only"]

EMBEDDING = "text-embedding-v4"

# Open-weight hybrids: they think by default, and only while streaming (the service's docs, "Deep thinking").
OPEN = tuple(
    ModelFacts(name, 131_072, 16_384, False, "on")
    for name in ("qwen3-235b-a22b", "qwen3-32b", "qwen3-30b-a3b", "qwen3-14b", "qwen3-8b", "qwen3-0.6b")
)
# Open-weight models that only think, or never do (the service's docs, "Deep thinking", 2026).
PAIRS = tuple(
    replace(lookup(f"{name}-{word}"), window=131_072, max_output=32_768)
    for name in ("qwen3-235b-a22b", "qwen3-30b-a3b", "qwen3-next-80b-a3b", "qwen3-vl-235b-a22b", "qwen3-vl-8b")
    for word in ("thinking", "instruct")
)
EXTRA = {model.name: model for model in (*OPEN, *PAIRS)}
# qwen3-30b-a3b-thinking-2507
DATED = re.compile(r"-\d{4}$")


def names() -> tuple[str, ...]:
    """The names in the list of models."""
    return (*(model.name for model in KNOWN), *EXTRA, EMBEDDING)


def find(name: object) -> ModelFacts:
    """The facts of a model that can chat. Raises `Refusal` for any other."""
    if not isinstance(name, str) or not name:
        raise Refusal("InvalidParameter", "you must provide a model parameter")
    model = EXTRA.get(DATED.sub("", name)) or lookup(name)
    if model not in KNOWN and model.name not in EXTRA:
        message = f"The model `{name}` does not exist or you do not have access to it."
        raise Refusal("ModelNotFound", message)
    return model


def is_omni(model: ModelFacts) -> bool:
    return "omni" in model.name


def streams_only(model: ModelFacts) -> bool:
    """QwQ, QVQ and Omni answer in streams only (the service's docs, "Deep thinking" and "Omni")."""
    return model.thinking == "always" or is_omni(model)


def thinks_in_streams_only(model: ModelFacts) -> bool:
    return model in OPEN


def reads_pdf(model: ModelFacts) -> bool:
    """Whether a message may carry a PDF as a part of its content (the service's docs, "PDF")."""
    return model.name in ("qwen3.8-max", "qwen3.8-flash")
