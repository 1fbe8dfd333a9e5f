"""What a server says when it says no, turned into this package's errors.

Reads the bodies of refused requests (JSON of either protocol, the same in `data:` lines, FastAPI's `detail`, a
proxy's HTML) and the error frames inside a stream that began with 200. The table of codes is the service's own
"Error codes" page (May 2026), in both spellings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from .. import errors
from ..errors import NotTheService, QwenError, ServiceError
from .loose import mapping

__all__ = ["PROXY", "refusal", "refusal_in_stream", "retry_after"]

# The longest piece of a server's message that is worth a person's time, in characters.
LONGEST = 300

PROXY = "Something between here and the service answered: look at the proxy settings and at the endpoint's URL."
KEY = (
    "Check the key, and that it belongs to this region and plan: %qwen login stores another, %qwen use changes region."
)
MODELS = "%qwen models lists what this endpoint has."
LATER = "Wait a minute and run the cell again."
SHORTEN = (
    "Shorten the question or its attachments, start afresh with %qwen reset, or take a model with a larger window."
)

# code (lower case, either spelling) -> (error, what to do)
CODES: dict[str, tuple[type[ServiceError], str]] = {
    "invalidapikey": (errors.KeyRejected, KEY),
    "invalid_api_key": (errors.KeyRejected, KEY),
    "authentication_error": (errors.KeyRejected, KEY),
    "datainspectionfailed": (errors.ContentFiltered, "Rephrase the question, or leave out what the filter objects to."),
    "data_inspection_failed": (
        errors.ContentFiltered,
        "Rephrase the question, or leave out what the filter objects to.",
    ),
    "arrearage": (errors.AccountOverdue, "Top up the account in the service's console."),
    "prepaidbilloverdue": (errors.AccountOverdue, "Pay the bill in the service's console."),
    "postpaidbilloverdue": (errors.AccountOverdue, "Pay the bill in the service's console."),
    "commoditynotpurchased": (errors.AccountOverdue, "Activate the service in its console."),
    "accessdenied": (errors.AccessDenied, "Activate the service, and grant the key's workspace this model."),
    "access_denied": (errors.AccessDenied, "Activate the service, and grant the key's workspace this model."),
    "accessdenied.unpurchased": (errors.AccessDenied, "Activate the service in its console."),
    "model.accessdenied": (errors.AccessDenied, "Grant the key's workspace this model, or choose another one with -m."),
    "workspace.accessdenied": (errors.AccessDenied, "Use a key of a workspace that may use this model."),
    "allocationquota.freetieronly": (errors.AccessDenied, "The free tier is used up: allow paid use in the console."),
    "modelnotfound": (errors.ModelNotFound, MODELS),
    "model_not_found": (errors.ModelNotFound, MODELS),
    "model_not_supported": (errors.ModelNotFound, "Try --protocol dashscope, or another model: " + MODELS),
    "insufficient_quota": (errors.RateLimited, LATER),
    "exceed_context_size_error": (errors.ContextTooLong, SHORTEN),
    "context_length_exceeded": (errors.ContextTooLong, SHORTEN),
}

# Messages that say more than their code does, which is "invalid parameter" for all of them.
MESSAGES: tuple[tuple[re.Pattern[str], type[ServiceError], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), error, remedy)
    for pattern, error, remedy in (
        (r"Range of input length|maximum context length|context size|token length exceed", errors.ContextTooLong,
         SHORTEN),
        (r"File parsing in progress", errors.FileNotReady, LATER),
        (r"Invalid file \[id:|File \[id:.*cannot be found", errors.FileGone, "Run the cell again to upload it anew."),
        (r"access token|api.?key", errors.KeyRejected, KEY),
        (r"Unexpected item type in content|image input is not supported", errors.InvalidRequest,
         "This model does not see images: choose one that does, such as -m qwen3-vl-plus."),
        (r"url error", errors.InvalidRequest,
         "The native protocol has this model elsewhere: try --protocol compatible."),
        (r"only support stream", errors.InvalidRequest, "This model only streams: leave out --set stream=false."),
        (r"enable_thinking", errors.InvalidRequest, "Leave out --think or --no-think, or choose another model."),
    )
)  # fmt: skip


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> QwenError:
    """The error behind a response whose HTTP status is 400 or more.

    `headers` are looked up in lower case; `body` may be of any form, and cut.
    """
    text = body.decode("utf-8", "replace").strip()
    report = json_in(text)
    if report is None and looks_like_html(headers, text):
        return not_the_service(status, text)
    message = message_in(report) or text or f"HTTP {status} without a word"
    return service_error(
        status,
        code_in(report),
        message,
        request_id=str((report or {}).get("request_id") or headers.get("x-request-id") or ""),
        wait=retry_after(headers.get("retry-after")),
    )


def refusal_in_stream(frame: Mapping[str, Any], status: int = 0) -> ServiceError | None:
    """The error that a stream's frame carries instead of an answer, if it does.

    The compatible form has it under `error`, the native one as `code` and `message` beside no `output`.
    """
    if not frame.get("error") and (not frame.get("code") or frame.get("output") or frame.get("choices")):
        return None
    code = code_in(frame)
    if not status and code.isdigit():
        status = int(code)
    return service_error(
        status, code, message_in(frame) or "no reason given", request_id=str(frame.get("request_id") or "")
    )


def retry_after(value: str | None) -> float | None:
    """The seconds that a `Retry-After` header asks for, given as a number or as a date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        return None


