"""A variable of the notebook, described: what it is, how large, what is in it; a picture as a picture.

Its type is told by the names of its classes, so nothing is imported that the notebook has not imported already.
"""

from __future__ import annotations

import inspect
import textwrap
import traceback
from types import TracebackType
from typing import Any

from ..core.errors import InputError
from ..core.sizes import readable_size
from ..core.translatable import _
from .attachment import Attach, Attachment
from .secret_scanner import refuse_secret_variable, refuse_secrets
from .size_limits import MAX_DOCUMENT

__all__ = ["described", "is_picture", "is_table", "read_variable"]

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


def _is_a(value: object, classes: set[tuple[str, str]]) -> bool:
    """Whether one of the value's classes has one of these names; nothing is imported to find out."""
    return any((each.__module__.partition(".")[0], each.__name__) in classes for each in type(value).__mro__)


def is_picture(value: object) -> bool:
    """Whether the variable becomes an image."""
    return _is_a(value, PICTURES)


def is_table(value: object) -> bool:
    """Whether it is a table or an array, which is described and not written out."""
    return _is_a(value, FRAMES | ARRAYS)


def read_variable(name: str, value: object, attach: Attach) -> Attachment:
    """The variable `name` as an attachment. Raises `InputError` for what cannot be shown, or is secret."""
    if is_picture(value):
        from .figures import read_figure

        attachment = read_figure(name, value, attach.limits)
    else:
        attachment = described(name, value, attach.shown_rows)
    if not attach.force:
        if attach.values:
            refuse_secret_variable(name, value)
        refuse_secrets(attachment, attach.keys)
    return attachment


def described(name: str, value: object, rows: int | None) -> Attachment:
    """The variable in words, a table with so many of its rows; for `None` without any value."""
    if _is_a(value, FRAMES):
        from .dataframes import read_frame

        return read_frame(name, value, rows)
    source = _source_of(value)
    if source:
        return Attachment(name, "variable", "text", source.encode(), "text/plain", _("its source"), "python")
    if rows is None:
        return Attachment(
            name, "variable", "text", _outline(value).encode(), "text/plain", _("without its values"), "text"
        )
    summary, text = _summed_up(name, value)
    data = text.encode("utf-8", "backslashreplace")
    if len(data) > MAX_DOCUMENT:
        raise InputError(
            _(
                "{name} is larger than {max_document} of text.",
                name=name,
                max_document=readable_size(MAX_DOCUMENT, kilo=1024),
            ),
            _("Attach a part of it."),
        )
    return Attachment(name, "variable", "text", data, "text/plain", summary, "text")


def _source_of(value: object) -> str:
    """The source of a function or a class; nothing of what has none, or is none."""
    if not inspect.isroutine(value) and not isinstance(value, type):
        return ""
    try:
        return textwrap.dedent(inspect.getsource(value))
    except (OSError, TypeError):  # built in, or made by `exec`
        return ""


def _outline(value: Any) -> str:
    """What the variable is, and how large, without any value."""
    from .python_values import title

    shape = getattr(value, "shape", None)
    if _is_a(value, ARRAYS):
        return f"{title(value)}, {' × '.join(map(str, shape or ()))}, {value.dtype}"
    return title(value)


def _summed_up(name: str, value: Any) -> tuple[str, str]:
    """What the variable is, in a few words, and what is in it."""
    if isinstance(value, str):
        return f"str of {len(value):,} characters", value
    if isinstance(value, bytes | bytearray | memoryview):
        raise InputError(
            _("{name} is {count} of raw bytes.", name=name, count=readable_size(len(value))),
            _("Decode them, or attach the file they are from."),
        )
    if isinstance(value, BaseException):
        return "exception", "".join(traceback.format_exception(value))
    if isinstance(value, TracebackType):
        return "traceback", "".join(traceback.format_tb(value))
    if _is_a(value, ARRAYS):
        from .python_values import array

        return array(value)
    from .python_values import title, written

    return title(value), written(value)
