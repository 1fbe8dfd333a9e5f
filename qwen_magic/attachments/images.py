"""Prepares an image from a file or the notebook for sending: upright, without metadata, within the limits.

An image that needs no change is sent byte for byte. Any other is decoded, with as little memory as its format allows,
and encoded again as PNG or JPEG, which every server reads. Not for resizing: that is `image_resize`.

Pillow opens only the formats that are named in this module: some of its plugins start programs (Ghostscript for EPS),
and most formats are rare. Formats of browsers are decoded in this process; the others, HEIC and animations in a
separate one (`isolated_reader`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

from ..core.errors import InputError
from ..core.translatable import _, listed
from .attachment import Attachment
from .isolated_reader import read_apart
from .size_limits import MAX_OPENED_PIXELS, MAX_PAGES, ImageLimits

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["FORMATS", "decoded", "image_attachment", "opened", "read_images", "refuse_huge"]

# Pillow's names of the formats that are decoded in this process, and of all that are opened at all.
BROWSERS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
FORMATS = (*BROWSERS, "TIFF", "AVIF", "ICO", "JPEG2000", "PPM")

# What a PNG may hold and be sent as it is: its pixels and how they are meant (PNG specification, third edition).
PLAIN_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"sBIT", b"cICP"}
# The same of a JPEG: JFIF, its colour profile, and Adobe's word on how the colours are stored.
PLAIN_SEGMENTS = {"APP0": b"JFIF\0", "APP2": b"ICC_PROFILE\0", "APP14": b"Adobe"}
END_OF_JPEG = b"\xff\xd9"


def read_images(file: BinaryIO, name: str, limits: ImageLimits) -> Iterator[Attachment]:
    """The image in an open file; of a TIFF each page, of an animation the first frame.

    Raises `InputError` for what is no image, is damaged, or is larger than can be opened safely.
    """
    image = _of_browsers(file, name)
    if image is None:
        for piece in read_apart("images", file, name, limits=asdict(limits)):
            yield Attachment(data=piece.data, **piece.facts)
        return
    with _damaged(name):
        if _is_plain(image, file, limits):
            file.seek(0)
            yield Attachment(name, "image", "image", file.read(), f"image/{str(image.format).lower()}")
        else:
            yield image_attachment(name, image, limits)


def _of_browsers(file: BinaryIO, name: str) -> Image | None:
    """The image, if it is a single one of a format that browsers decode."""
    try:
        image = opened(file, name, BROWSERS)
        return image if image.format == "MPO" or not getattr(image, "is_animated", False) else None
    except InputError:
        raise
    except Exception:  # the separate process reports what is wrong with it
        return None


def decoded(file: BinaryIO, name: str, limits: ImageLimits) -> Iterator[Attachment]:
    """What `read_images` gives, for any of the formats, and without being sent byte for byte."""
    import PIL.Image

    PIL.Image.init()
    with _damaged(name):
        try:
            image = opened(file, name, tuple(each for each in FORMATS if each in PIL.Image.OPEN))
        except (OSError, SyntaxError, ValueError):
            image = _opened_heif(file, name)
        frames = int(getattr(image, "n_frames", 1))
        if image.format == "TIFF" and frames > 1:
            yield from _pages(image, name, frames, limits)
        else:
            yield image_attachment(
                name, image, limits, *(_("first of {frames:,} frames", frames=frames),) * (frames > 1)
            )


@contextmanager
def _damaged(name: str) -> Iterator[None]:
    """Whatever Pillow and its decoders raise on a damaged file, in one line."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(_("{name} is a damaged image ({error}).", name=name, error=_one_line(error))) from None


def _pages(image: Image, name: str, frames: int, limits: ImageLimits) -> Iterator[Attachment]:
    shown = min(frames, MAX_PAGES)
    each = limits.shared_by(shown)
    for number in range(shown):
        image.seek(number)
        refuse_huge(image, name)
        left_out = (_("{count:,} more pages left out", count=frames - shown),) * (
            number == shown - 1 and frames > shown
        )
        yield image_attachment(f"{name}, page {number + 1}", image, each, *left_out)


