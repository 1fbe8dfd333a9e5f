"""Decodes one answer: the bytes of its body in, events out, and an error for an answer that is incomplete.

Pure: the thread that reads a cell's answer and an async caller use it in the same way:

    answer = AnswerReader(form.decoder(request, dialect), EventReader(status, host))
    error = None
    try:
        async for chunk in response.aiter_bytes():
            for events in answer.feed(chunk):
                ...
            if answer.done:
                break
    except (StreamError, ConnectionFailed) as caught:  # as `NetworkErrors.translated` raises it
        error = caught
    for events in answer.end(error):
        ...
"""

from __future__ import annotations

from collections.abc import Iterator

from ..core.errors import BROKE_OFF, ConnectionFailed, NoAnswer, QwenError, StreamCut, StreamError, StreamGarbled
from ..core.events import Event
from ..core.translatable import _
from .error_mapping import AGAIN
from .event_reader import EventReader
from .wire_protocol import Decoder

__all__ = ["AnswerReader"]

NOTHING = _("The stream of the answer ended before anything had come.")


class AnswerReader:
    """The events of one answer, in batches as they were sent. `answered` is whether any event has been returned."""

    def __init__(self, decoder: Decoder, events: EventReader) -> None:
        self.answered = False
        self._decoder = decoder
        self._events = events

    @property
    def done(self) -> bool:
        """Whether nothing more is to come, although the connection may stay open."""
        return self._decoder.done

    def feed(self, chunk: bytes) -> Iterator[list[Event]]:
        """Yield the events that `chunk`, the next bytes of the body, completes.

        Raises the `ServiceError` that the body reports, `NotTheService` for a web page, and `StreamGarbled` for what
        is not JSON.
        """
        yield from self._decoded(self._events.feed(chunk))

    def end(self, error: QwenError | None = None) -> Iterator[list[Event]]:
        """Yield the events that were held back, and the `Finish`. Call it once, when the body has ended.

        `error` is the error that the connection ended with, if there was one. Raises `StreamCut` for an incomplete
        answer, and `NoAnswer` for an empty one. An answer with a finish reason is complete: then `error` is ignored.
        """
        at_end = False
        if error is None and not self.done:
            try:
                yield from self._decoded(self._events.end())
            except (StreamError, ConnectionFailed) as caught:
                error, at_end = caught, True
        yield from self._noted(self._decoder.rest())
        if error is not None and not self._decoder.finished:
            raise self._told(error, at_end) from None
        try:
            yield from self._noted(self._decoder.close())
        except StreamCut as cut:
            raise self._told(cut, at_end) from None

    def _decoded(self, frames: list[tuple[str, str]]) -> Iterator[list[Event]]:
        for event, data in frames:
            yield from self._noted(self._decoder.feed(event, data))
            if self.done:
                return

    def _noted(self, events: list[Event]) -> Iterator[list[Event]]:
        if events:
            self.answered = True
            yield events

    def _told(self, error: QwenError, at_end: bool) -> QwenError:
        """The error to raise for a stream that ended without its finish reason."""
        if isinstance(error, StreamGarbled) and at_end:  # an event that was cut is not garbled
            error = StreamCut()
        if isinstance(error, StreamCut) and not self.answered:  # nothing to keep, and nothing to go on from
            return NoAnswer(error.happened if error.happened != BROKE_OFF else NOTHING, AGAIN)
        return error
