"""Figures of the notebook as images: matplotlib, seaborn, plotly, Pillow. Their state is left as it was."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from ..core.errors import InputError
from ..core.translatable import _
from .attachment import Attachment
from .images import FORMATS, image_attachment, opened, refuse_huge
from .size_limits import ImageLimits

__all__ = ["read_figure"]

# Dots an inch: the text of a figure of the usual size stays readable after the service has scaled it.
DOTS_AN_INCH = 150
MAX_SPECIFICATION = 20_000


def read_figure(name: str, value: Any, limits: ImageLimits) -> Attachment:
    """The picture that `value` is; of a plotly figure, where kaleido is missing, its specification.

    Raises `InputError` when it cannot be drawn.
    """
    if hasattr(value, "getbands"):  # Pillow
        refuse_huge(value, name)
        if getattr(value, "tile", ()) and value.format not in (*FORMATS, "MPO"):  # its pixels are still to be decoded
            raise InputError(
                _("{name} is an image that was opened but not loaded ({format}).", name=name, format=value.format),
                _("Call its load() method."),
            )
        try:
            return image_attachment(name, value.copy(), limits)
        except (OSError, ValueError) as error:  # a mode that Pillow cannot convert, a file that was closed
            raise InputError(
                _("{name} cannot be drawn ({kind}: {error}).", name=name, kind=type(error).__name__, error=error)
            ) from None
    if hasattr(value, "to_image"):
        return _plotly(name, value, limits)
    figure = value if hasattr(value, "savefig") else value.get_figure()
    return image_attachment(name, opened(_drawn(name, figure), name), limits)


def _drawn(name: str, figure: Any) -> BytesIO:
    target = BytesIO()
    try:
        figure.savefig(target, format="png", dpi=DOTS_AN_INCH, bbox_inches="tight")
    except Exception as error:  # drawing may raise anything
        raise InputError(
            _("{name} cannot be drawn ({kind}: {error}).", name=name, kind=type(error).__name__, error=error)
        ) from None
    target.seek(0)
    return target


def _plotly(name: str, figure: Any, limits: ImageLimits) -> Attachment:
    try:
        image = BytesIO(figure.to_image(format="png", scale=2))
    except Exception:  # kaleido is missing, or the browser that it needs: each version raises something else
        return _specification(name, figure)
    return image_attachment(name, opened(image, name), limits)


def _specification(name: str, figure: Any) -> Attachment:
    """What the figure is made of, with long lists of data cut."""
    from .python_values import written

    traces = [_listed(trace.to_plotly_json()) for trace in figure.data]
    text = written({"data": traces, "layout": _listed(figure.layout.to_plotly_json())})[:MAX_SPECIFICATION]
    note = _("plotly figure, as its specification: an image needs kaleido")
    return Attachment(name, "variable", "text", text.encode(), "text/plain", note, "text")


def _listed(value: Any) -> Any:
    """The value with its arrays as lists, and without plotly's own template, which is most of a figure."""
    if isinstance(value, dict):
        return {key: _listed(each) for key, each in value.items() if key != "template"}
    if isinstance(value, list | tuple):
        return [_listed(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value