def service_error(
    status: int, code: str, message: str, *, request_id: str = "", wait: float | None = None
) -> ServiceError:
    """The class and the advice for what the service said."""
    error, remedy = classified(status, code, message)
    message = shortened(message)
    happened = (
        f"The service said: {message}"
        if message.endswith((".", "!", "?", "。", "！"))
        else f"The service said: {message}."
    )
    return error(happened, remedy, status=status, code=code, request_id=request_id, retry_after=wait)


def classified(status: int, code: str, message: str) -> tuple[type[ServiceError], str]:
    by_code = CODES.get(code.lower())
    if by_code:
        return by_code
    by_message = next(((error, remedy) for pattern, error, remedy in MESSAGES if pattern.search(message)), None)
    if by_message and (status in (0, 400, 401, 403, 404, 500)):
        return by_message
    if code.lower().startswith("throttling"):
        return errors.RateLimited, LATER
    if status == 0 and code.lower().startswith(("invalid", "badrequest")):
        return errors.InvalidRequest, ""
    return BY_STATUS.get(status) or (
        (errors.ServiceUnavailable, LATER) if status >= 500 else (errors.InvalidRequest, "")
    )


BY_STATUS: dict[int, tuple[type[ServiceError], str]] = {
    0: (errors.ServiceUnavailable, LATER),
    401: (errors.KeyRejected, KEY),
    403: (errors.AccessDenied, "Activate the service, and grant the key's workspace this model."),
    404: (errors.ModelNotFound, f"Check the endpoint's URL and the model's name: {MODELS}"),
    413: (errors.InvalidRequest, "The request is too large: attach less, or smaller, files."),
    429: (errors.RateLimited, LATER),
}


def json_in(text: str) -> Mapping[str, Any] | None:
    """The error report in a body: the body itself, or its first `data:` line that holds one."""
    for candidate in (text, *(line[5:] for line in text.splitlines() if line.startswith("data:"))):
        try:
            report = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(report, Mapping):
            return report
    return None


def message_in(report: Mapping[str, Any] | None) -> str:
    if report is None:
        return ""
    error = report.get("error")
    inner = mapping(error)
    message = inner.get("message") or (error if isinstance(error, str) else "") or report.get("message")
    return str(message or report.get("detail") or "")


def code_in(report: Mapping[str, Any] | None) -> str:
    """The service's code; servers that number theirs (llama.cpp, vLLM) tell more by the error's type."""
    if report is None:
        return ""
    inner = mapping(report.get("error")) or report
    code = inner.get("code")
    if isinstance(code, str) and code and not code.isdigit():
        return code
    kind = inner.get("type")
    return str(kind) if kind in CODES else str(code or kind or "")


def looks_like_html(headers: Mapping[str, str], text: str) -> bool:
    return "html" in headers.get("content-type", "").lower() or text[:15].lower().startswith(("<!doctype", "<html"))


def not_the_service(status: int, text: str) -> NotTheService:
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    says = f", titled {shortened(title[1])!r}" if title else ""
    error = NotTheService(f"A web page came back instead of an answer (HTTP {status}{says}).", PROXY)
    error.transient = status >= 500
    return error


def shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
