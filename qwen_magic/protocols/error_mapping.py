"""Maps the errors that a server reports to this package's exceptions: by code, by message, by HTTP status.

Reads the bodies of responses with status 400 and above (JSON of either protocol, the same in `data:` lines, FastAPI's
`detail`, a proxy's HTML) and error frames in a stream that began with status 200. The table of codes is the service's
"Error codes" page (May 2026), in both protocols' spellings. Not for errors of the network: `service/network_errors`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from itertools import chain
from time import time
from typing import Any

from ..core import errors
from ..core.errors import NotTheService, QwenError, ServiceError
from ..core.translatable import _
from .lenient_json import mapping, parsed, word

__all__ = [
    "AGAIN",
    "PROXY",
    "looks_like_html",
    "not_the_service",
    "refusal",
    "refusal_in_event",
    "refusal_in_stream",
    "retry_after",
]

# The longest part of a server's message that an error shows, in characters. Ours.
LONGEST = 300
# The part of a message that the patterns are applied to, in characters: their time is quadratic in it. Ours.
SEARCHED = 2_000

PROXY = _("Something between here and the service answered: look at the proxy settings and at the endpoint's URL.")
KEY = _(
    "Check the key, and that it belongs to this region and plan: %qwen login stores another, %qwen use changes region."
)
MODELS = _("%qwen models lists what this endpoint has.")
LATER = _("Wait a minute and run the cell again.")
SHORTEN = _(
    "Shorten the question or its attachments, start afresh with %qwen reset, or take a model with a larger window."
)
REPHRASE = _("Rephrase the question, or leave out what the filter objects to.")
BILL = _("Pay the bill in the service's console.")
GRANT = _("Activate the service, and grant the key's workspace this model.")
SMALLER = _("The request is too large: attach fewer or smaller files (-f, -i).")
FIELDS = _("%%qwen --dry-run shows the request as it is sent; --set NAME=VALUE changes a field of it, -m the model.")
AGAIN = _("Run the cell again; if it comes back, %qwen doctor looks for the cause.")

_Row = tuple[type[ServiceError], str]
# For a code that stands for many causes: the message decides.
VAGUE: _Row = (errors.InvalidRequest, FIELDS)

# code, in lower case and without underscores, which is where the protocols' spellings differ -> (error, what to do)
CODES: dict[str, _Row] = {
    "invalidapikey": (errors.KeyRejected, KEY),
    "authenticationerror": (errors.KeyRejected, KEY),
    "datainspectionfailed": (errors.ContentFiltered, REPHRASE),
    "customroleblocked": (errors.ContentFiltered, _("Change the system prompt (-s) or the question.")),
    "faqruleblocked": (errors.ContentFiltered, REPHRASE),
    "ipinfringementsuspect": (
        errors.ContentFiltered,
        _("Rephrase the question, or leave out what may belong to somebody else."),
    ),
    "arrearage": (errors.AccountOverdue, _("Top up the account in the service's console.")),
    "prepaidbilloverdue": (errors.AccountOverdue, BILL),
    "postpaidbilloverdue": (errors.AccountOverdue, BILL),
    "commoditynotpurchased": (errors.AccountOverdue, _("Activate the service in its console.")),
    "accessdenied": (errors.AccessDenied, GRANT),
    "accessdenied.unpurchased": (errors.AccessDenied, _("Activate the service in its console.")),
    "model.accessdenied": (
        errors.AccessDenied,
        _("Grant the key's workspace this model, or choose another one with -m."),
    ),
    "workspace.accessdenied": (errors.AccessDenied, _("Use a key of a workspace that may use this model.")),
    "endpoint.accessdenied": (
        errors.AccessDenied,
        _("Choose another model with -m, or another endpoint with %qwen use."),
    ),
    "allocationquota.freetieronly": (
        errors.AccessDenied,
        _("The free tier is used up: allow paid use in the console."),
    ),
    # The relay's own (`qwen_magic.relay`).
    "answerbrokenoff": (errors.ServiceUnavailable, errors.CUT),
    "modelnotfound": (errors.ModelNotFound, MODELS),
    "modelnotsupported": (
        errors.ModelNotFound,
        _("Try --protocol dashscope, or another model: {models}", models=MODELS),
    ),
    "throttling": (errors.RateLimited, LATER),
    "limitrequests": (errors.RateLimited, LATER),
    "throttling.burstrate": (errors.RateLimited, _("Wait a minute, and then ask more slowly.")),
    "limitburstrate": (errors.RateLimited, _("Wait a minute, and then ask more slowly.")),
    "insufficientquota": (errors.RateLimited, LATER),
    "invalidparameter": VAGUE,
    "invalidparametererror": VAGUE,
    "invalidrequesterror": VAGUE,
    "badrequest": VAGUE,
    "badrequest.toolarge": (errors.InvalidRequest, SMALLER),
    "clientdisconnect": (errors.ServiceError, _("The way to the service broke off: run the cell again.")),
    "exceedcontextsizeerror": (errors.ContextTooLong, SHORTEN),
    "contextlengthexceeded": (errors.ContextTooLong, SHORTEN),
    "internalerror": (errors.ServiceUnavailable, LATER),
    "systemerror": (errors.ServiceUnavailable, LATER),
    "modelservicefailed": (errors.ServiceUnavailable, LATER),
    "requesttimeout": (errors.ServiceUnavailable, LATER),
    "modelservingerror": (errors.ServiceUnavailable, LATER),
    "modelunavailable": (errors.ServiceUnavailable, LATER),
}

# Messages that are more specific than their code. A file's name has up to 255 characters.
MESSAGES: tuple[tuple[re.Pattern[str], type[ServiceError], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), error, remedy)
    for pattern, error, remedy in (
        (r"Range of input length|maximum context length|context size|token length exceed", errors.ContextTooLong,
         SHORTEN),
        # LiteLLM's proxy answers so with 400 (its `proxy/route_llm_request.py`).
        (r"Invalid model name", errors.ModelNotFound, MODELS),
        # llama-cpp-python answers 500 to what FastAPI found wrong in a request, in pydantic's words.
        (r"'loc': \('body'|\bvalidation errors?\b", errors.InvalidRequest, FIELDS),
        (r"File parsing in progress", errors.FileNotReady, LATER),
        (r"Invalid file \[id:|File \[id:.{0,300}cannot be found", errors.FileGone,
         _("Run the cell again to upload it anew.")),
        (r"File .{0,300}format is not supported", errors.InvalidRequest,
         _("Save it as PDF, DOCX, XLSX, CSV or plain text, and attach that with -f.")),
        (r"File .{0,300}exceeds size limit", errors.InvalidRequest,
         _("Attach a part of it with -f: the service reads documents up to 150 MB, and images up to 20 MB.")),
        (r"File .{0,300}exceeds page limits?", errors.InvalidRequest,
         _("Attach a part of it with -f, in fewer pages.")),
        (r"File .{0,300}content blank", errors.InvalidRequest,
         _("Attach a file with text in it (-f), or the pages of a scan as images (-i).")),
        (r"Too many files provided", errors.InvalidRequest,
         _("Attach fewer files with -f, or start afresh with %qwen reset; -m qwen-long reads up to "
"100 at once.")),
        (r"image length and width", errors.InvalidRequest,
         _("Attach another image with -i: over 10 pixels on each side, and at most 200 times as "
"long as wide.")),
        (r"max bytes per data-uri", errors.InvalidRequest, _("Attach a smaller image with -i: less than 7 MB.")),
        (r"Failed to download multimodal content", errors.InvalidRequest,
         _("Download the image, and attach the file with -i.")),
        (r"access token|api.?key", errors.KeyRejected, KEY),
        (r"Unexpected item type in content|image input is not supported", errors.InvalidRequest,
         _("This model does not see images: choose one that does, such as -m qwen3-vl-plus.")),
        (r"url error", errors.InvalidRequest,
         _("The native protocol has this model elsewhere: try --protocol compatible.")),
        (r"only support stream", errors.InvalidRequest, _("This model only streams: leave out --set stream=false.")),
        (r"Json mode response", errors.InvalidRequest, _("Ask with --no-think, or leave out --set response_format.")),
        (r"enable_thinking", errors.InvalidRequest, _("Leave out --think or --no-think, or choose another model.")),
    )
)  # fmt: skip


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> QwenError:
    """The error for a response whose HTTP status is 400 or more.

    Args:
        status: the HTTP status.
        headers: the response's headers; looked up by lower-case names.
        body: the response's body, of any form, possibly cut.

    Returns:
        a `ServiceError` of the class that fits, or `NotTheService` for a web page.
    """
    text = body.decode("utf-8", "replace").strip()
    report = _json_in(text)
    if report is None and looks_like_html(headers, text):
        return not_the_service(status, text)
    message = _message_in(report) or text or f"HTTP {status} without a word"
    return _service_error(
        status,
        _code_in(report),
        message,
        request_id=word((report or {}).get("request_id")) or headers.get("x-request-id", ""),
        wait=retry_after(headers.get("retry-after")),
    )


def refusal_in_stream(frame: Mapping[str, Any]) -> ServiceError | None:
    """The error in a frame of a stream, or `None` for a frame of an answer.

    The compatible protocol has it under `error`, the native one as `code` and `message` without an `output`.
    """
    if not frame.get("error") and (not frame.get("code") or frame.get("output") or frame.get("choices")):
        return None
    return _midway(frame, "")


def refusal_in_event(data: str) -> ServiceError:
    """The error in the data of a server-sent event named `error`, also where the data is not JSON."""
    return _midway(_json_in(data) or {}, data)


def _midway(report: Mapping[str, Any], otherwise: str) -> ServiceError:
    """The error for a report inside a stream. A code of three digits is taken as an HTTP status."""
    number = word((mapping(report.get("error")) or report).get("code"))
    return _service_error(
        int(number) if number.isdecimal() and len(number) == 3 else 0,
        _code_in(report),
        _message_in(report) or otherwise or "no reason given",
        request_id=word(report.get("request_id")),
    )


def retry_after(value: str | None) -> float | None:
    """The seconds to wait by a `Retry-After` header: a number or a date (RFC 9110, 10.2.3). `None` for neither."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except (ValueError, OverflowError):
        return None


