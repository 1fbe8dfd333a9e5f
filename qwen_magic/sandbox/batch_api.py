"""`/compatible-mode/v1/batches`: many questions in a file, answered like any other question."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .http_exchange import HttpResponse, ReceivedRequest, compact
from .service_errors import Refusal
from .storage import Storage, StoredFile

__all__ = ["BatchApi"]

# The service's docs, "Batch": limits of a file, of a line, of the test model, and of the metadata.
MB = 1024 * 1024
MAX_LINES, MAX_LINE, MAX_ID = 50_000, 6 * MB, 256
TEST_MODEL, TEST_ENDPOINT, TEST_LINES, TEST_SIZE = "batch-test-model", "/v1/chat/ds-test", 100, MB
ENDPOINTS = ("/v1/chat/completions", "/v1/embeddings", TEST_ENDPOINT)
MIN_HOURS, MAX_HOURS = 24, 336
METADATA = {"ds_name": 100, "ds_description": 200}
NEXT = {"validating": "in_progress", "in_progress": "finalizing", "finalizing": "completed", "cancelling": "cancelled"}
FINAL = ("completed", "failed", "expired", "cancelled")

# Answers the body of one line, for an account: HTTP status and JSON.
_Answerer = Callable[[str, str, dict[str, Any]], tuple[int, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch as the service returns it, with the account that it belongs to."""

    id: str
    account: str
    endpoint: str
    input_file_id: str
    completion_window: str
    created_at: int
    metadata: dict[str, Any]
    status: str = "validating"
    errors: dict[str, Any] | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    in_progress_at: int | None = None
    expires_at: int | None = None
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    request_counts: dict[str, int] = field(default_factory=lambda: {"total": 0, "completed": 0, "failed": 0})
    object: str = "batch"

    def shown(self) -> dict[str, Any]:
        facts = asdict(self)
        del facts["account"]
        return facts

    def at(self, status: str, **changes: Any) -> _Batch:
        """The same batch in another state from now on."""
        moment: dict[str, Any] = {f"{status}_at": int(time.time())}
        return replace(self, status=status, **moment, **changes)


class BatchApi:
    """All batches. Each request for a batch moves it to its next state, so that no test has to wait."""

    def __init__(self, storage: Storage, answer: _Answerer) -> None:
        self.storage, self.answer = storage, answer
        self.lock = threading.Lock()
        self.known: dict[str, _Batch] = {}

    def create(self, request: ReceivedRequest) -> HttpResponse:
        body = request.body()
        _check_batch(body)
        file_id = body.get("input_file_id")
        stored = self.storage.get(request.key, file_id) if isinstance(file_id, str) else None
        if stored is None or stored.purpose != "batch":
            raise Refusal("InvalidFile", f"No such input file: {file_id}", param="input_file_id")
        batch = _Batch(
            id=f"batch_{uuid.uuid4()}",
            account=request.key,
            endpoint=body["endpoint"],
            input_file_id=stored.id,
            completion_window=body["completion_window"],
            created_at=int(time.time()),
            metadata=body.get("metadata") or {},
        )
        return self.keep(batch)

    def list(self, request: ReceivedRequest) -> HttpResponse:
        query = request.query
        batches = [batch for batch in reversed(self.known.values()) if batch.account == request.key]
        if query.get("status"):
            batches = [batch for batch in batches if batch.status in query["status"].split(",")]
        if query.get("input_file_ids"):
            batches = [batch for batch in batches if batch.input_file_id in query["input_file_ids"].split(",")]
        if query.get("ds_name"):
            batches = [batch for batch in batches if query["ds_name"] in str(batch.metadata.get("ds_name"))]
        ids = [batch.id for batch in batches]
        rest = batches[ids.index(query["after"]) + 1 :] if query.get("after") in ids else batches
        page = rest[: request.number("limit", 20)]
        ends = {"first_id": page[0].id if page else None, "last_id": page[-1].id if page else None}
        data = [batch.shown() for batch in page]
        return HttpResponse.json({"object": "list", "data": data, **ends, "has_more": len(rest) > len(page)})

    def get(self, request: ReceivedRequest, batch_id: str) -> HttpResponse:
        with self.lock:
            return self.keep(self.advanced(self.find(request, batch_id)))

    def cancel(self, request: ReceivedRequest, batch_id: str) -> HttpResponse:
        with self.lock:
            batch = self.find(request, batch_id)
            if batch.status in FINAL:
                raise Refusal("InvalidFile", f"Cannot cancel a batch with status '{batch.status}'.")
            return self.keep(batch.at("cancelling"))

    def keep(self, batch: _Batch) -> HttpResponse:
        self.known[batch.id] = batch
        return HttpResponse.json(batch.shown())

    def find(self, request: ReceivedRequest, batch_id: str) -> _Batch:
        batch = self.known.get(batch_id)
        if batch is None or batch.account != request.key:
            raise Refusal("NotFound", f"No such batch: {batch_id}", param="id")
        return batch

    def advanced(self, batch: _Batch) -> _Batch:
        if batch.status in FINAL:
            return batch
        stored = self.storage.get(batch.account, batch.input_file_id)
        if batch.status == "validating":
            problems = _validate(stored, batch.endpoint)
            if problems:
                return batch.at("failed", errors={"object": "list", "data": problems})
        if batch.status == "in_progress" and stored is not None:
            return self.worked(batch, stored)
        return batch.at(NEXT[batch.status])

    def worked(self, batch: _Batch, stored: StoredFile) -> _Batch:
        good: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for line in _lines_of(stored):
            status, body = self.answer(batch.account, batch.endpoint, line["body"])
            number = str(uuid.uuid4())
            response = {"status_code": status, "request_id": number, "body": body}
            result = {"id": number, "custom_id": line["custom_id"], "response": response, "error": body.get("error")}
            (good if status == 200 else failed).append(result)
        counts = {"total": len(good) + len(failed), "completed": len(good), "failed": len(failed)}
        return batch.at(
            "finalizing",
            request_counts=counts,
            output_file_id=self.write(batch, "output", good),
            error_file_id=self.write(batch, "error", failed),
        )

    def write(self, batch: _Batch, kind: str, results: Iterable[Any]) -> str | None:
        text = "".join(compact(result) + "\n" for result in results)
        if not text:
            return None
        return self.storage.add(batch.account, f"{batch.id}_{kind}.jsonl", "batch_output", text.encode()).id


