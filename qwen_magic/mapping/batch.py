"""Batches: the rows in files, answered by the service within a day, at half the price. Outlives the kernel.

Each line is named by the key of its answer in the cache, so that a batch can be collected without the frame: by the
cell that made it, or by any later kernel. Not for the order of a map's steps.

Facts: the service's docs, "Batch" (Nov 2026): at most 50,000 lines and 500 MB a file, 6 MB a line, one model a file;
not to be polled more often than once a minute; results have no order, errors a file of their own; half the price.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import (
    ConfigurationError,
    ConnectionFailed,
    InputError,
    NotTheService,
    QwenError,
    ServiceError,
    StreamError,
)
from ..core.messages import ChatRequest, Message
from ..core.models import lookup, only_streams
from ..core.translatable import _
from ..protocols import protocol
from ..protocols.error_mapping import PROXY, refusal
from ..protocols.lenient_json import JSONObject, count, mapping, rows, word
from ..service.client import Client
from ..service.credentials import SERVICE
from ..service.endpoints import Endpoint
from ..service.exchange import keywords_of
from .batch_ledger import BatchLedger, KnownBatch, default_ledger
from .cache import AnswerCache
from .row_question import answer_of
from .row_requests import RowRequest

__all__ = ["BatchState", "Batches", "files_of", "without_thinking"]

# Of a file, but for the size: a file is in memory twice while it is uploaded, so it is split earlier than at 500 MB.
MOST_LINES, MOST_BYTES, LONGEST_LINE = 50_000, 100_000_000, 6_000_000
URL = "/v1/chat/completions"
WINDOW = "24h"
# Seconds between two looks at a batch: the service's, and those of whoever is only like it, such as the sandbox.
POLL, POLL_ELSEWHERE = 60.0, 0.2
FINAL = ("completed", "failed", "expired", "cancelled")
# Seconds after which a batch that was just made is listed; ours.
LISTED_AFTER = 2.0


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch as the service has it now: how many of its rows are answered, and have failed."""

    known: KnownBatch
    status: str
    completed: int = 0
    failed: int = 0


