"""Reads `multipart/form-data`, the form in which files are uploaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from .http_exchange import HttpRequest
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


def read_form(request: HttpRequest) -> list[Field]:
    """The fields of a form, in order; raises the service's refusal of anything else."""
    found = re.search(r'multipart/form-data;.*boundary="?([^";]+)', request.headers.get("content-type", ""), re.I)
    if not found:
        raise Refusal("InvalidFile", "The request must be multipart/form-data with a boundary.")
    line = b"--" + found[1].encode()
    if line + b"--" not in request.raw[-len(line) - 16 :]:
        raise Refusal("InvalidFile", "The multipart body has no end.")
    return [read_field(part) for part in request.raw.split(line)[1:-1]]


def read_field(part: bytes) -> Field:
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
    return Field(known["name"], filename, data.removesuffix(b"\r\n"))
