"""The uploaded files, in memory: those of both Files APIs, and the temporary storage of `oss://` URLs."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass
from hashlib import sha256

__all__ = ["Storage", "StoredFile"]

ID_PREFIX = {"file-extract": "file-fe", "batch": "file-batch", "batch_output": "file-batch_output"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An uploaded file. `account` is its key: requests with another key do not see it. `created` is in Unix seconds."""

    id: str
    account: str
    filename: str
    purpose: str
    data: bytes
    created: int
    native: bool = False

    @property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()


class Storage:
    """All files, oldest first. `parsing_polls` is the number of requests for which a new file is still being read."""

    def __init__(self, parsing_polls: int = 0) -> None:
        self.parsing_polls = parsing_polls
        self.lock = threading.Lock()
        self.files: dict[str, StoredFile] = {}
        self.objects: dict[str, bytes] = {}
        self.polls: dict[str, int] = {}

    def add(self, account: str, filename: str, purpose: str, data: bytes, *, native: bool = False) -> StoredFile:
        number = uuid.uuid4()
        name = str(number) if native else f"{ID_PREFIX.get(purpose, 'file-ft')}-{number.hex[:24]}"
        stored = StoredFile(name, account, filename, purpose, data, int(time.time()), native)
        with self.lock:
            self.files[name] = stored
            self.polls[name] = self.parsing_polls
        return stored

    def get(self, account: str, file_id: str, *, native: bool = False) -> StoredFile | None:
        stored = self.files.get(file_id)
        return stored if stored and stored.account == account and stored.native == native else None

    def all(self, account: str, *, native: bool = False) -> list[StoredFile]:
        """The files of an account, newest first."""
        with self.lock:
            return [file for file in reversed(self.files.values()) if (file.account, file.native) == (account, native)]

    def remove(self, file_id: str) -> None:
        with self.lock:
            self.files.pop(file_id, None)

    def still_parsing(self, file_id: str) -> bool:
        """Whether the service still reads this file. Each call counts as one of the `parsing_polls`."""
        with self.lock:
            left = self.polls.get(file_id, 0)
            self.polls[file_id] = max(0, left - 1)
        return left > 0
