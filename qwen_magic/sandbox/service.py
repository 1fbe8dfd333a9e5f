"""The sandbox's responses: routes requests by path, checks keys, and reports errors in each protocol."""

from __future__ import annotations

import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from hashlib import sha256
from hmac import compare_digest
from time import time
from typing import Any

from . import compatible_api as compatible
from . import native_api as native
from .batch_api import TEST_ENDPOINT, TEST_MODEL, BatchApi
from .chat_request import Chat
from .check_attachments import look
from .check_messages import check_length, check_messages
from .check_parameters import check_options
from .directives import Play, play
from .embeddings import embed
from .http_exchange import Drop, HttpResponse, ReceivedRequest, compact
from .responder import answer
from .served_models import names
from .service_errors import Refusal
from .storage import Storage
from .streaming import deliver
from .uploaded_files import CompatibleFiles, NativeFiles, TemporaryUploads

__all__ = ["Service", "refused"]

V1, API, AIGC = "/compatible-mode/v1", "/api/v1", "/api/v1/services/aigc"
KEY_START = "sk-"
MODELS_SINCE = 1_700_000_000
WELCOME = "This is the Qwen sandbox: a simulator of Alibaba's Qwen service, not a model.\n"
BAD_GATEWAY = """<html>
<head><title>502 Bad Gateway</title></head>
<body>
<center><h1>502 Bad Gateway</h1></center>
<hr><center>nginx</center>
</body>
</html>
"""

