"""Sends a request and returns the response, or raises its error: shared by `client` and `answer_stream`.

`keywords_of`, `moved` and `json_object` do no I/O; the async client uses them, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ..core.errors import ConfigurationError, NotTheService
from ..core.translatable import _
from ..protocols import HttpRequest
from ..protocols.error_mapping import PROXY, looks_like_html, not_the_service, refusal
from ..protocols.lenient_json import JSONObject, parsed
from .connection import Connection, Response
from .endpoints import Endpoint

__all__ = ["LARGEST_REFUSAL", "exchange", "json_object", "keywords_of", "moved"]

# The part of an error's body that is read, in bytes. Ours.
LARGEST_REFUSAL = 256 * 1024
# The part of an unreadable response that an error shows, in characters. Ours.
SHOWN = 80


@contextmanager
def exchange(connection: Connection, endpoint: Endpoint, request: HttpRequest) -> Iterator[Response]:
    """Send a request, and yield the response once its headers have arrived.

    Raises `ServiceError` or `NotTheService` for a status of 400 or more, and `ConfigurationError` for a redirect.
    """
    url = endpoint.url(request.path)
    keywords = keywords_of(request)
    with connection.send(request.method, url, endpoint.authorization(), request.headers, **keywords) as response:
        if response.redirect:
            raise moved(url, response.redirect)
        if response.status >= 400:
            raise refusal(response.status, response.headers, response.read(LARGEST_REFUSAL))
        yield response


def keywords_of(request: HttpRequest) -> dict[str, Any]:
    """The keywords of httpx2's `build_request` for a request. Equal requests give equal bytes."""
    if request.body is None:
        return dict(request.options)
    text = json.dumps(request.body, ensure_ascii=False, separators=(",", ":"))
    return {**request.options, "content": text.encode("utf-8", "replace")}


def moved(url: str, location: str) -> ConfigurationError:
    """The error for an endpoint at `url` that redirects to `location`."""
    return ConfigurationError(
        _("{url} has moved to {location}.", url=url, location=location),
        _("Nothing was sent there: %qwen use the new URL."),
    )


def json_object(content: bytes, status: int, headers: Mapping[str, str], url: str) -> JSONObject:
    """The JSON object in the body of a response. Raises `NotTheService` for anything else."""
    text = content.decode("utf-8-sig", "replace")
    with suppress(ValueError):
        reply = parsed(text)
        if isinstance(reply, Mapping):
            return reply
    if looks_like_html(headers, text := content.decode("utf-8", "replace").strip()):
        raise not_the_service(status, text)
    said = f"{text[:SHOWN]!r}" if text else "nothing"
    raise NotTheService(_("{url} answers with {said} where a JSON object should be.", url=url, said=said), PROXY)
