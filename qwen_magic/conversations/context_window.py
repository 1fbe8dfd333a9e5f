"""What fits into a request: an estimate of its tokens, the bytes of its body, and whole turns left out, oldest first.

An estimate, never a tokenizer: it is made from characters and corrected by what the service counted for the earlier
turns of the same conversation, so the same conversation is always cut in the same way.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import InputError
from ..core.image_headers import recognise
from ..core.messages import Document, Image, Message, Part
from ..core.models import ModelFacts, lookup
from ..core.tokens import count_tokens
from ..core.translatable import _
from .turns import Turn

__all__ = ["SUMMARISE", "FittedContext", "Limits", "fit", "measure"]

# What a summary is asked with, and what stands before it in the context afterwards.
SUMMARISE = (
    "Please sum up our conversation so far, so that we can go on from your summary alone. Keep what was decided, "
    "names, numbers, definitions, code that is still in use, and what is still open. Leave out pleasantries and "
    "dead ends. Write in the language of the conversation."
)

# <|im_start|>, the role, a line's end; <|im_end|>, a line's end: the chat template of the Qwen models.
TOKENS_A_MESSAGE = 5

# The service's docs, "Vision": h·w/(32·32)+2 tokens (28·28 for some models), after scaling to at most `max_pixels` (by
# default this many).
MIN_PIXELS, MAX_PIXELS = 65_536, 2_621_440

# What an uploaded document holds is known to the service only: taken for a report of twenty pages.
TOKENS_A_DOCUMENT = 15_000

# Outside of these bounds something was counted that was not estimated, such as the pages of a web search.
LEAST_RATIO, GREATEST_RATIO = 0.5, 3.0

# What JSON needs around a part or a message, in bytes, and somewhat more.
FRAME = 100
MB = 1024 * 1024

# The sizes of a JPEG stand behind its metadata, which is rarely longer than this.
HEAD_OF_A_PICTURE = 1 << 17


@dataclass(frozen=True)
class FittedContext:
    """What is sent: `messages`, how many turns were `left_out`, and the `estimate` to keep in the turn.

    `tokens` is the estimate corrected by what the service counted before.
    """

    messages: tuple[Message, ...]
    left_out: int
    estimate: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may have beside the tokens of its model; `None` where there is no limit, or none that is known.

    `body` is in bytes, `images` a number, `words` in tokens: what the person says beside uploaded documents.
    """

    body: int | None = None
    images: int | None = None
    words: int | None = None


@dataclass(frozen=True, slots=True)
class _Size:
    """How much some messages are, in each way in which it may be too much."""

    tokens: int = 0
    body: int = 0
    images: int = 0
    words: int = 0
    documents: int = 0

    def __add__(self, other: _Size) -> _Size:
        return self._with(other, 1)

    def __sub__(self, other: _Size) -> _Size:
        return self._with(other, -1)

    def _with(self, other: _Size, sign: int) -> _Size:
        return _Size(
            self.tokens + sign * other.tokens,
            self.body + sign * other.body,
            self.images + sign * other.images,
            self.words + sign * other.words,
            self.documents + sign * other.documents,
        )


@dataclass(frozen=True, slots=True)
class _Room:
    """Where the messages have to fit in: so many `tokens`, of which `ratio` are counted for each that is estimated."""

    tokens: int | None
    ratio: float
    limits: Limits

    def has_words(self, size: _Size) -> bool:
        return not size.documents or _within(size.words, self.limits.words)

    def holds(self, size: _Size) -> bool:
        return (
            self.has_words(size)
            and _within(size.tokens * self.ratio, self.tokens)
            and _within(size.body, self.limits.body)
            and _within(size.images, self.limits.images)
        )


NO_LIMITS = Limits()


def fit(
    turns: Sequence[Turn],
    question: Message,
    *,
    system: str | None = None,
    model: str = "",
    window: int | None = None,
    reserve: int = 0,
    limits: Limits = NO_LIMITS,
) -> FittedContext:
    """The messages of one question: the system prompt, as many of the turns as fit, the question.

    `window` is what the model reads and writes at most, `reserve` what is left free for the answer, both in tokens;
    without a window any number of tokens fits. The oldest turns are left out, but never a pinned one or a summary;
    where there are too many words beside documents, the turns without a document go first. Raises `InputError`,
    before anything is sent, when the question does not fit with what has to stay.
    """
    prompt = (Message.system(system),) if system else ()
    room = _Room(None if window is None else max(0, window - reserve), _calibration(turns, model), limits)
    sizes = dict(enumerate(measure(turn.messages, model) for turn in turns))
    fixed = measure((*prompt, question), model)
    oldest = [index for index, turn in enumerate(turns) if not (turn.pinned or turn.summary)]
    kept = _trimmed(sizes, sorted(oldest, key=lambda index: sizes[index].documents > 0), fixed, room.has_words)
    kept = _trimmed(kept, oldest, fixed, room.holds)
    total = sum(kept.values(), fixed)
    if not room.holds(total):
        raise _too_much(total, room, model, bool(kept))
    sent = tuple(message for index in kept for message in turns[index].messages)
    tokens = round(total.tokens * room.ratio)
    return FittedContext(
        (*prompt, *sent, question), len(turns) - len(kept), 0 if total.documents else total.tokens, tokens
    )


