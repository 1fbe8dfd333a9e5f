"""What fits into the model's window: an estimate of tokens, and whole turns left out, the oldest first.

An estimate, never a tokenizer: it is made from characters and corrected by what the service counted for the earlier
turns of the same conversation, so the same conversation is always cut in the same way.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import unpack

from ..errors import InputError
from ..messages import Document, Image, Message, Part
from .turns import Turn

__all__ = ["SUMMARISE", "Fitted", "fit"]

# What a summary is asked with, and what stands before it in the context afterwards.
SUMMARISE = (
    "Please sum up our conversation so far, so that we can go on from your summary alone. Keep what was decided, "
    "names, numbers, definitions, code that is still in use, and what is still open. Leave out pleasantries and "
    "dead ends. Write in the language of the conversation."
)

# Characters a token: Chinese, Japanese and Korean take about one each, other scripts about a quarter. Both are on the
# safe side for Qwen's vocabulary; `calibration` corrects them.
WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
NARROW_CHARACTERS_A_TOKEN = 4

# <|im_start|>, the role, a line's end; <|im_end|>, a line's end: the chat template of the Qwen models.
TOKENS_A_MESSAGE = 5

# The service's docs, "Vision": h·w/(32·32)+2 tokens, after scaling to at most `max_pixels` (by default this many).
PIXELS_A_TOKEN, MIN_PIXELS, MAX_PIXELS = 32 * 32, 65_536, 2_621_440

# What an uploaded document holds is known to the service only: taken for a report of twenty pages.
TOKENS_A_DOCUMENT = 15_000

# Outside of these bounds something was counted that was not estimated, such as the pages of a web search.
LEAST_RATIO, GREATEST_RATIO = 0.5, 3.0

# The sizes of a JPEG stand behind its metadata, which is rarely longer than this.
HEAD_OF_A_PICTURE = 1 << 17


@dataclass(frozen=True)
class Fitted:
    """What is sent: `messages`, how many turns were `left_out`, and the `estimate` to keep in the turn.

    `tokens` is the estimate corrected by what the service counted before.
    """

    messages: tuple[Message, ...]
    left_out: int
    estimate: int
    tokens: int


def fit(
    turns: Sequence[Turn],
    question: Message,
    *,
    system: str | None = None,
    model: str = "",
    window: int | None = None,
    reserve: int = 0,
) -> Fitted:
    """The messages of one question: the system prompt, as many of the turns as fit, the question.

    `window` is what the model reads and writes at most, `reserve` what is left free for the answer, both in tokens;
    without a window everything fits. The oldest turns are left out, but never a pinned one or a summary. Raises
    `InputError`, before anything is sent, when the question does not fit with those alone.
    """
    prompt = (Message.system(system),) if system else ()
    room = None if window is None else max(0, window - reserve)
    ratio = calibration(turns, model)
    sizes = [weigh(turn.messages) for turn in turns]
    fixed = weigh((*prompt, question))
    left_out: set[int] = set()
    total = fixed + sum(sizes)
    for index, turn in enumerate(turns):
        if room is None or total * ratio <= room:
            break
        if not (turn.pinned or turn.summary):
            left_out.add(index)
            total -= sizes[index]
    if room is not None and total * ratio > room:
        raise too_long(round(total * ratio), room, model, len(left_out) < len(turns))
    sent = tuple(message for at, turn in enumerate(turns) if at not in left_out for message in turn.messages)
    messages = (*prompt, *sent, question)
    return Fitted(messages, len(left_out), 0 if has_documents(messages) else total, round(total * ratio))


def too_long(tokens: int, room: int, model: str, with_pinned: bool) -> InputError:
    what = "The question with the pinned turns" if with_pinned else "The question alone"
    return InputError(
        f"{what} is about {tokens:,} tokens, and {model or 'the model'} takes {room:,} beside its answer.",
        "Ask with less, or take a model with a larger window.",
    )


def calibration(turns: Iterable[Turn], model: str) -> float:
    """How many tokens the service counted for each that was estimated, in these turns with this model."""
    counted = estimated = 0
    for turn in turns:
        usage = turn.answer.usage
        if turn.model == model and turn.estimate and usage is not None and usage.input:
            counted += usage.input
            estimated += turn.estimate
    return min(max(counted / estimated, LEAST_RATIO), GREATEST_RATIO) if estimated else 1.0


def weigh(messages: Iterable[Message]) -> int:
    """The estimated tokens of these messages."""
    return sum(TOKENS_A_MESSAGE + sum(weigh_part(part) for part in message.parts) for message in messages)


def weigh_part(part: Part) -> int:
    if isinstance(part, Image):
        pixels = min(max(count_pixels(part.url) or MAX_PIXELS, MIN_PIXELS), MAX_PIXELS)
        return pixels // PIXELS_A_TOKEN + 2
    if isinstance(part, Document):
        return TOKENS_A_DOCUMENT
    narrow = len(WIDE.sub("", part.text))
    return len(part.text) - narrow + -(-narrow // NARROW_CHARACTERS_A_TOKEN)


def has_documents(messages: Iterable[Message]) -> bool:
    return any(isinstance(part, Document) for message in messages for part in message.parts)


def count_pixels(url: str) -> int | None:
    """Height by width of a PNG or JPEG in a `data:` URL; `None` for every other picture."""
    scheme, _, data = url[: HEAD_OF_A_PICTURE * 4 // 3].partition(";base64,")
    if not scheme.startswith("data:image/"):
        return None
    try:
        head = b64decode(data[: len(data) - len(data) % 4])
    except ValueError:
        return None
    if head.startswith(b"\x89PNG") and len(head) >= 24:
        width, height = unpack(">II", head[16:24])
        return int(width * height)
    return jpeg_pixels(head) if head.startswith(b"\xff\xd8") else None


def jpeg_pixels(head: bytes) -> int | None:
    """Walks the segments of a JPEG to the first frame header (SOF0 to SOF15, but for DHT, JPG and DAC)."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = unpack(">HH", head[at + 5 : at + 9])
            return int(height * width)
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None