class Batches:
    """The batches of one account at one endpoint. Raises `ConfigurationError` where there can be none."""

    def __init__(self, client: Client, endpoint: Endpoint, cache: AnswerCache) -> None:
        if not endpoint.dialect.service:
            raise ConfigurationError(
                _("{name} takes no batches.", name=endpoint.name), _("Only the service does: %qwen use beijing.")
            )
        if endpoint.protocol != "compatible":
            raise ConfigurationError(_("Batches need the compatible protocol."), _("Leave out the protocol."))
        key = endpoint.authorization()
        fingerprint = hashlib.sha256(key.reveal().encode()).hexdigest()[:16] if key else ""
        self.poll = POLL if endpoint.account == SERVICE else POLL_ELSEWHERE
        self._client = client
        self._endpoint = endpoint
        self._cache = cache
        self._ledger: BatchLedger = default_ledger(f"{endpoint.base_url} {fingerprint}")

    def submit(self, requests: Iterable[RowRequest], model: str) -> int:
        """Make batches of those rows that are in none yet; returns how many rows that are.

        Raises `InputError` for a row that is too long.
        """
        with self._ledger.alone():
            self._settle()
            return self._submit(requests, model)

    def _submit(self, requests: Iterable[RowRequest], model: str) -> int:
        taken, waiting = 0, self._ledger.waiting()
        for lines in files_of(request for request in requests if request.key not in waiting):
            content = b"".join(lines.values())
            reply = self._call(
                "POST", "files", files={"file": ("qwen_magic.jsonl", content)}, data={"purpose": "batch"}
            )
            file = word(reply.get("id"))
            if not file:
                raise NotTheService(_("{name} took a file and gave it no id.", name=self._endpoint.name), PROXY)
            self._ledger.enter(file, model, lines)
            batch = self._make(file)
            self._ledger.note(file, word(batch.get("id")), word(batch.get("status")))
            taken += len(lines)
        return taken

    def _make(self, file: str) -> JSONObject:
        """Make a batch of an uploaded file. One whose reply is lost is looked for, so that it is not made twice.

        Where it is not found it stays entered, and is looked for again before its rows are in another batch.
        """
        try:
            return self._call(
                "POST", "batches", json={"input_file_id": file, "endpoint": URL, "completion_window": WINDOW}
            )
        except QwenError as error:
            if not _may_have_arrived(error):
                self._ledger.forget(file)
                raise
            time.sleep(min(self.poll, LISTED_AFTER))
            with suppress(QwenError):
                found = self._of_file(file)
                if found is not None:
                    return found
            raise ConnectionFailed(
                _("Whether the batch was made is not known: {reason}", reason=error.happened),
                _("Run the map again: it looks for the batch before it makes another one."),
            ) from error

    def look(self) -> tuple[BatchState, ...]:
        """The state of each batch that is not collected; those that are over are collected by that."""
        if any(not batch.id for batch in self._ledger.open()):
            with self._ledger.alone():
                self._settle()
        return tuple(self._looked_at(batch) for batch in self._ledger.open() if batch.id)

    def all(self) -> tuple[KnownBatch, ...]:
        """All batches that this user has made here, oldest first."""
        return self._ledger.all()

    def cancel(self, id: str) -> None:
        """Cancel a batch; what it has answered by then is collected later. Raises the service's refusals."""
        self._call("POST", f"batches/{id}/cancel")

    def errors(self) -> dict[bytes, str]:
        """Why rows have no answer after their batch was collected, by their keys."""
        return self._ledger.errors()

    def waiting(self) -> set[bytes]:
        """The keys of the rows that are in a batch which is not collected."""
        return self._ledger.waiting()

    def _settle(self) -> None:
        """Find the batches that were entered and have no id: their process has ended, or their reply was lost.

        Only while no other process makes one (`alone`).
        """
        for batch in self._ledger.open():
            if not batch.id:
                found = self._of_file(batch.file)
                if found is None:
                    self._ledger.forget(batch.file)
                else:
                    self._ledger.note(batch.file, word(found.get("id")), word(found.get("status")))

    def _of_file(self, file: str) -> JSONObject | None:
        """The batch that was made of an input file, if any was."""
        listed = self._call("GET", "batches", params={"input_file_ids": file})
        return next((row for row in rows(listed.get("data")) if word(row.get("input_file_id")) == file), None)

    def _looked_at(self, batch: KnownBatch) -> BatchState:
        found = self._call("GET", f"batches/{batch.id}")
        status, counts = word(found.get("status")), mapping(found.get("request_counts"))
        self._ledger.note(batch.file, word(found.get("id")), status)
        if status in FINAL:
            self._collect(batch, found, status)
        known = replace(batch, id=word(found.get("id")), status=status)
        return BatchState(known, status, count(counts.get("completed")), count(counts.get("failed")))

    def _collect(self, batch: KnownBatch, found: JSONObject, status: str) -> None:
        """Put the answers of a batch into the cache, and its errors into the ledger."""
        errors: list[tuple[bytes, str]] = []
        for name in ("output_file_id", "error_file_id"):
            file = word(found.get(name))
            for line in self._client.lines(self._endpoint, f"files/{file}/content") if file else ():
                with suppress(ValueError):
                    result = mapping(json.loads(line))
                    key = bytes.fromhex(word(result.get("custom_id")))
                    try:
                        self._cache.keep(key, answer_of(*self._events(batch.model, result)))
                    except QwenError as error:
                        errors.append((key, str(error)))
        self._cache.flush()  # before the ledger forgets the rows
        if status == "failed":
            reasons = [word(row.get("message")) for row in rows(mapping(found.get("errors")).get("data"))]
            refused = ConfigurationError(
                _(
                    "The service refused the batch {batch}: {reason}.",
                    batch=word(found.get("id")),
                    reason=" ".join(reasons).rstrip(".") or _("no reason given"),
                ),
                _("Correct the cause and run the map again. No row was answered or billed."),
            )
            self._ledger.end(batch.file, errors, status)
            raise refused
        self._ledger.end(batch.file, errors)
        self._cache.close()

    def _events(self, model: str, result: JSONObject) -> tuple[ChatRequest, list[Any]]:
        """The events of one line of results. Raises what the service refused it with."""
        response = mapping(result.get("response"))
        status, body = count(response.get("status_code")), mapping(response.get("body"))
        if status != 200:
            error = body or {"error": result.get("error")}
            raise refusal(status or 500, {"content-type": "application/json"}, json.dumps(error).encode())
        request = ChatRequest(model, (Message.user(""),), stream=False)
        decoder = protocol("compatible").decoder(request, self._endpoint.dialect)
        events = decoder.feed("", json.dumps(body))
        return request, [*events, *decoder.rest(), *decoder.close()]

    def _call(self, method: str, path: str, **options: Any) -> JSONObject:
        return self._client.call(self._endpoint, method, path, **options)


def _may_have_arrived(error: QwenError) -> bool:
    """Whether a request may have done its work, although it ended in this error."""
    if isinstance(error, ServiceError):
        return error.status >= 500
    return isinstance(error, ConnectionFailed | StreamError)


def without_thinking(request: ChatRequest) -> ChatRequest:
    """The request as a batch has it: qwen3.5 and later think unless told not to, and a batch bills that.

    For models that do not think by themselves it is the same request, which shares its answers with live ones. Raises
    `InputError` for models that answer in no other way than by thinking or streaming.
    """
    thinking = lookup(request.model).thinking
    if thinking == "always" or only_streams(request.model):
        raise InputError(_("{model} takes no batches: it only streams.", model=request.model), _("Ask another model."))
    if request.think:
        raise InputError(_("A batch does not think."), _("Leave out --think."))
    return request if thinking in ("off", "never") else replace(request, think=False)


def files_of(
    requests: Iterable[RowRequest], most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES
) -> Iterator[dict[bytes, bytes]]:
    """The lines of each file by their keys. Raises `InputError` for a line that is too long."""
    lines: dict[bytes, bytes] = {}
    size = 0
    for request in requests:
        line = _line_of(request)
        if len(line) > LONGEST_LINE:
            raise InputError(
                _("A row has {size:,} bytes, and a batch takes {most:,}.", size=len(line), most=LONGEST_LINE),
                _("Shorten the row."),
            )
        if lines and (len(lines) >= most_lines or size + len(line) > most_bytes):
            yield lines
            lines, size = {}, 0
        size += len(line) * (request.key not in lines)
        lines[request.key] = line
    if lines:
        yield lines


def _line_of(request: RowRequest) -> bytes:
    """The line of a request, whose body has the very bytes that it has live."""
    body: bytes = keywords_of(request.http)["content"]
    return b'{"custom_id":"%b","method":"POST","url":"%b","body":%b}\n' % (
        request.key.hex().encode(),
        URL.encode(),
        body,
    )
