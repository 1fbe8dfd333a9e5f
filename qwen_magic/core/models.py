"""A table of what each Qwen model can do. It is advice: a model that is not in it can be used all the same.

The facts are of September and October 2026, from the service's "Models" pages. A fact that is not documented is
`None`, and nothing is concluded from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["KNOWN", "ModelFacts", "Thinking", "chats", "lookup", "only_streams"]

Thinking = Literal["on", "off", "always", "never"]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A model, or a family of dated snapshots of one.

    `window` and `max_output` are in tokens. `thinking` is the model's default (`on`, `off`), or that it has no
    choice (`always`, `never`). `multimodal` says that the native protocol serves it under
    `multimodal-generation`, also without an image. `max_files` is how many uploaded documents it reads in one
    request; 0 when it reads none. `keeps_thinking` is for models that want the thinking of earlier turns back.
    `single_turn` is for models that take one user message and nothing else: no system message, no earlier turns.
    `incremental` is false for models that stream the whole text again in each frame. `patch` is how many pixels the
    side of the square has that is one token of an image. `known` is false when all of this is a guess from the name.
    """

    name: str
    window: int | None = None
    max_output: int | None = None
    vision: bool | None = None
    thinking: Thinking | None = None
    multimodal: bool = False
    max_files: int = 0
    keeps_thinking: bool = False
    single_turn: bool = False
    incremental: bool = True
    patch: int = 32
    known: bool = True

    @property
    def reads_files(self) -> bool:
        """Whether the model reads uploaded documents."""
        return self.max_files > 0

    @property
    def continues(self) -> bool | None:
        """Whether the model goes on from the beginning of an answer (partial mode; not while thinking)."""
        if self.single_turn or self.reads_files or self.thinking == "always":
            return False
        return None if self.thinking is None else True


M, K = 1_000_000, 1_024

KNOWN: tuple[ModelFacts, ...] = (
    # preserve_thinking is true by default on qwen3.8: "OpenAI Chat Completions" page of the docs, Oct 2026.
    ModelFacts("qwen3.8-max", M, 131_072, True, "on", multimodal=True, keeps_thinking=True),
    ModelFacts("qwen3.8-flash", M, 131_072, True, "on", multimodal=True, keeps_thinking=True),
    ModelFacts("qwen3.8-omni-flash", None, None, True, None, multimodal=True),
    ModelFacts("qwen3.7-plus", M, 65_536, True, "on", multimodal=True),
    ModelFacts("qwen3.7-max", M, 65_536, False, "on"),
    # Its page of Aug 2026 is quoted with 65,536 and with 131,072 tokens of output: the smaller is safe.
    ModelFacts("qwen3.7-flash", M, 65_536, True, "on", multimodal=True),
    ModelFacts("qwen3.6-plus", M, 65_536, True, "on", multimodal=True),
    ModelFacts("qwen3.6-flash", M, 65_536, True, "on", multimodal=True),
    ModelFacts("qwen3.5-plus", M, 65_536, True, "on", multimodal=True),
    ModelFacts("qwen3.5-flash", M, 65_536, True, "on", multimodal=True),
    ModelFacts("qwen3.5-omni-plus", None, None, True, None, multimodal=True),
    ModelFacts("qwen3.5-omni-flash", None, None, True, None, multimodal=True),
    ModelFacts("qwen3-max", 256 * K, 65_536, False, "off"),
    ModelFacts("qwen-plus", M, 32_768, False, "off"),
    ModelFacts("qwen-flash", M, 32_768, False, "off"),
    ModelFacts("qwen-turbo", 131_072, 16_384, False, "off"),
    ModelFacts("qwen-max", 32_768, 8_192, False, None),
    ModelFacts("qwen3-vl-plus", 262_144, 32_768, True, "off", multimodal=True),
    ModelFacts("qwen3-vl-flash", 262_144, 32_768, True, "off", multimodal=True),
    ModelFacts("qwen-vl-max", 131_072, 8_192, True, None, multimodal=True),
    ModelFacts("qwen-vl-plus", 131_072, 8_192, True, None, multimodal=True),
    ModelFacts("qwen-vl-ocr", 38_192, 8_192, True, None, multimodal=True),
    # 28 x 28 pixels for QVQ and Qwen2.5-VL, 32 x 32 for the others: "Visual understanding" page of the docs, 2026.
    ModelFacts("qvq-max", 131_072, 8_192, True, "always", multimodal=True, patch=28),
    ModelFacts("qvq-plus", 131_072, 8_192, True, "always", multimodal=True, patch=28),
    ModelFacts("qwq-plus", 131_072, 8_192, False, "always"),
    ModelFacts("qwq-32b", 131_072, 8_192, False, "always"),
    # 100 file ids a request, and 1: "Qwen-Long" and "Qwen-Doc-Turbo" pages of the docs, 2026.
    ModelFacts("qwen-long", 10 * M, 32_768, False, None, max_files=100),
    ModelFacts("qwen-doc-turbo", 262_144, 8_192, False, None, max_files=1),
    ModelFacts("qwen3-coder-plus", None, None, False, "never"),
    ModelFacts("qwen3-coder-flash", None, None, False, "never"),
    ModelFacts("qwen-coder-plus", None, None, False, "never"),
    ModelFacts("qwen-coder-turbo", None, None, False, "never"),
    # "One user message, no system": "OpenAI Chat Completions" page of the docs (translation_options), Oct 2026.
    # "qwen-mt-plus/turbo stream cumulative text even in compat mode": notes of a driver tested live, Sep 2026.
    ModelFacts("qwen-mt-plus", None, None, False, "never", single_turn=True, incremental=False),
    ModelFacts("qwen-mt-turbo", None, None, False, "never", single_turn=True, incremental=False),
)

