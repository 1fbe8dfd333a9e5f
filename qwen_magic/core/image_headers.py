"""Reads the format, width and height of a picture from its first bytes, without decoding it.

Not with Pillow, which `attachments` uses to open pictures: counting tokens and the sandbox must work without extras.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

__all__ = ["Picture", "recognise"]


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` and `height` in pixels."""

    format: str
    width: int
    height: int


def recognise(data: bytes) -> Picture | None:
    """The picture that `data` begins with; `None` for another format, or a header that is cut."""
    for reader in (_png, _jpeg, _gif, _bmp, _webp, _tiff, _heic):
        try:
            found = reader(data)
        except (struct.error, IndexError):
            continue
        if found:
            return found
    return None


def _png(data: bytes) -> Picture | None:
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    return Picture("PNG", *struct.unpack(">II", data[16:24]))


def _jpeg(data: bytes) -> Picture | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while data[at] == 0xFF:
        marker, size = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return Picture("JPEG", width, height)
        at += 2 + size
    return None


def _gif(data: bytes) -> Picture | None:
    return Picture("GIF", *struct.unpack("<HH", data[6:10])) if data[:6] in (b"GIF87a", b"GIF89a") else None


def _bmp(data: bytes) -> Picture | None:
    if not data.startswith(b"BM"):
        return None
    width, height = struct.unpack("<ii", data[18:26])
    return Picture("BMP", abs(width), abs(height))


def _webp(data: bytes) -> Picture | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    kind, body = data[12:16], data[20:]
    if kind == b"VP8X":
        return Picture("WEBP", 1 + _little(body[4:7]), 1 + _little(body[7:10]))
    if kind == b"VP8L":
        bits = _little(body[1:5])
        return Picture("WEBP", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    width, height = struct.unpack("<HH", body[6:10])
    return Picture("WEBP", width & 0x3FFF, height & 0x3FFF)


def _tiff(data: bytes) -> Picture | None:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return None
    (start,) = struct.unpack(order + "I", data[4:8])
    (count,) = struct.unpack(order + "H", data[start : start + 2])
    sides = {}
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack(order + "HH", data[at : at + 4])
        if tag in (256, 257):
            sides[tag] = struct.unpack(
                order + ("H" if kind == 3 else "I"), data[at + 8 : at + (10 if kind == 3 else 12)]
            )[0]
    return Picture("TIFF", sides[256], sides[257]) if len(sides) == 2 else None


def _heic(data: bytes) -> Picture | None:
    if data[4:8] != b"ftyp" or not re.search(rb"heic|heix|mif1|hevc", data[8:64]):
        return None
    # A file has one `ispe` box for each of its tiles and one for the whole: the whole is the largest.
    boxes = [struct.unpack(">II", match[1]) for match in re.finditer(rb"ispe.{4}(.{8})", data[:65536], re.DOTALL)]
    return Picture("HEIC", *max(boxes)) if boxes else None


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
