"""Reads server-sent events from the bytes of a body, in whatever chunks these arrive.

The format is that of WHATWG HTML, 9.2.5 and 9.2.6. Pure: the caller pushes bytes in, so that a thread and an async
caller use it in the same way. (httpx2's parser pulls from its own response, sync or async.) Not for the meaning of
events: see `decoder`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from ..core.errors import StreamGarbled
from ..core.translatable import _
from .error_mapping import PROXY, refusal

__all__ = ["LARGEST_BODY", "EventReader", "too_large"]

# One event of an answer is a few hundred bytes, and a whole answer of the largest model about half a megabyte; a page
# of 2,000 files is about as large.
LARGEST_EVENT = LARGEST_BODY = 32 * 1024 * 1024
# The most bytes that are read of a web page in the service's place, and of blanks before an answer. Ours.
LARGEST_PAGE = 256 * 1024
BOM = b"\xef\xbb\xbf"
# An end of a line is CR LF, LF or CR, and CR LF is never two of them.
LINE_END = re.compile(r"\r\n|\n|\r")
EMPTY_LINE = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
# So many bytes at the end of what was searched may be the beginning of an empty line.
UNSURE = 3


THE_SERVER = _("The server")


class EventReader:
    """Reads the events of one body as pairs (event, data), regardless of its content type.

    A body that is one JSON object is one event without a name.

    Args:
        status: the response's HTTP status, for errors.
        where: the host, for errors.
        largest: the size limit of one event in bytes.
    """

    def __init__(self, status: int = 200, where: str = THE_SERVER, largest: int = LARGEST_EVENT) -> None:
        self._status = status
        self._where = where
        self._largest = largest
        self._form: Literal["", "events", "object", "page"] = ""
        self._unread = bytearray()
        self._searched = 0

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        """The events that `chunk` completes.

        Raises `NotTheService` for a web page, and `StreamGarbled` for an event that is too large.
        """
        self._unread += chunk
        self._form = self._form or self._found_form()
        match self._form:
            case "page" if len(self._unread) >= LARGEST_PAGE:
                raise self._page()
            case "object" if len(self._unread) > LARGEST_BODY:
                raise too_large(self._where)
            case "events":
                return self._complete()
        return []

    def end(self) -> list[tuple[str, str]]:
        """The last event, at the end of the body. It may be cut; some servers omit the empty line behind it."""
        if self._form == "page":
            raise self._page()
        if self._form == "object":
            return [("", self._unread.decode("utf-8", "replace"))]
        return self.feed(b"\n\n") if self._form else []

    def _found_form(self) -> Literal["", "events", "object", "page"]:
        """The form of the body, once its first character has arrived; a byte order mark is removed."""
        if BOM.startswith(self._unread):
            return ""
        self._unread = self._unread.removeprefix(BOM)
        first = self._unread.lstrip()[:1]
        if not first and len(self._unread) <= LARGEST_PAGE:
            return ""
        return "page" if first == b"<" else "object" if first == b"{" else "events"

    def _complete(self) -> list[tuple[str, str]]:
        """Take the complete events off what is unread."""
        end = self._end_of_last()
        text = self._unread[:end].decode("utf-8", "replace")
        del self._unread[:end]
        self._searched = len(self._unread)
        if max(end, self._searched) > self._largest:
            self._refuse_large(text)
        return list(_events(text))

    def _end_of_last(self) -> int:
        """Where the last complete event ends; 0 if none does."""
        start = max(0, self._searched - UNSURE)
        if b"\r" not in self._unread:  # as good as always, and a tenth of the time
            found = self._unread.rfind(b"\n\n", start)
            return found + 2 if found >= 0 else 0
        return max((line.end() for line in EMPTY_LINE.finditer(self._unread, start)), default=0)

    def _refuse_large(self, text: str) -> None:
        """Raise for one event that is too large; many small ones may have come at once."""
        sizes = (len(data.encode("utf-8", "replace")) for _, data in _events(text))
        if self._searched > self._largest or max(sizes, default=0) > self._largest:
            raise StreamGarbled(
                _("One event of the answer was larger than {largest} MB.", largest=self._largest >> 20), PROXY
            )

    def _page(self) -> Exception:
        return refusal(self._status, {"content-type": "text/html"}, bytes(self._unread))


def too_large(where: str) -> StreamGarbled:
    """The error of a body that is larger than any reply; `where` is the host that sent it."""
    return StreamGarbled(
        _("{where} sent more than {largest_body} MB at once.", where=where, largest_body=LARGEST_BODY >> 20), PROXY
    )


def _events(text: str) -> Iterator[tuple[str, str]]:
    """The events of a text of whole events."""
    event, data = "", list[str]()
    for line in LINE_END.split(text) if "\r" in text else text.split("\n"):
        if not line:
            if event or data:
                yield event or "message", "\n".join(data)
            event, data = "", []
            continue
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif name == "event":
            event = value.removeprefix(" ")