BY_NAME = {model.name: model for model in KNOWN}

# A snapshot of a model has its name and a date, or a word: qwen-plus-2025-07-28, qwen3.8-max-0902, qwen-plus-latest.
SNAPSHOT = re.compile(r"-(?:\d{4}(?:-\d{2}-\d{2})?|latest|preview)$")

# The names of models that read images: qwen3-vl-…, qwen2.5-omni-…, qvq-…, also on local servers.
SEES = re.compile(r"(?:\b|_)(?:vl|omni|qvq|ocr)(?:\b|_|\d)", re.IGNORECASE)

# Of the same kind as the models of the table: qwen-mt-flash, qwen-mt-image; qvq-72b-preview, qwen2.5-vl-7b, qwen2.5vl.
TRANSLATES = re.compile(r"^qwen-mt\b", re.IGNORECASE)
SMALL_PATCHES = re.compile(r"\bqvq\b|2\.5-?vl(?:\b|_|\d)", re.IGNORECASE)
# Open-weight models come in pairs, one that always thinks and one that never does: qwen3-30b-a3b-thinking-2507.
ONLY_THINKS = re.compile(r"-thinking\b|^(?:qwq|qvq)\b", re.IGNORECASE)
NEVER_THINKS = re.compile(r"-instruct\b|^qwen\d*-coder\b", re.IGNORECASE)

# "Open-source Qwen3, QwQ, QVQ and Omni are stream-only" (docs, "OpenAI Chat Completions", Oct 2026): qwen3-8b.
STREAMS = re.compile(r"^(?:qwq|qvq)\b|\bomni\b|^qwen3(?:\.\d)?-\d+b", re.IGNORECASE)

# What is in the names of models that the service lists beside those that chat: embeddings, reranking, translation, text
# recognition, speech in and out, pictures and films ("Models" pages of the docs, Oct 2026). On local servers, too.
NO_CHAT = re.compile(
    r"(?:^|[-_/.:\d])(?:embed(?:ding)?s?|embed-text|rerank(?:er)?|mt|ocr|asr|tts|realtime|livetranslate|s2s|t2i|i2i|"
    r"t2v|i2v|r2v|vace|image|video|voice|speech)(?:\b|_|\d)|"
    r"^(?:paraformer|sensevoice|gummy|cosyvoice|sambert|fun-asr|wan\d|wanx|z-image|flux|stable-diffusion|bge|gte|"
    r"nomic|tongyi-embedding|happyhorse|emo-|liveportrait|videoretalk|animate-|aitryon|facechain|whisper)",
    re.IGNORECASE,
)


def chats(name: str) -> bool:
    """Whether a model of this name answers questions, judged by its name; true for unknown names."""
    return not NO_CHAT.search(name)


def only_streams(name: str) -> bool:
    """Whether the service refuses to answer in one piece for a model of this name."""
    return bool(STREAMS.search(name))


def lookup(name: str) -> ModelFacts:
    """The facts of the model `name`: its row, that of its family for a dated snapshot, or a guess from the name."""
    found = BY_NAME.get(name) or BY_NAME.get(SNAPSHOT.sub("", name))
    if found:
        return found
    sees = True if SEES.search(name) else None
    thinking: Thinking | None = "always" if ONLY_THINKS.search(name) else None
    if NEVER_THINKS.search(name):
        thinking = "never"
    return ModelFacts(
        name,
        vision=sees,
        thinking=thinking,
        multimodal=bool(sees),
        single_turn=bool(TRANSLATES.search(name)),
        patch=28 if SMALL_PATCHES.search(name) else 32,
        known=False,
    )
