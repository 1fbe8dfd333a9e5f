"""Everything that can go wrong, in the words of the person who asked.

    QwenError                    catch this to catch them all
    ├── InputError               the question cannot be asked like this; nothing was sent
    ├── ConfigurationError       nobody to ask: endpoint, model or setting
    │   └── NoKey                a key is needed and there is none
    ├── ConnectionFailed         no answer came from the other side
    │   ├── CertificateError     the other side could not be verified
    │   ├── NoAnswer             connected, and then silence
    │   └── NotTheService        something else answered: a proxy's page, a login form
    ├── ServiceError             the service said no; has `status`, `code` and `request_id`
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
    │   └── ServiceUnavailable   the service's own trouble
    └── StreamError              the answer broke off
        ├── StreamCut            it ended without its end
        └── StreamGarbled        it was not what either protocol says

Each has a sentence on what happened and one on what to do. In IPython they are one red line and no traceback, and
the cell fails, so that "Run All" stops there. `Stopped` is none of them: it is the person's own interrupt.
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
    """`text` without any key of the service in it: its last 4 characters stay, to tell one from another."""
    return KEY.sub(lambda key: f"sk-…{key[0][-4:]}" if len(key[0]) > 11 else "sk-…", text)


def clean(text: str) -> str:
    """A message as it may be shown: in one line, and without keys."""
    return redacted(one_line(text))


class QwenError(Exception):
    """What every error of this package is.

    `happened` is a sentence on what happened, `remedy` one on what to do (it may be empty). `transient` is true
    for troubles that are likely to pass, so that a request which has not been answered may be sent again.
    """

    transient = False
    # Said in other languages than English, before what the service says in English.
    introduction: str = ""

    def __init__(self, happened: str, remedy: str = "") -> None:
        self.happened = applied(clean, happened)
        self.remedy = applied(clean, remedy)
        super().__init__(self.happened, self.remedy)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.happened, self.remedy)))

    def in_language(self, language: str = "") -> str:
        """All that it says in `language`, one of `languages.LANGUAGES`; by default in that of what runs now.

        `str` gives the English, for logs and programs.
        """
        language = language or current()
        # What the service says is English, and is introduced to whoever reads something else.
        introduction = "" if language == ENGLISH else self.introduction
        return translated(sentences(introduction, self.happened, self.remedy), language)

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: how the failed cell shows this error."""
        return [f"{RED}{type(self).__name__}{PLAIN}: {self.in_language()}"]


class InputError(QwenError):
    """The question cannot be asked like this. Nothing was sent."""


class ConfigurationError(QwenError):
    """There is nobody to ask: the endpoint, the model or a setting is wrong."""


class NoKey(ConfigurationError):
    """A key is needed and there is none."""


class ConnectionFailed(QwenError):
    """No answer came from the other side: no route, refused, no such host."""

    transient = True


class CertificateError(ConnectionFailed):
    """The other side's certificate could not be verified."""

    transient = False


class NoAnswer(ConnectionFailed):
    """The connection stands, but nothing came for too long."""

    transient = False


class NotTheService(ConnectionFailed):
    """Something else answered in the service's place, such as a proxy with a page of HTML."""

    transient = False


class ServiceError(QwenError):
    """The service said no.

    `status` is the HTTP status (for an error inside a stream, the one that the service names, else 0), `code` the
    service's own word for it and `request_id` what its support asks for; both may be empty. `retry_after` is in
    seconds, where the service named it.
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
    """The service's own trouble: overloaded, restarting, broken."""

    introduction = _("The service is not available at the moment.")

    transient = True


class StreamError(QwenError):
    """The answer broke off. What had arrived is kept, marked, and is never context."""


BROKE_OFF = _("The answer broke off before its end.")
CUT = _("What has arrived is kept, marked: %qwen continue goes on from there.")


class StreamCut(StreamError):
    """The stream ended without its end."""

    def __init__(self, happened: str = BROKE_OFF, remedy: str = CUT) -> None:
        super().__init__(happened, remedy)


class StreamGarbled(StreamError):
    """The stream held something that neither protocol has."""


class SchemaMismatch(QwenError):
    """The answer is not the data that was asked for. Its text is kept."""


class Stopped(KeyboardInterrupt):
    """The person stopped what was being done. The cell ends here, in one line, and so does a loop of questions."""

    def _render_traceback_(self) -> list[str]:
        return [translated(sentences(_("Stopped."), *self.args))]
