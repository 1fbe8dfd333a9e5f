"""What a setting can be, beyond the type of its trait. What the settings are is in `magics` and `settings`."""

from __future__ import annotations

from math import inf
from typing import Any

from traitlets import TraitError

from ..core.errors import ConfigurationError
from ..core.languages import LANGUAGES, matching, translated
from ..core.translatable import _
from ..service.endpoints import Choice, protocol_name

__all__ = ["check_choice", "valid"]


def valid(name: str, value: Any) -> Any:
    """The value of a setting that depends on no other, if it can be one.

    Raises `TraitError`, which says what would be right.
    """
    if name == "prices":
        _check_prices(value)
    elif name.endswith("model") and not value.strip():
        raise _wrong(_("QwenMagics.{name}: there must be a model, such as 'qwen3-vl-plus'.", name=name))
    elif name == "language" and value and not matching(value):
        known = ", ".join(map(repr, LANGUAGES))
        raise _wrong(_("QwenMagics.language: there is no {value!r}. There are {known}.", value=value, known=known))
    elif isinstance(value, float) and not 0 < value < inf:
        raise _wrong(
            _("QwenMagics.{name}: {value:g} is no time to wait. Give a number greater than 0.", name=name, value=value)
        )
    return value


def check_choice(name: str, protocol: str, setting: str) -> None:
    """Raises `TraitError` when nobody is asked by this name in this protocol; `setting` is what was set to it."""
    try:
        Choice(name, protocol_name(protocol)).check()
    except ConfigurationError as error:
        raise _wrong(_("QwenMagics.{setting}: {error}", setting=setting, error=error)) from None


def _check_prices(prices: dict[Any, Any]) -> None:
    for model, price in prices.items():
        pair = isinstance(price, tuple | list) and len(price) == 2 and all(map(_is_price, price))
        if not isinstance(model, str) or not pair:
            raise _wrong(
                _(
                    "QwenMagics.prices: {model!r}: {price!r} is not the price of a model. The form is "
                    "{{'qwen-plus': (0.8, 2.0)}}: in and out, per million tokens.",
                    model=model,
                    price=price,
                )
            )


def _wrong(message: str) -> TraitError:
    """The error of traitlets, which is shown as it is: in the language of what runs now."""
    return TraitError(translated(message))


def _is_price(number: Any) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number < inf
