"""Resizes an image to the limits: upright, never enlarged, with the best quality that fits.

A very small or very narrow image gets a margin, and keeps its pixels. Not for files and names: see `images`.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

from PIL import Image as Images
from PIL import ImageCms
from PIL.Image import Image, Resampling

from ..core.translatable import _
from .size_limits import MAX_RATIO, MIN_SIDE, ImageLimits

__all__ = ["ResizedImage", "fit", "fits"]

# EXIF's tag for how the camera was held; from 5 on, width and height are swapped (EXIF 2.32, 4.6.4).
ORIENTATION = 0x0112
SWAPPED = 5

# JPEG's qualities, the best that fits wins; below the last one the image is rather made smaller.
QUALITIES = (95, 90, 85, 75, 65)
FINE = 90  # from here on colours keep their full resolution
STEP = 0.8

LOSSY = {"JPEG", "MPO", "WEBP", "HEIF", "AVIF"}
WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class ResizedImage:
    """An encoded image, and notes on what was changed, for the user."""

    data: bytes
    mime: str
    notes: tuple[str, ...]


def fits(image: Image, limits: ImageLimits) -> bool:
    """Whether an image's sides need no change."""
    size = _fitted_size(image.size, limits)
    return image.size == size == _with_margin(size)


def _fitted_size(size: tuple[int, int], limits: ImageLimits) -> tuple[int, int]:
    """The largest size of the same shape, in pixels, that is within the limits and not larger than `size`."""
    width, height = size
    scale = min(1.0, math.sqrt(limits.pixels / (width * height)), limits.side / max(size))
    return max(1, int(width * scale)), max(1, int(height * scale))


def _with_margin(size: tuple[int, int]) -> tuple[int, int]:
    """The size with the margin that it needs: no side too short, in itself or beside the other one."""
    least = max(MIN_SIDE, -(-max(size) // MAX_RATIO))
    return max(size[0], least), max(size[1], least)


def fit(image: Image, limits: ImageLimits) -> ResizedImage | None:
    """`image`, unchanged itself, as PNG or JPEG within `limits`; `None` if even the smallest file exceeds them."""
    original, lossy = image.size, image.format in LOSSY
    target = _fitted_size(original, limits)
    notes: list[str] = []
    if image.format in ("JPEG", "MPO") and getattr(image, "fp", None) is not None:
        # Decodes every second, fourth or eighth pixel only, where that is enough.
        image.draft(image.mode, target)
    orientation = image.getexif().get(ORIENTATION, 1)
    pixels = _upright(_colours(_smaller(image, target), image, notes), orientation)
    if target != original:
        shape = original[::-1] if orientation >= SWAPPED else original
        notes.append(
            _(
                "shrunk from {wide} × {high} to {width} × {height} px",
                wide=shape[0],
                high=shape[1],
                width=pixels.width,
                height=pixels.height,
            )
        )
    if pixels.size != _with_margin(pixels.size):
        notes.append(_("with a margin"))
    return _encoded(pixels, lossy, limits.bytes, notes)


def _smaller(image: Image, size: tuple[int, int]) -> Image:
    """The image in this size, in a mode that can be scaled."""
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    elif image.mode in ("P", "PA", "1", "LAB", "HSV", "YCbCr") or "transparency" in image.info:
        image = image.convert(_scalable(image))
    elif image.mode.startswith(("I", "F")):
        image = _stretched(image)
    return image if image.size == size else image.resize(size, Resampling.LANCZOS, reducing_gap=3.0)


def _scalable(image: Image) -> str:
    if image.mode == "PA" or "transparency" in image.info:
        return "RGBA"
    return "L" if image.mode == "1" else "RGB"


def _stretched(image: Image) -> Image:
    """8 bits of 16 or 32: the darkest pixel becomes black, the lightest white, as viewers of such images do."""
    wide = image if image.mode == "F" else image.convert("I").convert("F")
    low, high = (float(each) for each in wide.getextrema() if isinstance(each, int | float))
    scale = 255.0 / (high - low) if math.isfinite(high - low) and high > low else 0.0
    return wide.point(lambda value: value * scale - low * scale).convert("L")


def _colours(image: Image, original: Image, notes: list[str]) -> Image:
    """The image in grey or in sRGB, without transparency."""
    if original.mode.startswith(("I", "F")):
        notes.append(_("16 bits to 8") if original.mode.startswith("I;16") else _("values scaled to 0–255"))
    if "A" in image.getbands() or "a" in image.getbands():
        image = _on_white(image.convert("RGBA"), notes)
    profile = original.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        with suppress(ImageCms.PyCMSError, OSError, TypeError, ValueError):
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            image = converted or image
    if original.mode == "CMYK":
        notes.append(_("CMYK to RGB"))
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _on_white(image: Image, notes: list[str]) -> Image:
    lowest = image.getchannel("A").getextrema()[0]
    if isinstance(lowest, int | float) and lowest < 255:
        notes.append(_("transparency on white"))
    background = Images.new("RGBA", image.size, (*WHITE, 255))
    return Images.alpha_composite(background, image).convert("RGB")


def _upright(image: Image, orientation: int) -> Image:
    """The image rotated as its EXIF tag requires, without that tag."""
    methods = {
        2: Images.Transpose.FLIP_LEFT_RIGHT,
        3: Images.Transpose.ROTATE_180,
        4: Images.Transpose.FLIP_TOP_BOTTOM,
        5: Images.Transpose.TRANSPOSE,
        6: Images.Transpose.ROTATE_270,
        7: Images.Transpose.TRANSVERSE,
        8: Images.Transpose.ROTATE_90,
    }
    return image.transpose(methods[orientation]) if orientation in methods else image


def _encoded(image: Image, lossy: bool, limit: int, notes: list[str]) -> ResizedImage | None:
    """The best file of at most `limit` bytes: PNG for what came without loss, else JPEG, else a smaller JPEG."""
    if not lossy:
        data = _saved(_padded(image), "PNG")
        if len(data) <= limit:
            return ResizedImage(data, "image/png", tuple(notes))
    size = image.size
    while True:
        for quality in QUALITIES:
            data = _saved(_padded(image), "JPEG", quality)
            if len(data) <= limit:
                remarks = [_("JPEG, quality {quality}", quality=quality)] * (quality < QUALITIES[0] or not lossy)
                remarks += [_("shrunk further, to {width} × {height} px", width=image.width, height=image.height)] * (
                    image.size != size
                )
                return ResizedImage(data, "image/jpeg", (*notes, *remarks))
        if max(image.size) <= MIN_SIDE:
            return None
        image = image.resize((max(1, int(image.width * STEP)), max(1, int(image.height * STEP))), Resampling.LANCZOS)


def _saved(image: Image, form: str, quality: int = 0) -> bytes:
    target = BytesIO()
    fresh = image.copy()
    fresh.info = {}
    options = {"quality": quality, "subsampling": 0 if quality >= FINE else 2} if form == "JPEG" else {}
    fresh.save(target, form, **options)
    return target.getvalue()


def _padded(image: Image) -> Image:
    """The image in the middle of a white margin, where it is too small or too narrow for the service."""
    size = _with_margin(image.size)
    if size == image.size:
        return image
    white = 255 if image.mode == "L" else WHITE
    canvas = Images.new(image.mode, size, white)
    canvas.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return canvas
