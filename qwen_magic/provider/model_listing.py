"""Which models an endpoint has, as far as it says so, and which one is asked where nobody names one.

What the service's own models can do is a table: `qwen_magic.core.models`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..core.errors import AccessDenied, ConfigurationError, ConnectionFailed, KeyRejected, NoKey, QwenError
from ..core.models import lookup
from ..core.translatable import _
from ..protocols.lenient_json import JSONObject, count, mapping, rows, word
from ..service.endpoints import Endpoint

if TYPE_CHECKING:
    from ..service.client import Client

__all__ = ["TEXT_MODEL", "ModelListing"]

# The service's model of choice for text (its docs, "Models", Oct 2026).
TEXT_MODEL = "qwen-plus"
# Seconds to wait for a list of models. Ours: as advice it must not be noticed; where a model has to be chosen from it,
# and where a person asks for it, a slow server gets as long as a connection gets.
ADVICE, LISTING = 2.0, 10.0
# A list that could not be had is asked for again after so many seconds: a server may have been starting. Ours.
AGAIN = 60.0


class ModelListing:
    """The models of the endpoints that one shell asks, by base URL. `client` gives the client that asks for them."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client
        self._listed: dict[str, dict[str, int | None]] = {}
        self._not_before: dict[str, float] = {}

    def fetch(self, here: Endpoint, within: float = LISTING) -> dict[str, int | None]:
        """The models that the endpoint has, each with its window in tokens where the endpoint says so.

        Raises `NoAnswer` when it does not say so within so many seconds, and what it refuses.
        """
        listing = self._client().call(here.compatible, "GET", "models", within=within)
        found = {name: _window_of(row) for row in rows(listing.get("data")) if (name := word(row.get("id")))}
        self._listed[here.base_url] = found
        return found

    def known(self, here: Endpoint) -> tuple[str, ...]:
        """The models of the endpoint as far as they are known without asking it."""
        return tuple(self._listed.get(here.base_url, ()))

    def default(self, here: Endpoint) -> str:
        """The service's model of choice; elsewhere the first Qwen that is there, else the first model.

        A local server is asked for its list once. Raises `ConfigurationError` when it has none.
        """
        if here.dialect.service:
            return TEXT_MODEL
        names = self.known(here) or tuple(self._choosable(here))
        if not names:
            raise ConfigurationError(
                _("{name} has no models.", name=here.name), _("Load one there, or name it with -m.")
            )
        return next((name for name in names if "qwen" in name.lower()), names[0])

    def window(self, here: Endpoint, model: str) -> int | None:
        """How many tokens the model reads and writes at most, where that is known.

        A local server is asked for it, and not waited for: it is advice.
        """
        if here.dialect.service:
            return lookup(model).window
        url = here.base_url
        if url not in self._listed and time.monotonic() >= self._not_before.get(url, 0.0):
            try:
                self.fetch(here, ADVICE)
            except QwenError:  # what concerns the question as well, such as a missing key, is told by that
                self._not_before[url] = time.monotonic() + AGAIN
        return self._listed.get(url, {}).get(model)

    def _choosable(self, here: Endpoint) -> dict[str, int | None]:
        """The models of a local server. Raises what says how to go on where there is no list of them."""
        try:
            return self.fetch(here)
        except QwenError as error:
            if isinstance(error, KeyRejected | AccessDenied | NoKey) or type(error) is ConnectionFailed:
                raise
            raise ConfigurationError(
                _("{name} does not say which models it has: {happened}", name=here.name, happened=error.happened),
                _("Name one with -m."),
            ) from error


def _window_of(row: JSONObject) -> int | None:
    """A model's window in a listing: vLLM calls it `max_model_len`, llama-server `meta.n_ctx`."""
    return count(row.get("max_model_len")) or count(mapping(row.get("meta")).get("n_ctx")) or None