def _service_error(
    status: int, code: str, message: str, *, request_id: str = "", wait: float | None = None
) -> ServiceError:
    """The error for a report of the service. `message` is shortened; `wait` is its `Retry-After` in seconds."""
    error, remedy = _classified(status, code, message)
    message = _shortened(message)
    ended = message.endswith((".", "!", "?", "。", "！"))
    happened = (
        _("The service said: {message}", message=message)
        if ended
        else _("The service said: {message}.", message=message)
    )
    return error(happened, remedy, status=status, code=code, request_id=request_id, retry_after=wait)


def _classified(status: int, code: str, message: str) -> _Row:
    """The class of the error and its advice: by the code if that is specific, else by the message, else by `status`.

    `status` is 0 inside a stream.
    """
    by_code = _row_of(code)
    if by_code and by_code is not VAGUE:
        return by_code
    if status in (0, 400, 401, 403, 404, 413, 422, 500):
        for pattern, error, remedy in MESSAGES:
            if pattern.search(message[:SEARCHED]):
                return error, remedy
    if by_code and status in (0, 400, 500):
        return by_code
    return BY_STATUS.get(status) or BY_STATUS[500 if status >= 500 else 400]


def _row_of(code: str) -> _Row | None:
    """The table's row for a code, else for its end, else for its beginning: `InternalError.Algo.InvalidParameter`."""
    words = code.lower().replace("_", "").split(".")
    ends = (words[first:] for first in range(len(words)))
    beginnings = (words[:last] for last in range(len(words) - 1, 0, -1))
    return next((CODES[name] for name in map(".".join, chain(ends, beginnings)) if name in CODES), None)


