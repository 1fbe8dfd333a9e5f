"""A variable of the notebook, described: what it is, how large, what is in it; a picture as a picture.

Its type is told by the names of its classes, so nothing is imported that the notebook has not imported already.
"""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any

from ..errors import InputError
from .attachment import Attach, Attachment
from .describing import human
from .limits import MAX_DOCUMENT
from .secrets import refuse_secret_variable

__all__ = ["is_picture", "read_variable"]

# (package, class) of what becomes an image.
PICTURES = {
    ("matplotlib", "Figure"),
    ("matplotlib", "Axes"),
    ("PIL", "Image"),
    ("plotly", "BaseFigure"),
    ("seaborn", "Grid"),
}
FRAMES = {
    ("pandas", "DataFrame"),
    ("pandas", "Series"),
    ("polars", "DataFrame"),
    ("polars", "Series"),
    ("polars", "LazyFrame"),
    ("pyarrow", "Table"),
    ("narwhals", "DataFrame"),
    ("narwhals", "Series"),
    ("modin", "DataFrame"),
}
ARRAYS = {("numpy", "ndarray"), ("torch", "Tensor")}


def is_a(value: object, classes: set[tuple[str, str]]) -> bool:
    """Whether one of the value's classes has one of these names; nothing is imported to find out."""
    return any((each.__module__.partition(".")[0], each.__name__) in classes for each in type(value).__mro__)


def is_picture(value: object) -> bool:
    """Whether the variable becomes an image."""
    return is_a(value, PICTURES)


def read_variable(name: str, value: object, attach: Attach) -> Attachment:
    """The variable `name` as an attachment. Raises `InputError` for what cannot be shown, or is secret."""
    if is_picture(value):
        from .figures import read_figure

        return read_figure(name, value, attach.limits)
    attachment = described(name, value, attach.rows)
    if not attach.force:
        refuse_secret_variable(name, value, attachment.text, attach.keys)
    return attachment


def described(name: str, value: object, rows: int) -> Attachment:
    if is_a(value, FRAMES):
        from .dataframes import read_frame

        return read_frame(name, value, rows)
    summary, text = summed_up(name, value)
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > MAX_DOCUMENT:
        raise InputError(f"{name} is larger than {human(MAX_DOCUMENT)} of text.", "Attach a part of it.")
    return Attachment(name, "variable", "text", data, "text/plain", summary, "text")


def summed_up(name: str, value: Any) -> tuple[str, str]:
    """What the variable is, in a few words, and what is in it."""
    if isinstance(value, str):
        return f"str of {len(value):,} characters", value
    if isinstance(value, bytes | bytearray | memoryview):
        raise InputError(
            f"{name} is {human(len(value))} of raw bytes.", "Decode them, or attach the file they are from."
        )
    if isinstance(value, BaseException):
        return "exception", "".join(traceback.format_exception(value))
    if isinstance(value, TracebackType):
        return "traceback", "".join(traceback.format_tb(value))
    if is_a(value, ARRAYS):
        from .structures import array

        return array(value)
    from .structures import title, written

    return title(value), written(value)
