"""Translates httpx2's exceptions into this package's, for the sync client and the async one.

Not for errors that a server reports in an HTTP response: that is `qwen_magic.protocols.error_mapping`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx2

from ..core.errors import (
    CertificateError,
    ConfigurationError,
    ConnectionFailed,
    NoAnswer,
    NotTheService,
    QwenError,
    StreamCut,
    StreamGarbled,
)
from ..core.translatable import _
from ..protocols.error_mapping import PROXY
from .timeouts import Timeouts

__all__ = ["NetworkErrors"]

_ROUTE = _("Check the network, the proxy settings and the endpoint (%qwen use).")
_CERTIFICATE = _("Behind a company's proxy, set SSL_CERT_FILE to its CA bundle.")


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class NetworkErrors:
    """Translates httpx2's errors for one request to `url`.

    `expired` returns whether a deadline of this package has ended the request, which httpx2's errors do not show.
    """

    url: httpx2.URL
    timeouts: Timeouts
    expired: Callable[[], bool] = _never

    @property
    def where(self) -> str:
        """The host and port, for messages."""
        return f"{self.url.host}:{self.url.port}" if self.url.port else self.url.host

    @contextmanager
    def translated(self, *, midway: bool = False) -> Iterator[None]:
        """Raise this package's errors for httpx2's in the block, also around an `await`. `midway`: an answer had begun.

        The frames of the original errors are dropped: their local variables hold the request with its key, which tools
        that show local variables (rich, Sentry) would display.
        """
        try:
            yield
        except httpx2.HTTPError as error:
            _forget_frames(error)
            raise (self.silence() if self.expired() else self._ours(error, midway)) from None
        except (httpx2.InvalidURL, UnicodeError) as error:
            raise ConfigurationError(_("The endpoint's URL cannot be used: {error}.", error=error)) from None
        except KeyboardInterrupt as error:
            _forget_frames(error)
            raise
        if self.expired():  # what was shut down may look like an end
            raise self.silence()

    def silence(self) -> QwenError:
        """The error for an answer that did not arrive in time."""
        """The error of a request that nothing has come for."""
        return NoAnswer(
            _("{where} has sent nothing for {idle:g} s.", where=self.where, idle=self.timeouts.idle),
            _("Run the cell again."),
        )

    def _ours(self, error: httpx2.HTTPError, midway: bool) -> QwenError:
        reason = " ".join(str(error).split()) or type(error).__name__
        match error:
            case httpx2.ConnectTimeout():
                return ConnectionFailed(
                    _(
                        "No connection to {where} within {connect:g} s.",
                        where=self.where,
                        connect=self.timeouts.connect,
                    ),
                    _ROUTE,
                )
            case httpx2.ReadTimeout() | httpx2.WriteTimeout() | httpx2.PoolTimeout():
                return self.silence()
            case httpx2.ConnectError() if "CERTIFICATE" in reason.upper():
                return CertificateError(
                    _("The certificate of {where} could not be verified ({reason}).", where=self.where, reason=reason),
                    _CERTIFICATE,
                )
            case httpx2.ProxyError():
                return ConnectionFailed(
                    _("The proxy did not let us through to {where} ({reason}).", where=self.where, reason=reason),
                    _ROUTE,
                )
            case httpx2.ConnectError():
                return ConnectionFailed(
                    _("No connection to {where} ({reason}).", where=self.where, reason=reason), _unreachable(self.url)
                )
            case httpx2.DecodingError():
                return StreamGarbled(
                    _("What {where} sent could not be unpacked ({reason}).", where=self.where, reason=reason), PROXY
                )
            case httpx2.UnsupportedProtocol():
                return NotTheService(_("{where} cannot be asked ({reason}).", where=self.where, reason=reason), PROXY)
        if midway:
            return StreamCut(
                _("The connection to {where} broke in mid-answer ({reason}).", where=self.where, reason=reason)
            )
        return ConnectionFailed(
            _(
                "The connection to {where} broke before anything was answered ({reason}).",
                where=self.where,
                reason=reason,
            ),
            _ROUTE,
        )


def _forget_frames(error: BaseException) -> None:
    error.__traceback__ = error.__cause__ = error.__context__ = None


def _unreachable(url: httpx2.URL) -> str:
    """The remedy when the connection fails: for a local server, start it."""
    if url.host in ("localhost", "127.0.0.1", "::1"):
        return _("Is the server running, and on this port?")
    return _ROUTE