BY_STATUS: dict[int, _Row] = {
    0: (errors.ServiceError, AGAIN),
    400: (errors.InvalidRequest, FIELDS),
    401: (errors.KeyRejected, KEY),
    403: (errors.AccessDenied, GRANT),
    404: (errors.ModelNotFound, _("Check the endpoint's URL and the model's name: {models}", models=MODELS)),
    413: (errors.InvalidRequest, SMALLER),
    429: (errors.RateLimited, LATER),
    500: (errors.ServiceUnavailable, LATER),
}


def _json_in(text: str) -> Mapping[str, Any] | None:
    """The error report in a body: the body itself, or its first `data:` line that holds one."""
    for candidate in (text, *(line[5:] for line in text.splitlines() if line.startswith("data:"))):
        try:
            report = parsed(candidate)
        except ValueError:
            continue
        if isinstance(report, Mapping):
            return report
    return None


def _message_in(report: Mapping[str, Any] | None) -> str:
    if report is None:
        return ""
    error = report.get("error")
    inner = mapping(error)
    message = inner.get("message") or (error if isinstance(error, str) else "") or report.get("message")
    return str(message or report.get("detail") or "")


def _code_in(report: Mapping[str, Any] | None) -> str:
    """The code in a report. Where that is a number (llama.cpp, vLLM), the error's type, which is more specific."""
    if report is None:
        return ""
    inner = mapping(report.get("error")) or report
    code = inner.get("code")
    if isinstance(code, str) and code and not code.isdigit():
        return word(code)
    kind = word(inner.get("type"))
    return kind if kind and _row_of(kind) else word(code) or kind


def looks_like_html(headers: Mapping[str, str], text: str) -> bool:
    return "html" in headers.get("content-type", "").lower() or text[:15].lower().startswith(("<!doctype", "<html"))


def not_the_service(status: int, text: str) -> NotTheService:
    title = re.search(r"<title[^<>]*>([^<]*)", text, re.IGNORECASE)
    happened = (
        _(
            "A web page came back instead of an answer (HTTP {status}, titled {title!r}).",
            status=status,
            title=_shortened(title[1]),
        )
        if title
        else _("A web page came back instead of an answer (HTTP {status}).", status=status)
    )
    error = NotTheService(happened, PROXY)
    error.transient = status >= 500
    return error


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
