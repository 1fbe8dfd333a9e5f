"""How Hugging Face and ModelScope serve a file: its URL, their redirects, and their errors.

As in their own clients: huggingface_hub's `file_download.py` and `utils/_http.py`, modelscope_hub's `_download.py` and
`errors.py`. Not for files on the disk: that is `downloads`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from ..core.errors import NotTheService, QwenError, RateLimited, ServiceUnavailable
from ..core.translatable import N_, _
from ..protocols.error_mapping import retry_after
from ..service.connection import Response
from ..service.transport import Transport
from .catalogue import File

__all__ = ["Wanted", "hubs", "opened"]

REDIRECTS = 5
SPAN = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
SHA256 = re.compile(r"[0-9a-f]{64}")
# Hugging Face's quota and the seconds until it is filled up again: `"resolvers";r=0;t=55`.
QUOTA = re.compile(r";\s*r=0\s*;\s*t=(\d+)")
# The types of an error, of a hub, a storage or a login form; a model is never text.
WORDS = re.compile(r"text/|json|xml", re.IGNORECASE)
TITLE = re.compile(r"<(?:title|message)[^<>]*>([^<]*)</", re.IGNORECASE)
LARGEST_REFUSAL, LONGEST_WORDS = 1 << 16, 160

# Hugging Face's `X-Error-Code`, and what it means; also for what others say by the status only.
BY_CODE = {
    "GatedRepo": N_("{host} gives {repository} only to those who log in and have been let in"),
    "RepoNotFound": N_("{host} has no {repository}"),
    "RevisionNotFound": N_("{host} has no such branch of {repository}"),
    "EntryNotFound": N_("{host} has no {file} in {repository}"),
}
BY_STATUS = {
    401: N_("{host} wants a login for {repository}"),
    403: N_("{host} does not give us {repository}"),
    404: N_("{host} has no {file} in {repository}"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a repository, at a hub (see `download_sources`)."""

    hub: str
    repository: str
    file: File

    @property
    def url(self) -> str:
        return self.hub.format(repository=self.repository, file=quote(self.file.name))


