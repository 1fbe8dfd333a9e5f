"""An image from a file or from the notebook, made fit to be sent: upright, without metadata, within the limits.

What needs no change is sent byte for byte. Everything else is decoded, with as little memory as its format allows,
and encoded again as PNG or JPEG, which every server reads. How an image is made to fit is next door, in `fitting`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import InputError
from .attachment import Attachment
from .limits import MAX_OPENED_PIXELS, MAX_PAGES, ImageLimits

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["image_attachment", "read_images"]

# What a PNG may hold and be sent as it is: its pixels and how they are meant (PNG specification, third edition).
PLAIN_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"sBIT", b"cICP"}
# The same of a JPEG: JFIF, its colour profile, and Adobe's word on how the colours are stored.
PLAIN_SEGMENTS = {"APP0": b"JFIF\0", "APP2": b"ICC_PROFILE\0", "APP14": b"Adobe"}
END_OF_JPEG = b"\xff\xd9"


def read_images(file: BinaryIO, name: str, limits: ImageLimits) -> Iterator[Attachment]:
    """The image in an open file; of a TIFF each page, of an animation the first frame.

    Raises `InputError` for what is no image, is damaged, or is larger than can be opened safely.
    """
    image = opened(file, name)
    try:
        frames = int(getattr(image, "n_frames", 1))
        if image.format == "TIFF" and frames > 1:
            yield from pages(image, name, frames, limits)
        elif frames == 1 and is_plain(image, file, limits):
            file.seek(0)
            yield Attachment(name, "image", "image", file.read(), f"image/{str(image.format).lower()}")
        else:
            animated = frames > 1 and image.format != "MPO"
            yield image_attachment(name, image, limits, *(f"first of {frames} frames",) * animated)
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, MemoryError, EOFError) as error:
        raise InputError(f"{name} is a damaged image ({one_line(error)}).") from None


def pages(image: Image, name: str, frames: int, limits: ImageLimits) -> Iterator[Attachment]:
    shown = min(frames, MAX_PAGES)
    each = limits.shared_by(shown)
    for number in range(shown):
        image.seek(number)
        refuse_huge(image, name)
        left_out = (f"{frames - shown} more pages left out",) * (number == shown - 1 and frames > shown)
        yield image_attachment(f"{name}, page {number + 1}", image, each, *left_out)


def image_attachment(name: str, image: Image, limits: ImageLimits, *notes: str) -> Attachment:
    """An image as it is sent, with what was done to it in its note. `image` itself stays as it is."""
    from .fitting import fit

    if not image.width or not image.height:
        raise InputError(f"{name} is an image without pixels.")
    fitted = fit(image, limits)
    if fitted is None:
        raise InputError(f"{name} cannot be made small enough to be sent.")
    return Attachment(name, "image", "image", fitted.data, fitted.mime, ", ".join((*notes, *fitted.notes)))


def opened(file: BinaryIO, name: str) -> Image:
    """The image, its header read and its pixels not."""
    try:
        import PIL.Image
    except ImportError:
        raise InputError("Images need the package Pillow.", "Install it: %pip install qwen_magic[images]") from None
    try:
        with warnings.catch_warnings():
            # Pillow warns from half of what it refuses on; we have a limit of our own.
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            image: Image = PIL.Image.open(file)
    except PIL.Image.DecompressionBombError:
        raise too_large(name) from None
    except (PIL.UnidentifiedImageError, OSError, SyntaxError, ValueError):
        image = opened_heif(file, name)
    refuse_huge(image, name)
    return image


def opened_heif(file: BinaryIO, name: str) -> Image:
    """A HEIC image, where pillow-heif is installed: without being registered in Pillow, which others share."""
    file.seek(4)
    is_heif = file.read(4) == b"ftyp"
    file.seek(0)
    if not is_heif:
        raise InputError(f"{name} is no image that can be read.", "Save it as PNG or JPEG.")
    try:
        import pillow_heif
    except ImportError:
        raise InputError(
            f"{name} is a HEIC image, and those need pillow-heif.", "Install it: %pip install pillow-heif"
        ) from None
    try:
        heif: Any = pillow_heif.open_heif(file)
        if heif.size[0] * heif.size[1] > MAX_OPENED_PIXELS:
            raise too_large(name)
        image: Image = heif.to_pillow()
    except (ValueError, RuntimeError, OSError, EOFError, SyntaxError) as error:
        raise InputError(f"{name} is a damaged image ({one_line(error)}).") from None
    image.format = "HEIF"
    return image


def refuse_huge(image: Image, name: str) -> None:
    if image.width * image.height > MAX_OPENED_PIXELS:
        raise too_large(name)


def too_large(name: str) -> InputError:
    return InputError(
        f"{name} has more than {MAX_OPENED_PIXELS // 1_000_000} million pixels.",
        "Attach a part of it, or a smaller copy.",
    )


def is_plain(image: Image, file: BinaryIO, limits: ImageLimits) -> bool:
    """Whether the file can be sent as it is: within the limits, and nothing in it but the picture."""
    from .fitting import fits

    if not fits(image, limits) or image.format not in ("PNG", "JPEG") or image.mode not in ("1", "L", "P", "RGB"):
        return False
    file.seek(0)
    data = file.read(limits.bytes + 1)
    if len(data) > limits.bytes or "transparency" in image.info:
        return False
    if image.format == "PNG":
        return set(chunks(data)) <= PLAIN_CHUNKS
    segments = getattr(image, "applist", [])
    plain = all(segment.startswith(PLAIN_SEGMENTS.get(marker, b"\0\0\0")) for marker, segment in segments)
    return plain and data.find(END_OF_JPEG) == len(data) - len(END_OF_JPEG)


def chunks(data: bytes) -> Iterator[bytes]:
    """The types of a PNG's chunks; what stands behind its end has none, and counts as one that is not known."""
    at = 8
    while at < len(data):
        kind = data[at + 4 : at + 8]
        yield kind
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND" and at < len(data):
            yield b""
            return


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
