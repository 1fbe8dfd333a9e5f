"""The models that an endpoint lists, and the default model of an endpoint.

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
# Seconds to wait for a list of models. Ours: short where the list is only advice; as long as a connection may take
# where a model has to be chosen from it, and where the user asked for it.
ADVICE, LISTING = 2.0, 10.0
# Seconds until a listing that failed is tried again: the server may have been starting. Ours.
AGAIN = 60.0


class ModelListing:
    """The models of one shell's endpoints, by base URL. `client` returns the HTTP client to request them with."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client
        self._listed: dict[str, dict[str, int | None]] = {}
        self._not_before: dict[str, float] = {}

    def fetch(self, here: Endpoint, within: float = LISTING) -> dict[str, int | None]:
        """Request the models of the endpoint. Each has its context window in tokens, or `None` if that is not listed.

        Raises `NoAnswer` without a response within so many seconds, and the errors of the request.
        """
        listing = self._client().call(here.compatible, "GET", "models", within=within)
        found = {name: _window_of(row) for row in rows(listing.get("data")) if (name := word(row.get("id")))}
        self._listed[here.base_url] = found
        return found

    def known(self, here: Endpoint) -> tuple[str, ...]:
        """The models of the endpoint that have been listed, or are in the table; no I/O."""
        return tuple(self._listed.get(here.base_url, ()))

    def default(self, here: Endpoint) -> str:
        """The default model: `TEXT_MODEL` of the service; elsewhere the first Qwen in the list, else the first model.

        Requests a local server's list once. Raises `ConfigurationError` for an empty list.
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
        """The model's context window in tokens, or `None` if it is unknown.

        A local server is asked for it with a short time limit, since it is only advice.
        """
        if here.dialect.service:
            return lookup(model).window
        url = here.base_url
        if url not in self._listed and time.monotonic() >= self._not_before.get(url, 0.0):
            try:
                self.fetch(here, ADVICE)
            except QwenError:  # an error that also concerns the question, such as a missing key, is raised by that
                self._not_before[url] = time.monotonic() + AGAIN
        return self._listed.get(url, {}).get(model)

    def _choosable(self, here: Endpoint) -> dict[str, int | None]:
        """The models of a local server. Raises `ConfigurationError` where it has no list."""
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
