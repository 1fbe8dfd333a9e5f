"""The Files API of both protocols, and the temporary storage behind `oss://`."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Mapping
from datetime import datetime
from hashlib import md5
from typing import Any

from .http_exchange import HttpResponse, ReceivedRequest
from .multipart import Field, read_form
from .service_errors import Refusal
from .storage import Storage, StoredFile

__all__ = ["CompatibleFiles", "NativeFiles", "TemporaryUploads", "native"]

# The service's docs, "File interface": limits by purpose and kind, types of documents, page size.
MB = 1024 * 1024
PURPOSES = ("file-extract", "batch", "fine-tune")
PICTURES = ("bmp", "png", "jpg", "jpeg", "gif")
DOCUMENTS = ("txt", "docx", "pdf", "xlsx", "epub", "mobi", "md", "csv", "json")
MAX_PICTURE, MAX_DOCUMENT, MAX_BATCH = 20 * MB, 150 * MB, 500 * MB
MAX_COUNT, MAX_TOTAL = 10_000, 100 * 1024 * MB
PAGE = 2000


class CompatibleFiles:
    """`/compatible-mode/v1/files`"""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def upload(self, request: ReceivedRequest) -> HttpResponse:
        fields = read_form(request)
        purpose = next((field.text for field in fields if field.name == "purpose"), "")
        if purpose not in PURPOSES:
            raise _bad("'purpose' must be 'file-extract'", "purpose")
        file = next((field for field in fields if field.name == "file" and field.filename is not None), None)
        if file is None or not file.filename:
            raise _bad("'file' is a required property", "file")
        _check_file(file, purpose)
        mine = self.storage.all(request.key)
        if len(mine) >= MAX_COUNT or sum(len(stored.data) for stored in mine) + len(file.data) > MAX_TOTAL:
            raise _bad("The number or the total size of the files of this account exceeds its limit.", "file")
        return HttpResponse.json(_shown(self.storage.add(request.key, file.filename, purpose, file.data)))

    def list(self, request: ReceivedRequest) -> HttpResponse:
        query = request.query
        limit = request.number("limit", PAGE, PAGE)
        files = self.storage.all(request.key)
        if query.get("purpose"):
            files = [file for file in files if file.purpose == query["purpose"]]
        since, until = _moment(query, "create_after", 0), _moment(query, "create_before", 2**62)
        files = [file for file in files if since <= file.created <= until]
        rest = _after(files, query.get("after"))
        page = rest[:limit]
        return HttpResponse.json(
            {"object": "list", "data": [_shown(file) for file in page], "has_more": len(rest) > len(page)}
        )

    def get(self, request: ReceivedRequest, file_id: str) -> HttpResponse:
        return HttpResponse.json(_shown(self.find(request, file_id)))

    def content(self, request: ReceivedRequest, file_id: str) -> HttpResponse:
        return HttpResponse(self.find(request, file_id).data, content_type="application/octet-stream")

    def delete(self, request: ReceivedRequest, file_id: str) -> HttpResponse:
        self.storage.remove(self.find(request, file_id).id)
        return HttpResponse.json({"id": file_id, "object": "file", "deleted": True})

    def find(self, request: ReceivedRequest, file_id: str) -> StoredFile:
        stored = self.storage.get(request.key, file_id)
        if stored is None:
            raise Refusal("NotFound", f"No such File object: {file_id}", param="id")
        return stored


class NativeFiles:
    """`/api/v1/files`: the same storage in another shape; its files and those of the compatible API do not mix."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def upload(self, request: ReceivedRequest) -> HttpResponse:
        fields = read_form(request)
        files = [field for field in fields if field.name == "files" and field.filename]
        if not files:
            raise Refusal("InvalidParameter", "Required parameter files is missing or empty.")
        purpose = next((field.text for field in fields if field.name == "purpose"), "fine-tune")
        uploaded, failed = [], []
        for file in files:
            if file.data:
                stored = self.storage.add(request.key, file.filename or "", purpose, file.data, native=True)
                uploaded.append({"name": stored.filename, "file_id": stored.id})
            else:
                failed.append({"name": file.filename, "code": "InvalidParameter", "message": "The file is empty."})
        return native({"uploaded_files": uploaded, "failed_uploads": failed})

    def list(self, request: ReceivedRequest) -> HttpResponse:
        number, size = request.number("page_no", 1), request.number("page_size", 10)
        files = self.storage.all(request.key, native=True)
        page = files[(number - 1) * size : number * size]
        facts = {"total": len(files), "page_no": number, "page_size": size}
        return native(facts | {"files": [_shown_native(file) for file in page]})

    def get(self, request: ReceivedRequest, file_id: str) -> HttpResponse:
        return native(_shown_native(self.find(request, file_id)))

    def delete(self, request: ReceivedRequest, file_id: str) -> HttpResponse:
        self.storage.remove(self.find(request, file_id).id)
        return HttpResponse.json({"request_id": str(uuid.uuid4())})

    def find(self, request: ReceivedRequest, file_id: str) -> StoredFile:
        stored = self.storage.get(request.key, file_id, native=True)
        if stored is None:
            raise Refusal("InvalidParameter", "File not found.")
        return stored