def _check_batch(body: dict[str, Any]) -> None:
    if body.get("endpoint") not in ENDPOINTS:
        raise Refusal("InvalidFile", f"'endpoint' must be one of {list(ENDPOINTS)}", param="endpoint")
    window = str(body.get("completion_window") or "")
    hours = window[:-1]
    unit = {"h": 1, "d": 24}.get(window[-1:], 0)
    if not hours.isdecimal() or not MIN_HOURS <= int(hours) * unit <= MAX_HOURS:
        message = f"'completion_window' must be from {MIN_HOURS}h to {MAX_HOURS}h"
        raise Refusal("InvalidFile", message, param="completion_window")
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise Refusal("InvalidFile", "'metadata' must be an object", param="metadata")
    for name, limit in METADATA.items():
        if len(str(metadata.get(name, ""))) > limit:
            raise Refusal("InvalidFile", f"'{name}' must not be longer than {limit} characters", param="metadata")


def _lines_of(stored: StoredFile) -> list[Any]:
    return [json.loads(line) for line in stored.data.decode("utf-8-sig").split("\n") if line.strip()]


def _validate(stored: StoredFile | None, endpoint: str) -> list[dict[str, Any]]:
    """The first problems of a batch's file, in the service's form."""
    if stored is None:
        return [_problem("invalid_file", "The input file is gone.")]
    test = endpoint == TEST_ENDPOINT
    lines = [line for line in stored.data.split(b"\n") if line.strip()]
    if not lines or len(lines) > (TEST_LINES if test else MAX_LINES) or (test and len(stored.data) > TEST_SIZE):
        return [_problem("invalid_file", "The file is empty, or it has too many lines or bytes.")]
    problems, ids, models = [], set(), set()
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
            wrong = _wrong_line(value, line, endpoint)
        except (ValueError, TypeError, LookupError, AttributeError):
            wrong = "The line is not JSON of the expected form."
        if not wrong and value["custom_id"] in ids:
            wrong = "custom_id is not unique."
        if wrong:
            problems.append(_problem("invalid_json_line", wrong, number))
        else:
            ids.add(value["custom_id"])
            models.add(value["body"].get("model"))
    if len(models) > 1 or (test and models - {TEST_MODEL}):
        problems.append(
            _problem("mismatched_model", "All lines must name the same model, and one that fits the endpoint.")
        )
    return problems[:10]


def _wrong_line(value: Any, line: bytes, endpoint: str) -> str | None:
    if not isinstance(value["custom_id"], str) or not 0 < len(value["custom_id"]) <= MAX_ID:
        return f"custom_id must be a string of up to {MAX_ID} characters."
    if value["method"] != "POST" or value["url"] != endpoint:
        return f"method must be POST and url {endpoint}."
    if not isinstance(value["body"], dict):
        return "body must be an object."
    return "The line is too long." if len(line) > MAX_LINE else None


def _problem(code: str, message: str, line: int | None = None) -> dict[str, Any]:
    return {"code": code, "message": message, "line": line, "param": None}
