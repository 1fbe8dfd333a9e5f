"""Counts tokens: an estimate that is always the same, not a tokenizer."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.image_headers import Picture
from .chat_request import Chat

__all__ = ["Counts", "of_chat", "of_picture", "of_text", "shorten"]

LETTERS_PER_TOKEN = 4
PER_MESSAGE = 4

# "Tokens = h·w/(32·32)+2, 28·28 for QVQ and Qwen2.5-VL", and pixels above max_pixels are shrunk away: the service's
# docs, "Vision".
PATCH, SMALL_PATCH = 32, 28
MAX_PIXELS = 2_621_440


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens of a question and its answer. `image` is a part of `input`, `reasoning` comes beside `answer`."""

    input: int
    answer: int
    reasoning: int = 0
    image: int = 0

    @property
    def output(self) -> int:
        return self.answer + self.reasoning

    @property
    def total(self) -> int:
        return self.input + self.output


def of_text(text: str) -> int:
    """Four letters of ASCII are a token, and so is any other character."""
    letters = len(text.encode("ascii", "ignore"))
    return -(-letters // LETTERS_PER_TOKEN) + len(text) - letters


def of_picture(picture: Picture, model: str) -> int:
    patch = SMALL_PATCH if model.startswith(("qvq", "qwen-vl")) else PATCH
    return min(picture.width * picture.height, MAX_PIXELS) // (patch * patch) + 2


def of_chat(chat: Chat) -> int:
    """The tokens of everything that was sent."""
    words = sum(of_text(message.text) + of_text(message.reasoning) + PER_MESSAGE for message in chat.messages)
    return words + sum(seen.tokens for seen in chat.seen)


def shorten(text: str, tokens: int) -> str:
    """The longest beginning of `text` that has no more than so many tokens."""
    if of_text(text) <= tokens:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if of_text(text[:middle]) <= tokens else (low, middle - 1)
    return text[:low]