class TemporaryUploads:
    """`/api/v1/uploads` and its upload host: files for 48 hours, by `oss://` URL."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def policy(self, request: ReceivedRequest) -> HttpResponse:
        if request.query.get("action") != "getPolicy" or not request.query.get("model"):
            raise Refusal("InvalidParameter", "Required parameter action or model is missing or invalid.")
        folder = f"dashscope-instant/{md5(request.key.encode()).hexdigest()}/{time.strftime('%Y-%m-%d')}/{uuid.uuid4()}"
        policy = json.dumps({"conditions": [["starts-with", "$key", folder]]}).encode()
        return native(
            {
                "policy": base64.b64encode(policy).decode(),
                "signature": _signature(policy),
                "upload_dir": folder,
                "upload_host": f"{request.root}/upload-host",
                "expire_in_seconds": 300,
                "max_file_size_mb": 1024,
                "capacity_limit_mb": 999_999_999,
                "oss_access_key_id": "sandbox-access-key",
                "x_oss_object_acl": "private",
                "x_oss_forbid_overwrite": "true",
            }
        )

    def store(self, request: ReceivedRequest) -> HttpResponse:
        """The upload itself. Responds as the storage does: with XML for a refusal, with no body after success."""
        fields = read_form(request)
        given = {field.name: field.text for field in fields[:-1]}
        try:
            policy = base64.b64decode(given.get("policy", ""), validate=True)
            folder = json.loads(policy)["conditions"][0][2]
        except (ValueError, LookupError, TypeError):
            return _denied("InvalidPolicyDocument")
        if given.get("Signature") != _signature(policy) or given.get("OSSAccessKeyId") != "sandbox-access-key":
            return _denied("SignatureDoesNotMatch")
        if fields[-1].name != "file" or not given.get("key", "").startswith(folder + "/"):
            return _denied("InvalidArgument")
        if given.get("x-oss-object-acl") != "private" or given.get("x-oss-forbid-overwrite") != "true":
            return _denied("AccessDenied")
        self.storage.objects["oss://" + given["key"]] = fields[-1].data
        return HttpResponse(b"", 200 if given.get("success_action_status") == "200" else 204)


def _check_file(file: Field, purpose: str) -> None:
    suffix = (file.filename or "").rpartition(".")[2].lower()
    if not file.data:
        raise _bad("The file is empty.", "file")
    if purpose == "file-extract" and suffix not in (*DOCUMENTS, *PICTURES):
        raise _bad(f"Unsupported file type: .{suffix}", "file")
    if purpose == "batch" and suffix != "jsonl":
        raise _bad("A file for a batch must be a .jsonl file.", "file")
    limit = MAX_BATCH if purpose != "file-extract" else MAX_PICTURE if suffix in PICTURES else MAX_DOCUMENT
    if len(file.data) > limit:
        raise _bad(f"File size exceeds the limit of {limit // MB} MB.", "file")


def _bad(message: str, param: str) -> Refusal:
    return Refusal("InvalidFile", message, param=param)


def _shown(file: StoredFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "file",
        "bytes": len(file.data),
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "created_at": file.created,
    }


def _shown_native(file: StoredFile) -> dict[str, Any]:
    return {
        "file_id": file.id,
        "name": file.filename,
        "purpose": file.purpose,
        "description": "",
        "size": len(file.data),
        "md5": md5(file.data).hexdigest(),
        "gmt_create": datetime.fromtimestamp(file.created).strftime("%Y-%m-%d %H:%M:%S"),
    }


def native(data: Any) -> HttpResponse:
    return HttpResponse.json({"data": data, "request_id": str(uuid.uuid4())})


def _after(files: list[StoredFile], file_id: str | None) -> list[StoredFile]:
    ids = [file.id for file in files]
    return files[ids.index(file_id) + 1 :] if file_id in ids else files


def _moment(query: Mapping[str, str], name: str, usual: int) -> int:
    """A time of the query in Unix seconds: `20250101`, `20250101123000`, or seconds already."""
    value = query.get(name)
    if not value:
        return usual
    if not value.isdecimal():
        raise _bad(f"'{name}' must be a date", name)
    if len(value) not in (8, 14):
        return int(value)
    try:
        return int(datetime.strptime(value.ljust(14, "0"), "%Y%m%d%H%M%S").timestamp())
    except ValueError:
        raise _bad(f"'{name}' must be a date", name) from None


def _signature(policy: bytes) -> str:
    return base64.b64encode(md5(policy).digest()).decode()


def _denied(code: str) -> HttpResponse:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>\n'
    return HttpResponse(body.encode(), 403, "application/xml")