# The directives that refuse a question, and the words of the service for it.
REFUSALS = {
    "sse-400": ("InvalidParameter", "The sandbox was told to refuse this in the frames of a stream."),
    "filter": ("DataInspectionFailed", "Input data may contain inappropriate content."),
    "arrears": ("Arrearage", "Access denied, please make sure your account is in good standing."),
    "unpaid": ("PrepaidBillOverdue", "The prepaid bill is overdue."),
    "quota": (
        "Throttling.AllocationQuota",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "denied": ("AccessDenied", "Access denied."),
    "free-tier": ("AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted."),
    "429": ("Throttling.RateQuota", "Requests rate limit exceeded, please try again later."),
    "500": ("InternalError", "An internal error has occured, please try again later or contact support."),
    "503": ("ModelUnavailable", "Model is unavailable, please try again later."),
}

_Handler = Callable[..., HttpResponse]


class Service:
    """The state between requests: files, batches, and the attempts of each request.

    Requests need `key`; if that is "", any key that begins as the service's.
    """

    def __init__(self, parsing_polls: int = 0, key: str = "") -> None:
        self.key = key
        self.storage = Storage(parsing_polls)
        self.tries: Counter[str] = Counter()
        self.lock = threading.Lock()
        files, native_files, uploads = (
            CompatibleFiles(self.storage),
            NativeFiles(self.storage),
            TemporaryUploads(self.storage),
        )
        batches = BatchApi(self.storage, self.answer_line)
        self.routes: tuple[tuple[str, re.Pattern[str], _Handler], ...] = tuple(
            (method, re.compile(path), handler)
            for method, path, handler in (
                ("POST", f"{V1}/chat/completions", self.compatible_chat),
                ("POST", f"{V1}/embeddings", lambda request: HttpResponse.json(embed(request.body()))),
                ("GET", f"{V1}/models", lambda request: HttpResponse.json(_list_of_models())),
                ("GET", f"{V1}/models/([^/]+)", lambda request, name: HttpResponse.json(_model(name))),
                ("POST", f"{V1}/files", files.upload),
                ("GET", f"{V1}/files", files.list),
                ("GET", f"{V1}/files/([^/]+)", files.get),
                ("GET", f"{V1}/files/([^/]+)/content", files.content),
                ("DELETE", f"{V1}/files/([^/]+)", files.delete),
                ("POST", f"{V1}/batches", batches.create),
                ("GET", f"{V1}/batches", batches.list),
                ("GET", f"{V1}/batches/([^/]+)", batches.get),
                ("POST", f"{V1}/batches/([^/]+)/cancel", batches.cancel),
                ("POST", f"{AIGC}/text-generation/generation", self.text_chat),
                ("POST", f"{AIGC}/multimodal-generation/generation", self.multimodal_chat),
                ("GET", f"{API}/models", _native_models),
                ("GET", f"{API}/uploads", uploads.policy),
                ("POST", f"{API}/files", native_files.upload),
                ("GET", f"{API}/files", native_files.list),
                ("GET", f"{API}/files/([^/]+)", native_files.get),
                ("DELETE", f"{API}/files/([^/]+)", native_files.delete),
                ("POST", "/upload-host", uploads.store),
                ("GET", "/", lambda request: HttpResponse(WELCOME.encode(), content_type="text/plain; charset=utf-8")),
            )
        )

    def respond(self, request: ReceivedRequest) -> HttpResponse:
        """The response to any request; a refusal has the form of the request's protocol."""
        request_id = str(uuid.uuid4())
        try:
            response = self.route(request)
        except Refusal as refusal:
            response = refused(request, refusal, request_id)
        return replace(response, headers={"x-request-id": request_id, **response.headers})

    def route(self, request: ReceivedRequest) -> HttpResponse:
        path = request.path.rstrip("/") or "/"
        matches = [
            (method, found, handler) for method, route, handler in self.routes if (found := route.fullmatch(path))
        ]
        if matches and request.method == "OPTIONS":
            return HttpResponse(b"", 204, headers={"allow": ", ".join(sorted({method for method, _, _ in matches}))})
        if path.startswith((V1, API)):
            _admit(request, self.key)
        asked = "GET" if request.method == "HEAD" else request.method
        for method, found, handler in matches:
            if method == asked:
                return handler(request, *found.groups())
        raise Refusal("NotFound", f"Not found: {request.method} {path}")

    def compatible_chat(self, request: ReceivedRequest) -> HttpResponse:
        chat = compatible.read_chat(request, request.body())
        return self.chat(request, chat, compatible.CompatibleForm)

    def text_chat(self, request: ReceivedRequest) -> HttpResponse:
        return self.chat(request, native.read_chat(request, request.body(), multimodal=False), native.NativeForm)

    def multimodal_chat(self, request: ReceivedRequest) -> HttpResponse:
        return self.chat(request, native.read_chat(request, request.body(), multimodal=True), native.NativeForm)

    def chat(self, request: ReceivedRequest, chat: Chat, form: Callable[..., Any]) -> HttpResponse:
        script = play(chat.question, continued=chat.partial)
        early = self.misbehave(request, script)
        if early:
            return early
        chat = self.checked(chat, request.key)
        reply = answer(chat)
        request_id = str(uuid.uuid4())
        response = deliver(
            reply, form(chat, reply, request_id, counted="no-usage" not in script), script, stream=chat.stream
        )
        return replace(response, headers={"x-request-id": request_id, "x-dashscope-call-provider": "true"})

    def checked(self, chat: Chat, account: str) -> Chat:
        """The question with its attachments. Raises `Refusal`."""
        check_messages(chat)
        check_options(chat)
        chat = replace(chat, seen=look(chat, self.storage, account))
        check_length(chat)
        return chat

    def misbehave(self, request: ReceivedRequest, script: Play) -> HttpResponse | None:
        """The response of a directive that acts before the question is read; `None` without one."""
        for word in ("502", "reset"):
            if word in script and self.fails(request, script, word):
                page = HttpResponse(BAD_GATEWAY.encode(), 502, "text/html")
                return page if word == "502" else HttpResponse((step for step in (Drop(),)), status=0)
        for word, (code, message) in REFUSALS.items():
            if word in script and self.fails(request, script, word):
                framed = word == "sse-400"
                raise Refusal(code, message, headers=_waits(script), by_model=framed, framed=framed)
        return None

    def fails(self, request: ReceivedRequest, script: Play, word: str) -> bool:
        """Whether this attempt fails: the first N of the same request do, or all of them without an N."""
        number = int(script.number(word))
        if not number:
            return True
        with self.lock:
            name = sha256(request.path.encode() + request.raw).hexdigest() + word
            self.tries[name] += 1
            return self.tries[name] <= number

    def answer_line(self, account: str, endpoint: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The answer to one line of a batch."""
        request_id = str(uuid.uuid4())
        request = ReceivedRequest("POST", endpoint, {}, {}, compact(body).encode())
        if endpoint == TEST_ENDPOINT and body.get("model") == TEST_MODEL:
            body = {**body, "model": "qwen-turbo"}
        try:
            if endpoint.endswith("/embeddings"):
                return 200, embed(body)
            chat = compatible.read_chat(request, {**body, "stream": False})
            self.misbehave(request, play(chat.question))  # may raise a refusal; a batch has no connection to break
            chat = self.checked(chat, account)
            reply = replace(answer(chat), reasoning="")
            return 200, compatible.CompatibleForm(chat, reply, request_id, counted=True).whole()
        except Refusal as refusal:
            return refusal.status, refusal.compatible(request_id)


def _admit(request: ReceivedRequest, key: str) -> None:
    """Lets in whoever brings the key; where there is none, a key that begins as the service's do."""
    if key:
        known = compare_digest(request.key.encode(), key.encode())
    else:
        known = request.key.startswith(KEY_START) and request.key != KEY_START
    if known:
        return
    if request.path.startswith(API):
        message = "Invalid API-key provided." if request.key else "No API-key provided."
    elif request.key:
        message = (
            "Incorrect API key provided. For details, see: "
            "https://help.aliyun.com/zh/model-studio/error-code#apikey-error"
        )
    else:
        message = (
            "You didn't provide an API key. You need to provide your API key in an Authorization header using "
            "Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
        )
    raise Refusal("InvalidApiKey", message)


def refused(request: ReceivedRequest, refusal: Refusal, request_id: str) -> HttpResponse:
    """A refusal in the form of the protocol; the frames of a stream where the service uses them."""
    if request.path.startswith(API):
        if refusal.by_model and native.wants_stream(request):
            event = native.error_event(refusal, request_id)
            return HttpResponse.stream((event,), refusal.status if refusal.framed else 200)
        return HttpResponse.json(refusal.native(request_id), refusal.status, refusal.headers)
    if refusal.framed and request.body().get("stream") is True:
        return HttpResponse.stream((compatible.error_event(refusal, request_id),), refusal.status)
    return HttpResponse.json(refusal.compatible(request_id), refusal.status, refusal.headers)


def _waits(script: Play) -> dict[str, str]:
    if "retry-after" in script:
        return {"retry-after": f"{script.number('retry-after'):g}"}
    if "retry-after-date" in script:
        return {"retry-after": formatdate(time() + script.number("retry-after-date"), usegmt=True)}
    return {}


def _model(name: str) -> dict[str, Any]:
    if name not in names():
        raise Refusal("ModelNotFound", f"The model `{name}` does not exist or you do not have access to it.")
    return {"id": name, "object": "model", "created": MODELS_SINCE, "owned_by": "system"}


def _list_of_models() -> dict[str, Any]:
    return {"object": "list", "data": [_model(name) for name in names()]}


def _native_models(request: ReceivedRequest) -> HttpResponse:
    wanted = request.query.get("model")
    found = [{"model": name, "provider": "qwen"} for name in names() if wanted in (None, "", name)]
    number, size = request.number("page_no", 1), request.number("page_size", 10)
    page = found[(number - 1) * size : number * size]
    output = {"total": len(found), "page_no": number, "page_size": size, "models": page}
    return HttpResponse.json({"output": output, "request_id": str(uuid.uuid4())})
