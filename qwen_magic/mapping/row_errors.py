"""Which errors concern one row, which every row, and how often a row is asked again. Not for the pause in between."""

from __future__ import annotations

from ..core.errors import (
    AccessDenied,
    AccountOverdue,
    CertificateError,
    ConfigurationError,
    ConnectionFailed,
    ContextTooLong,
    InvalidRequest,
    KeyRejected,
    ModelNotFound,
    NotTheService,
    QwenError,
    RateLimited,
    SchemaMismatch,
    ServiceUnavailable,
)
from ..service.retries import wait_before_next

__all__ = ["RowErrors", "wait_before_row"]

# These fail every row alike.
OF_EVERY_ROW = (
    AccessDenied,
    AccountOverdue,
    CertificateError,
    ConfigurationError,
    KeyRejected,
    ModelNotFound,
    NotTheService,
)
# These may be of one row or of every row, and so many in a row are taken for the latter; ours.
ALIKE: dict[type[QwenError], int] = {
    InvalidRequest: 3,
    ConnectionFailed: 10,
    SchemaMismatch: 20,
    ServiceUnavailable: 50,
    RateLimited: 50,
}
# A row that is refused for the rate is asked so often: the limits "usually clear within a minute" (the service's docs,
# "Rate limits"), and with the pauses of the limiter this is some two minutes.
RATE_ATTEMPTS = 10


def wait_before_row(attempt: int, error: QwenError) -> float | None:
    """Seconds to wait before a row is asked again, or `None` when it is not. After a refusal for the rate: none.

    The limiter pauses all rows then.
    """
    if isinstance(error, RateLimited):
        return 0.0 if error.transient and attempt < RATE_ATTEMPTS else None
    return wait_before_next(attempt, error)


class RowErrors:
    """Counts failures of rows, to notice those that fail every row."""

    def __init__(self) -> None:
        self._kind: type[QwenError] | None = None
        self._count = 0

    def answered(self) -> None:
        """A row was answered."""
        self._kind, self._count = None, 0

    def ends(self, error: QwenError) -> bool:
        """Whether the failure of a row, for good, ends the map."""
        if isinstance(error, OF_EVERY_ROW):
            return True
        if isinstance(error, RateLimited) and not error.transient:
            return True
        kind = None if isinstance(error, ContextTooLong) else _kind_of(error)
        self._count = self._count + 1 if kind is self._kind else 1
        self._kind = kind
        return kind is not None and self._count >= ALIKE[kind]


def _kind_of(error: QwenError) -> type[QwenError] | None:
    return next((kind for kind in ALIKE if isinstance(error, kind)), None)
