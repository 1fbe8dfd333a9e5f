"""This package's exceptions.

    QwenError                    catch this to catch them all
    ├── InputError               the question is invalid; nothing was sent
    ├── ConfigurationError       an endpoint, a model or a setting is wrong
    │   └── NoKey                a key is needed and there is none
    ├── ConnectionFailed         the server could not be reached
    │   ├── CertificateError     the server's certificate could not be verified
    │   ├── NoAnswer             connected, but no data arrived in time
    │   └── NotTheService        another server answered: a proxy's page, a login form
    ├── ServiceError             the service reported an error; has `status`, `code` and `request_id`
    │   ├── KeyRejected          the key is wrong, or belongs to another region or plan
    │   ├── AccessDenied         the account may not use this
    │   ├── AccountOverdue       the account has to be paid first
    │   ├── ContentFiltered      the content filter stopped the question or the answer
    │   ├── ModelNotFound        no such model here
    │   ├── ContextTooLong       more than the model can read
    │   ├── InvalidRequest       a field is wrong
    │   ├── FileNotReady         an uploaded document is still being read
    │   ├── FileGone             an uploaded document is not there (any more)
    │   ├── RateLimited          too many requests, or too many tokens, in a short time
    │   └── ServiceUnavailable   the service is overloaded, restarting or broken
    ├── StreamError              the answer is incomplete
    │   ├── StreamCut            the stream ended without a finish reason
    │   └── StreamGarbled        the stream does not conform to the protocol
    └── SchemaMismatch           the answer does not fit its schema

Each has a sentence on what happened and one on what to do. In IPython they are one red line without a traceback, and
the cell fails, so that "Run All" stops. `Stopped` is not one of them: it is the user's interrupt.
"""

from __future__ import annotations

import re

from .control_characters import one_line
from .languages import ENGLISH, current, translated
from .translatable import _, applied, sentences

__all__ = [
    "BROKE_OFF",
    "CUT",
    "AccessDenied",
    "AccountOverdue",
    "CertificateError",
    "ConfigurationError",
    "ConnectionFailed",
    "ContentFiltered",
    "ContextTooLong",
    "FileGone",
    "FileNotReady",
    "InputError",
    "InvalidRequest",
    "KeyRejected",
    "ModelNotFound",
    "NoAnswer",
    "NoKey",
    "NotTheService",
    "QwenError",
    "RateLimited",
    "SchemaMismatch",
    "ServiceError",
    "ServiceUnavailable",
    "Stopped",
    "StreamCut",
    "StreamError",
    "StreamGarbled",
    "clean",
    "redacted",
]

RED, PLAIN = "\x1b[31m", "\x1b[0m"


# Keys of the service: sk-…, sk-ws-…, sk-sp-… (its docs, "Base URL and API key").
KEY = re.compile(r"\bsk-[A-Za-z0-9_.\-]{3,}[A-Za-z0-9]")


def redacted(text: str) -> str:
    """`text` with every key of the service replaced by its last 4 characters, which tell keys apart."""
    return KEY.sub(lambda key: f"sk-…{key[0][-4:]}" if len(key[0]) > 11 else "sk-…", text)


def clean(text: str) -> str:
    """`text` as one line without keys, as every message is shown."""
    return redacted(one_line(text))


class QwenError(Exception):
    """Base class of this package's errors.

    `happened` is a sentence on what happened, `remedy` one on what to do (it may be ""). `transient` is whether the
    same request may succeed later, so that it is repeated if no answer has begun.
    """

    transient = False
    # In other languages than English, the introduction of the service's own English message.
    introduction: str = ""

    def __init__(self, happened: str, remedy: str = "") -> None:
        self.happened = applied(clean, happened)
        self.remedy = applied(clean, remedy)
        super().__init__(self.happened, self.remedy)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.happened, self.remedy)))

    def in_language(self, language: str = "") -> str:
        """The whole message in `language`, one of `languages.LANGUAGES`; by default in the current one.

        `str` gives the English message, for logs and programs.
        """
        language = language or current()
        # The service's own message is English, and gets an introduction in another language.
        introduction = "" if language == ENGLISH else self.introduction
        return translated(sentences(introduction, self.happened, self.remedy), language)

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: how the failed cell shows this error."""
        return [f"{RED}{type(self).__name__}{PLAIN}: {self.in_language()}"]


class InputError(QwenError):
    """The question is invalid. Nothing was sent."""


class ConfigurationError(QwenError):
    """The endpoint, the model or a setting is wrong."""


class NoKey(ConfigurationError):
    """A key is needed and there is none."""


class ConnectionFailed(QwenError):
    """The server could not be reached: no route, connection refused, no such host."""

    transient = True


class CertificateError(ConnectionFailed):
    """The server's certificate could not be verified."""

    transient = False


class NoAnswer(ConnectionFailed):
    """The connection was made, but no data arrived in time."""

    transient = False


class NotTheService(ConnectionFailed):
    """Another server answered in the service's place, such as a proxy with a page of HTML."""

    transient = False


class ServiceError(QwenError):
    """The service reported an error.

    `status` is the HTTP status (for an error inside a stream, the one that its report names, else 0). `code` is the
    service's error code, `request_id` the id that its support asks for; both may be "". `retry_after` is in seconds,
    `None` if the service did not send it.
    """

    introduction = _("The service refused the request.")

    def __init__(
        self,
        happened: str,
        remedy: str = "",
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(happened, remedy)
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after


class KeyRejected(ServiceError):
    """The key is wrong, or belongs to another region or plan."""

    introduction = _("The key is invalid, or belongs to another region or plan.")


class AccessDenied(ServiceError):
    """The account may not use this model or service."""

    introduction = _("This account may not use the model or the service.")


class AccountOverdue(ServiceError):
    """The account has to be paid first."""

    introduction = _("The account has an unpaid bill.")


class ContentFiltered(ServiceError):
    """The service's content filter stopped the question or the answer."""

    introduction = _("The content filter stopped the question or the answer.")


class ModelNotFound(ServiceError):
    """The endpoint has no such model."""

    introduction = _("There is no such model.")


class InvalidRequest(ServiceError):
    """A field of the request is wrong."""


class ContextTooLong(InvalidRequest):
    """The question and its context are more than the model can read."""

    introduction = _("The question and its context are longer than the model can read.")


class FileNotReady(ServiceError):
    """An uploaded document is still being read by the service."""


class FileGone(ServiceError):
    """An uploaded document is not on the service (any more), or belongs to another account."""


class RateLimited(ServiceError):
    """Too many requests, or too many tokens, in a short time."""

    introduction = _("Too many requests in a short time.")

    transient = True


class ServiceUnavailable(ServiceError):
    """The service is overloaded, restarting or broken."""

    introduction = _("The service is not available at the moment.")

    transient = True


class StreamError(QwenError):
    """The answer is incomplete. Its text is kept, marked, and is never context."""


BROKE_OFF = _("The answer broke off before its end.")
CUT = _("What has arrived is kept, marked: %qwen continue goes on from there.")


class StreamCut(StreamError):
    """The stream ended without a finish reason."""

    def __init__(self, happened: str = BROKE_OFF, remedy: str = CUT) -> None:
        super().__init__(happened, remedy)


class StreamGarbled(StreamError):
    """The stream does not conform to the protocol."""


class SchemaMismatch(QwenError):
    """The answer does not fit its schema. Its text is kept."""


class Stopped(KeyboardInterrupt):
    """The user stopped the question. The cell ends with one line, and so does a loop of questions."""

    def _render_traceback_(self) -> list[str]:
        return [translated(sentences(_("Stopped."), *self.args))]