def image_attachment(name: str, image: Image, limits: ImageLimits, *notes: str) -> Attachment:
    """An image as it is sent, with what was done to it in its note. `image` itself stays as it is."""
    from .image_resize import fit

    if not image.width or not image.height:
        raise InputError(_("{name} is an image without pixels.", name=name))
    fitted = fit(image, limits)
    if fitted is None:
        raise InputError(_("{name} cannot be made small enough to be sent.", name=name))
    return Attachment(name, "image", "image", fitted.data, fitted.mime, listed((*notes, *fitted.notes)))


def opened(file: BinaryIO, name: str, formats: tuple[str, ...] = BROWSERS) -> Image:
    """The image, its header read and its pixels not. Raises what Pillow raises when it has none of these formats."""
    try:
        import PIL.Image
    except ImportError:
        raise InputError(
            _("Images need the package Pillow."), _("Install it: %pip install qwen_magic[images]")
        ) from None
    try:
        with warnings.catch_warnings():
            # Pillow warns from half of what it refuses on; we have a limit of our own.
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            image: Image = PIL.Image.open(file, formats=formats)
    except PIL.Image.DecompressionBombError:
        raise _too_large(name) from None
    refuse_huge(image, name)
    return image


def _opened_heif(file: BinaryIO, name: str) -> Image:
    """A HEIC image, where pillow-heif is installed: without being registered in Pillow, which others share."""
    file.seek(4)
    is_heif = file.read(4) == b"ftyp"
    file.seek(0)
    if not is_heif:
        raise InputError(_("{name} is no image that can be read.", name=name), _("Save it as PNG or JPEG."))
    try:
        import pillow_heif
    except ImportError:
        raise InputError(
            _("{name} is a HEIC image, and those need pillow-heif.", name=name),
            _("Install it: %pip install pillow-heif"),
        ) from None
    heif: Any = pillow_heif.open_heif(file)
    if heif.size[0] * heif.size[1] > MAX_OPENED_PIXELS:
        raise _too_large(name)
    image: Image = heif.to_pillow()
    image.format = "HEIF"
    return image


def refuse_huge(image: Image, name: str) -> None:
    if image.width * image.height > MAX_OPENED_PIXELS:
        raise _too_large(name)


def _too_large(name: str) -> InputError:
    return InputError(
        _(
            "{name} has more than {max_opened_pixels} million pixels.",
            name=name,
            max_opened_pixels=MAX_OPENED_PIXELS // 1000000,
        ),
        _("Attach a part of it, or a smaller copy."),
    )


def _is_plain(image: Image, file: BinaryIO, limits: ImageLimits) -> bool:
    """Whether the file can be sent as it is: within the limits, and nothing in it but the picture."""
    from .image_resize import fits

    if not fits(image, limits) or image.format not in ("PNG", "JPEG") or image.mode not in ("1", "L", "P", "RGB"):
        return False
    file.seek(0)
    data = file.read(limits.bytes + 1)
    if len(data) > limits.bytes or "transparency" in image.info:
        return False
    if image.format == "PNG":
        return set(_chunks(data)) <= PLAIN_CHUNKS
    segments = getattr(image, "applist", [])
    plain = all(segment.startswith(PLAIN_SEGMENTS.get(marker, b"\0\0\0")) for marker, segment in segments)
    return plain and data.find(END_OF_JPEG) == len(data) - len(END_OF_JPEG)


def _chunks(data: bytes) -> Iterator[bytes]:
    """The types of a PNG's chunks; data behind the end counts as a chunk of unknown type."""
    at = 8
    while at < len(data):
        kind = data[at + 4 : at + 8]
        yield kind
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND" and at < len(data):
            yield b""
            return


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