def hubs(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The URL templates of a file at the hubs, with `{repository}` and `{file}`; the preferred hub is first.

    HF_ENDPOINT and MODELSCOPE_DOMAIN name mirrors, as for the hubs' own clients (huggingface_hub's `constants.py`,
    modelscope's `hub/utils/utils.py`); a hub with a mirror is preferred.
    """
    domain = environment.get("MODELSCOPE_DOMAIN", "")
    scope = (domain if "://" in domain else f"https://{domain or 'www.modelscope.cn'}").rstrip("/")
    face = environment.get("HF_ENDPOINT", "").rstrip("/") or "https://huggingface.co"
    urls = (
        face + "/{repository}/resolve/main/{file}",
        scope + "/api/v1/models/{repository}/repo?Revision=master&FilePath={file}",
    )
    return urls[::-1] if domain and not environment.get("HF_ENDPOINT") else urls


@contextmanager
def opened(wanted: Wanted, had: int, transport: Transport) -> Iterator[tuple[Response, int]]:
    """Request the file from byte `had` on; yield the response, and the byte at which it begins.

    Requests the hub's link each time, because its links to the storage of large files expire. Sends no key. Raises
    `NotTheService` for another file or a refusal, and `RateLimited` or `ServiceUnavailable` for errors that may pass.
    """
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
    url = wanted.url
    for _redirect in range(REDIRECTS + 1):
        with transport.connection(url) as connection, connection.send("GET", url, headers=headers) as response:
            _check_link(response, wanted, url)
            if not response.redirect:
                yield response, _checked_start(response, wanted, url, had)
                return
            elsewhere = urljoin(url, response.redirect)
        if url.startswith("https:") and not elsewhere.startswith("https:"):
            raise NotTheService(
                _("{url} sends us to {elsewhere}, which is not secure.", url=_host(url), elsewhere=_host(elsewhere))
            )
        url = elsewhere
    raise NotTheService(_("{url} sends us round in circles.", url=_host(wanted.url)))


def _check_link(response: Response, wanted: Wanted, url: str) -> None:
    """Raise `NotTheService` if the hub's headers announce another file: both hubs send its SHA-256."""
    digest = response.headers.get("x-linked-etag", "").removeprefix("W/").strip('"').lower()
    length = response.headers.get("x-linked-size", str(wanted.file.bytes))
    if (SHA256.fullmatch(digest) and digest != wanted.file.sha256) or length != str(wanted.file.bytes):
        raise NotTheService(
            _("{url} has another {name} by now than the one this version knows.", url=_host(url), name=wanted.file.name)
        )


def _checked_start(response: Response, wanted: Wanted, url: str, had: int) -> int:
    """The byte of the file at which the response begins. Raises the errors of `opened`."""
    if response.status not in (200, 206):
        raise _refusal(response, wanted, url)
    span = SPAN.match(response.headers.get("content-range", "")) if response.status == 206 else None
    length = span[2] if span else response.headers.get("content-length")
    if length != str(wanted.file.bytes) and WORDS.search(response.headers.get("content-type", "")):
        raise NotTheService(
            _told(_("{url} sent words instead of {name}", url=_host(url), name=wanted.file.name), response)
        )
    if length not in (None, "*", str(wanted.file.bytes)):
        raise _another(wanted, url, str(length))
    start = int(span[1] or 0) if span else 0
    if start > had:
        raise NotTheService(_("{url} left out a part of {name}.", url=_host(url), name=wanted.file.name))
    return start


def _refusal(response: Response, wanted: Wanted, url: str) -> QwenError:
    """The error for a status of 400 or more."""
    status, code = response.status, response.headers.get("x-error-code", "")
    names = {"host": _host(url), "repository": wanted.repository, "file": wanted.file.name}
    if status == 416 and (span := SPAN.match(response.headers.get("content-range", ""))):
        return _another(wanted, url, span[2])
    if status == 429:
        wait = _wait_of(response.headers)
        happened = (
            _("{url} has had too many requests from here, and wants {wait:.0f} s of rest.", url=_host(url), wait=wait)
            if wait
            else _("{url} has had too many requests from here.", url=_host(url))
        )
        return RateLimited(happened, status=429, retry_after=wait)
    link_expired = status in (403, 410) and _host(url) != _host(wanted.url)
    if status >= 500 or link_expired:
        said = _told(
            _("{url} does not send {name} now (HTTP {status})", url=_host(url), name=wanted.file.name, status=status),
            response,
        )
        return ServiceUnavailable(said, status=status, retry_after=_wait_of(response.headers))
    reason = BY_CODE.get(code) or BY_STATUS.get(status, N_("{host} answered with HTTP {status}"))
    return NotTheService(_told(_(reason, **names, status=status), response))


def _another(wanted: Wanted, url: str, length: str) -> NotTheService:
    return NotTheService(
        _("What {url} has is not {name}: it has {length} bytes.", url=_host(url), name=wanted.file.name, length=length)
    )


def _wait_of(headers: Mapping[str, str]) -> float | None:
    """The seconds that the server asks to wait, or `None`."""
    quota = QUOTA.search(headers.get("ratelimit", ""))
    return retry_after(headers.get("retry-after") or (quota[1] if quota else None))


def _told(happened: str, response: Response) -> str:
    """`happened`, with the server's own message if it sent one."""
    words = " ".join((response.headers.get("x-error-message") or _words_in(response.read(LARGEST_REFUSAL))).split())
    words = words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS]}…"
    return f"{happened}: {words.rstrip('.')}." if words else f"{happened}."


def _words_in(body: bytes) -> str:
    """The message in a hub's JSON, a storage's XML or a page's title."""
    text = body.decode("utf-8", "replace")
    with suppress(ValueError):
        report = json.loads(text)
        found = (report.get(name) for name in ("Message", "message", "error")) if isinstance(report, dict) else ()
        return next((word for word in found if isinstance(word, str)), "")
    title = TITLE.search(text)
    return title[1] if title else ""


def _host(url: str) -> str:
    """The host of a URL. Messages leave out the rest, which may have a signature."""
    return urlsplit(url).netloc
