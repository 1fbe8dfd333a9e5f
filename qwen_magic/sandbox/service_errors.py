"""The service's errors: its codes in both protocols, and the JSON of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Refusal", "wrong"]


@dataclass(frozen=True, slots=True)
class _ErrorKind:
    """An error's HTTP status, and its type and code in the compatible protocol."""

    status: int
    code: str | None
    type: str = "invalid_request_error"


# By the native code; from the service's pages of error codes, May 2026.
KINDS: Mapping[str, _ErrorKind] = {
    "InvalidParameter": _ErrorKind(400, "invalid_parameter_error"),
    "InvalidFile": _ErrorKind(400, None),
    "BadRequest.TooLarge": _ErrorKind(400, "BadRequest.TooLarge"),
    "DataInspectionFailed": _ErrorKind(400, "data_inspection_failed", "data_inspection_failed"),
    "Arrearage": _ErrorKind(400, "Arrearage", "Arrearage"),
    "InvalidApiKey": _ErrorKind(401, "invalid_api_key"),
    "AccessDenied": _ErrorKind(403, "access_denied", "access_denied"),
    "AllocationQuota.FreeTierOnly": _ErrorKind(403, "AllocationQuota.FreeTierOnly", "AllocationQuota.FreeTierOnly"),
    "NotFound": _ErrorKind(404, "not_found"),
    "ModelNotFound": _ErrorKind(404, "model_not_found"),
    "Throttling.RateQuota": _ErrorKind(429, "limit_requests", "limit_requests"),
    "Throttling.AllocationQuota": _ErrorKind(429, "insufficient_quota", "insufficient_quota"),
    "PrepaidBillOverdue": _ErrorKind(429, "PrepaidBillOverdue", "PrepaidBillOverdue"),
    "InternalError": _ErrorKind(500, "internal_error", "internal_error"),
    "ModelUnavailable": _ErrorKind(503, "ModelUnavailable", "internal_error"),
}


class Refusal(Exception):
    """An error of the service.

    `code` is the native one. `by_model`: the model refuses, and not the gateway before it; the native protocol then
    answers a request for a stream with HTTP 200 and an error event. `signed`: the message begins with the algorithm's
    own code. `framed`: the body of the HTTP error has the form of a stream. `param` is null in all captured errors of
    questions; the Files API names a field.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        by_model: bool = False,
        signed: bool = False,
        framed: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.param, self.by_model = code, message, param, by_model
        self.signed, self.framed, self.headers = signed, framed, headers or {}

    @property
    def status(self) -> int:
        return KINDS[self.code].status

    def compatible(self, request_id: str) -> dict[str, Any]:
        kind = KINDS[self.code]
        # The algorithm behind the provider signs its messages like this; seen in answers of the service.
        message = f"<400> InternalError.Algo.InvalidParameter: {self.message}" if self.signed else self.message
        error = {"message": message, "type": kind.type, "param": self.param, "code": kind.code}
        own = {"id": f"chatcmpl-{request_id}"} if self.by_model else {}
        return {"error": error, **own, "request_id": request_id}

    def native(self, request_id: str) -> dict[str, Any]:
        code = "InvalidParameter" if self.code == "InvalidFile" else self.code
        return {"code": code, "message": self.message, "request_id": request_id}


def wrong(message: str) -> Refusal:
    """The refusal of a model that cannot process its input."""
    return Refusal("InvalidParameter", message, by_model=True, signed=True)