def _trimmed(
    kept: Mapping[int, _Size], order: Iterable[int], fixed: _Size, fits: Callable[[_Size], bool]
) -> dict[int, _Size]:
    """`kept` without the first ones of `order`: as few as it takes that the rest fits beside what is fixed."""
    rest = dict(kept)
    total = sum(rest.values(), fixed)
    for index in order:
        if fits(total):
            break
        total -= rest.pop(index, _Size())
    return rest


def _within(amount: float, most: int | None) -> bool:
    return most is None or amount <= most


def _too_much(size: _Size, room: _Room, model: str, with_pinned: bool) -> InputError:
    what = _("The question with the pinned turns") if with_pinned else _("The question alone")
    limits = room.limits
    if not room.has_words(size):
        return InputError(
            _(
                "{what} is about {words:,} tokens of text, and beside documents there is room for {most:,}.",
                what=what,
                words=size.words,
                most=limits.words,
            ),
            _("Attach long texts as files (-f), or start afresh with %qwen reset."),
        )
    if not _within(size.body, limits.body):
        return InputError(
            _(
                "{what} has {body:.1f} MB, and a request takes {most:.1f} MB.",
                what=what,
                body=size.body / MB,
                most=(limits.body or 0) / MB,
            ),
            _("Attach fewer or smaller files."),
        )
    if not _within(size.images, limits.images):
        return InputError(
            _(
                "{what} has {images} images, and a request takes {most}.",
                what=what,
                images=size.images,
                most=limits.images,
            ),
            _("Attach fewer of them."),
        )
    tokens = round(size.tokens * room.ratio)
    return InputError(
        _(
            "{what} is about {tokens:,} tokens, and {model} takes {most:,} beside its answer.",
            what=what,
            tokens=tokens,
            model=model or _("the model"),
            most=room.tokens,
        ),
        _("Ask with less, or take a model with a larger window."),
    )


def _calibration(turns: Iterable[Turn], model: str) -> float:
    """How many tokens the service counted for each that was estimated, in these turns with this model."""
    counted = estimated = 0
    for turn in turns:
        usage = turn.answer.usage
        if turn.model == model and turn.estimate and usage is not None and usage.input:
            counted += usage.input
            estimated += turn.estimate
    return min(max(counted / estimated, LEAST_RATIO), GREATEST_RATIO) if estimated else 1.0


def measure(messages: Iterable[Message], model: str = "") -> _Size:
    """How much these messages are when they are sent to `model`."""
    facts = lookup(model)
    return sum((_measure_message(message, facts) for message in messages), _Size())


def _measure_message(message: Message, model: ModelFacts) -> _Size:
    parts = message.parts
    # Thinking, and the calls of functions, are fields of their own.
    beside = [message.reasoning if model.keeps_thinking else ""]
    beside += [f"{call.id}{call.name}{call.arguments}" for call in message.tool_calls]
    return _Size(
        tokens=TOKENS_A_MESSAGE
        + sum(map(count_tokens, beside))
        + sum(_weigh_part(part, model.patch) for part in parts),
        body=FRAME * len(beside) + sum(map(_encoded, beside)) + sum(_body_of(part) for part in parts),
        images=len(message.images),
        words=count_tokens(message.text) if message.role == "user" else 0,
        documents=sum(isinstance(part, Document) for part in parts),
    )


def _body_of(part: Part) -> int:
    """The bytes of a part in a request's body."""
    if isinstance(part, Image):
        return FRAME + len(part.url)
    return FRAME + _encoded(part.file_id if isinstance(part, Document) else part.text)


def _encoded(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))


def _weigh_part(part: Part, patch: int) -> int:
    if isinstance(part, Image):
        pixels = min(max(_count_pixels(part.url) or MAX_PIXELS, MIN_PIXELS), MAX_PIXELS)
        return pixels // (patch * patch) + 2
    if isinstance(part, Document):
        return TOKENS_A_DOCUMENT
    return count_tokens(part.text)


def _count_pixels(url: str) -> int | None:
    """Width by height of a picture in a `data:` URL; `None` for one that lies elsewhere, or has no header."""
    scheme, _, data = url[: HEAD_OF_A_PICTURE * 4 // 3].partition(";base64,")
    if not scheme.startswith("data:image/"):
        return None
    try:
        head = b64decode(data[: len(data) - len(data) % 4])
    except ValueError:
        return None
    picture = recognise(head)
    return picture.width * picture.height if picture else None
