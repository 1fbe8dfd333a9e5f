"""How the relay itself says no: in the service's own JSON, so that every client raises what it always raises."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from tornado.web import HTTPError

from .routes import Form
from .upstream import Kind

__all__ = ["Refused", "broken_off", "said"]


@dataclass(frozen=True, slots=True)
class _Code:
    """The service's words for a status, in both of its protocols (its docs, "Error codes")."""

    native: str
    compatible: str


CODES = {
    400: _Code("InvalidParameter", "invalid_parameter_error"),
    401: _Code("InvalidApiKey", "invalid_api_key"),
    403: _Code("AccessDenied", "access_denied"),
    404: _Code("NotFound", "not_found"),
    405: _Code("NotFound", "method_not_allowed"),
    413: _Code("BadRequest.TooLarge", "BadRequest.TooLarge"),
    429: _Code("Throttling.RateQuota", "limit_requests"),
    503: _Code("ModelUnavailable", "ModelUnavailable"),
}
OTHER = _Code("InternalError", "internal_error")
# Our own: `qwen_magic.protocols.error_mapping` has it in its table.
BROKEN_OFF = _Code("AnswerBrokenOff", "answer_broken_off")

WORDS = {
    401: "Jupyter does not know this token. Give one of the Jupyter server or the hub, not a key of the service.",
}


class Refused(HTTPError):
    """The relay says no. `retry_after` is in seconds; `allow` names the methods that a path has."""

    def __init__(self, status: int, message: str, *, retry_after: float = 0.0, allow: tuple[str, ...] = ()) -> None:
        super().__init__(status, "%s", message)
        self.message = message
        self.retry_after = retry_after
        self.allow = allow


def said(status: int, error: BaseException | None, form: Form, request_id: str) -> str:
    """The body of a refusal."""
    message = error.message if isinstance(error, Refused) else WORDS.get(status) or HTTPStatus(status).phrase
    return _report(status, CODES.get(status, OTHER), message, form, request_id)


def broken_off(message: str, kind: Kind, form: Form, request_id: str) -> str:
    """The end of a stream, or of JSON, that cannot go on; whatever half of JSON stands before it, it is none with this.

    Closing the connection is not enough: JupyterHub's standard proxy does not pass that on, and the caller waits.
    """
    body = _report(502, BROKEN_OFF, message, form, request_id)
    if kind == "json":
        return f"\n{body}\n"
    return f"event:error\n:HTTP_STATUS/502\ndata:{body}\n\n" if form == "native" else f"data: {body}\n\n"


def _report(status: int, code: _Code, message: str, form: Form, request_id: str) -> str:
    if form == "native":
        return json.dumps({"code": code.native, "message": message, "request_id": request_id})
    kind = "invalid_request_error" if status < 500 else "internal_error"
    error_object = {"message": message, "type": kind, "param": None, "code": code.compatible}
    return json.dumps({"error": error_object, "request_id": request_id})
