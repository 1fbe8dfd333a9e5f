"""The service's Files API: upload a document once, list the files, delete them.

Uploads are recorded on disk by content, account and endpoint, so that later cells and kernels do not upload the same
content again. Not for reading files: that is `qwen_magic.attachments`.

Facts: the service's docs, "OpenAI compatible - File" (2026): documents up to 150 MB, no expiry, `file-extract`.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import FileGone, NotTheService, ServiceError
from ..core.translatable import _
from ..protocols.error_mapping import PROXY
from ..protocols.lenient_json import JSONObject, count, rows, word
from .client import Client
from .endpoints import Endpoint

__all__ = ["RemoteFiles", "Ledger", "RemoteFile", "default_ledger"]

PURPOSE = "file-extract"
# The most that one page of the list may hold (same page of the docs: limit 1 to 2000).
PAGE = 2000
# The most files that an account can have there (same page), so that no list is longer.
MOST = 10_000
# A time of creation that can be shown as a date on every system, in seconds since 1970 (the year 2106).
LATEST = 2**32
# Seconds to wait for another kernel that is writing.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the service. `size` is in bytes, `created` in seconds since 1970."""

    id: str
    name: str
    size: int
    created: float
    purpose: str = PURPOSE
    status: str = ""

    @classmethod
    def read(cls, row: JSONObject) -> RemoteFile:
        """A file from a row of the service's list. Unusable values are replaced by defaults."""
        created = row.get("created_at")
        return cls(
            word(row.get("id")),
            word(row.get("filename")),
            count(row.get("bytes")),
            float(created) if isinstance(created, int | float) and 0 < created < LATEST else 0.0,
            word(row.get("purpose")),
            word(row.get("status")),
        )


class Ledger:
    """The record of this package's uploads, on disk; several kernels may use it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, place: str, sha256: str) -> str | None:
        """The id of a file with this content at this place, if it was uploaded."""
        with self._database() as database:
            row = database.execute("SELECT id FROM uploads WHERE place = ? AND sha256 = ?", (place, sha256)).fetchone()
        return str(row[0]) if row else None

    def ids(self, place: str) -> tuple[str, ...]:
        """The ids of all files that were uploaded to this place."""
        with self._database() as database:
            rows = database.execute("SELECT id FROM uploads WHERE place = ? ORDER BY uploaded", (place,)).fetchall()
        return tuple(str(row[0]) for row in rows)

    def add(self, place: str, sha256: str, file_id: str) -> None:
        """Record that content with this hash was uploaded to `place`, and got this id."""
        with self._database() as database:
            database.execute(
                "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?)", (place, sha256, file_id, time.time())
            )

    def forget(self, place: str, file_id: str) -> None:
        """Forget the file with this id; does nothing to an unknown one."""
        with self._database() as database:
            database.execute("DELETE FROM uploads WHERE place = ? AND id = ?", (place, file_id))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=PATIENCE)) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS uploads"
                " (place TEXT, sha256 TEXT, id TEXT, uploaded REAL, PRIMARY KEY (place, sha256))"
            )
            yield database


def default_ledger() -> Ledger:
    """The user's ledger, in Jupyter's data directory."""
    from jupyter_core.paths import jupyter_data_dir

    return Ledger(Path(jupyter_data_dir()) / "qwen_magic" / "uploads.sqlite")


class RemoteFiles:
    """The files of one account at one endpoint with the compatible protocol. Raises `NoKey` without its key."""

    def __init__(self, client: Client, endpoint: Endpoint, ledger: Ledger) -> None:
        self._client = client
        self._endpoint = endpoint
        self._ledger = ledger
        key = endpoint.authorization()
        fingerprint = hashlib.sha256((key.reveal() if key else "").encode()).hexdigest()[:16]
        self._place = f"{endpoint.base_url} {fingerprint}"

    def upload(self, name: str, content: bytes, sha256: str) -> str:
        """Upload this content unless it has been uploaded before, and return its id on the service."""
        known = self._ledger.find(self._place, sha256)
        if known is not None:
            return known
        reply = self._client.call(
            self._endpoint, "POST", "files", files={"file": (name, content)}, data={"purpose": PURPOSE}
        )
        file_id = word(reply.get("id"))
        if not file_id:
            raise NotTheService(
                _("{name} took {name2} and gave it no id.", name=self._endpoint.name, name2=name), PROXY
            )
        self._ledger.add(self._place, sha256, file_id)
        return file_id

    def forget(self, file_id: str) -> None:
        """Remove a file from the ledger: the next `upload` of its content uploads it again."""
        self._ledger.forget(self._place, file_id)

    def list(self) -> tuple[RemoteFile, ...]:
        """All files of the account, whoever put them there."""
        found: dict[str, RemoteFile] = {}
        after: dict[str, str] = {}
        while True:
            page = self._client.call(self._endpoint, "GET", "files", params={"limit": PAGE, **after})
            listed = map(RemoteFile.read, rows(page.get("data")))
            new = {file.id: file for file in listed if file.id and file.id not in found}
            found |= new
            if not page.get("has_more") or not new:
                return tuple(found.values())
            if len(found) > MOST:
                raise NotTheService(
                    _("{name} lists more than {most:,} files, and no end.", name=self._endpoint.name, most=MOST), PROXY
                )
            after = {"after": [*found][-1]}

    def delete(self, file_id: str) -> None:
        """Delete a file from the service. Raises `FileGone` when there is none."""
        try:
            self._client.call(self._endpoint, "DELETE", f"files/{file_id}")
        except ServiceError as error:
            if error.status not in (400, 404):
                raise
            self.forget(file_id)
            raise FileGone(
                _("There is no file {file_id} on {name}.", file_id=file_id, name=self._endpoint.name),
                _("%qwen files lists them."),
            ) from error
        self.forget(file_id)

    def ours(self) -> tuple[str, ...]:
        """The ids of the files that this package uploaded."""
        return self._ledger.ids(self._place)
