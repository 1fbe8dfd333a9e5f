"""`/compatible-mode/v1/embeddings`: vectors without meaning, always the same for the same text."""

from __future__ import annotations

import base64
import math
import random
import struct
from collections.abc import Callable, Mapping
from typing import Any

from .served_models import EMBEDDING
from .service_errors import Refusal
from .token_counts import of_text

__all__ = ["embed"]

# The service's docs, "Embeddings": text-embedding-v4 takes up to 10 texts of 8,192 tokens each.
MAX_TEXTS, MAX_TOKENS = 10, 8_192
DIMENSIONS = (2048, 1536, 1024, 768, 512, 256, 128, 64)
USUAL = 1024


def embed(body: dict[str, Any]) -> dict[str, Any]:
    """The response to a request. Raises `Refusal`."""
    if body.get("model") != EMBEDDING:
        name = body.get("model")
        raise Refusal("ModelNotFound", f"The model `{name}` does not exist or you do not have access to it.")
    given = body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts) or not texts:
        raise Refusal("InvalidParameter", "Value error, contents is neither str nor list of str.: input.contents")
    if len(texts) > MAX_TEXTS:
        raise Refusal(
            "InvalidParameter", f"Value error, batch size is invalid, it should not be larger than {MAX_TEXTS}."
        )
    counts = [of_text(text) for text in texts]
    if max(counts) > MAX_TOKENS:
        raise Refusal("InvalidParameter", f"Range of input length should be [1, {MAX_TOKENS}]")
    dimensions = body.get("dimensions") or USUAL
    if dimensions not in DIMENSIONS:
        raise Refusal("InvalidParameter", f"Dimension should be one of {list(DIMENSIONS)}")
    form = body.get("encoding_format") or "float"
    if form not in FORMS:
        raise Refusal("InvalidParameter", f"encoding_format should be one of {list(FORMS)}")
    vectors = (FORMS[form](_vector(text, dimensions)) for text in texts)
    data = [{"object": "embedding", "index": n, "embedding": embedding} for n, embedding in enumerate(vectors)]
    usage = {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}
    return {"object": "list", "data": data, "model": EMBEDDING, "usage": usage}


def _in_base64(values: list[float]) -> str:
    """As the OpenAI SDK asks for them by itself: 32-bit floats, the lowest byte first."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


FORMS: Mapping[str, Callable[[list[float]], Any]] = {"float": lambda values: values, "base64": _in_base64}


def _vector(text: str, dimensions: int) -> list[float]:
    """A direction of length one, by the text alone."""
    chance = random.Random(text)
    values = [chance.gauss(0, 1) for _ in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values))
    return [value / length for value in values]
