"""Reads `multipart/form-data` (RFC 7578), the form in which files are uploaded.

Not the package `multipart`: forms are in memory already, and every installation would have one more dependency to save
some ten lines of a simulator.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from .http_exchange import ReceivedRequest
from .service_errors import Refusal

__all__ = ["Field", "read_form"]

PARAMETER = re.compile(r';\s*(?P<name>[\w-]+)(?P<star>\*?)="?(?P<value>(?:(?<=")(?:\\.|[^"\\])*|[^;"]*))')


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form; `filename` is None where it is no file."""

    name: str
    filename: str | None
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace").strip()


def read_form(request: ReceivedRequest) -> list[Field]:
    """The fields of a form, in order. Raises `Refusal` for anything else."""
    found = re.search(r'multipart/form-data;.*boundary="?([^";]+)', request.headers.get("content-type", ""), re.I)
    if not found:
        raise Refusal("InvalidFile", "The request must be multipart/form-data with a boundary.")
    # The line end before a boundary belongs to it (RFC 2046, 5.1.1): inside a line it is content.
    boundary = b"\r\n--" + found[1].encode()
    if boundary + b"--" not in request.raw[-len(boundary) - 16 :]:
        raise Refusal("InvalidFile", "The multipart body has no end.")
    return [_read_field(part) for part in (b"\r\n" + request.raw).split(boundary)[1:-1]]


def _read_field(part: bytes) -> Field:
    head, separator, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    lines = head.decode("utf-8", "replace").split("\r\n")
    disposition = next((line for line in lines if line.lower().startswith("content-disposition:")), "")
    known = {match["name"].lower() + match["star"]: match["value"] for match in PARAMETER.finditer(disposition)}
    if not separator or "name" not in known:
        raise Refusal("InvalidFile", "A part of the multipart body has no name.")
    filename = known.get("filename")
    if "filename*" in known:
        filename = unquote(known["filename*"].rpartition("'")[2])
    elif filename is not None:
        filename = filename.replace("%22", '"').replace('\\"', '"')
    return Field(known["name"], filename, data)
