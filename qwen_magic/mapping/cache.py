"""Answers on the disk, so that no row is paid for twice. Not for what a request is or how it is sent.

An entry's key is the hash of the request's URL and exact body; the API key is no part of it. The file is SQLite with a
write-ahead log: several processes share it, and an answer that was kept survives a `kill -9` of the process
(sqlite.org/wal.html). The log needs shared memory, so that all processes must be on one machine.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import ConfigurationError
from ..core.events import Usage
from ..core.translatable import _
from ..local.cache_folders import answers as answers_folder

__all__ = ["AnswerCache", "CacheSize", "CachedAnswer", "cache_key", "default_cache"]

# Bytes of answers on the disk; ours: about a million answers of a paragraph.
LARGEST = 1_000_000_000
# An eviction makes so much room that the next one is far away. Whether it is time for one is looked at when a process
# has kept so much more.
KEPT_SHARE, CHECKED_SHARE = 0.9, 0.01
# Seconds after which a use of an entry is noted again. Noting each would turn every read into a write.
NOTED_EVERY = 86_400.0
# Seconds to wait for another process that is writing, and between two looks while it makes the file.
PATIENCE, LOOK = 30.0, 0.02

TABLES = """
CREATE TABLE IF NOT EXISTS answers
    (key BLOB PRIMARY KEY, answer TEXT NOT NULL, size INTEGER NOT NULL, used REAL NOT NULL);
CREATE INDEX IF NOT EXISTS by_use ON answers (used);
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL, answers INTEGER NOT NULL);
INSERT INTO total SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM total);
CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON answers
    BEGIN UPDATE total SET bytes = bytes + new.size, answers = answers + 1; END;
CREATE TRIGGER IF NOT EXISTS changed AFTER UPDATE OF size ON answers
    BEGIN UPDATE total SET bytes = bytes + new.size - old.size; END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON answers
    BEGIN UPDATE total SET bytes = bytes - old.size, answers = answers - 1; END;
"""
KEEP = """
INSERT INTO answers VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET answer = excluded.answer, size = excluded.size, used = excluded.used
"""
# The least recently used entries that together take so many bytes.
EVICT = """
DELETE FROM answers WHERE key IN
    (SELECT key FROM (SELECT key, size, SUM(size) OVER (ORDER BY used, key) AS running FROM answers)
     WHERE running - size < ?)
"""


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """What a row gets from an answer. `usage` is `None` where the server counts no tokens."""

    text: str
    model: str = ""
    finish_reason: str = "stop"
    request_id: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class CacheSize:
    """How full a cache is. `size` and `limit` are bytes of answers; the file is somewhat larger."""

    answers: int
    size: int
    limit: int
    path: Path


def cache_key(url: str, body: bytes) -> bytes:
    """The key of a request with this body to this URL: the same request has the same key, in every process."""
    return hashlib.sha256(b"%b\n%b" % (url.encode(), body)).digest()


def default_cache(limit: int = LARGEST) -> AnswerCache:
    """The cache of this user. Raises `ConfigurationError` for a folder that others may change."""
    return AnswerCache(answers_folder() / "answers.sqlite", limit)


class AnswerCache:
    """Answers by request, in one file. Used by one thread at a time; other processes may use the file as well.

    The least recently used answers are removed beyond `limit` bytes, give or take a hundredth. All methods raise
    `ConfigurationError` when the file cannot be read or written.
    """

    def __init__(self, path: Path, limit: int = LARGEST) -> None:
        self._path = path
        self._limit = limit
        self._database: sqlite3.Connection | None = None
        self._unchecked = limit  # the first answer that is kept is a moment to look

    def find(self, key: bytes) -> CachedAnswer | None:
        """The answer that was kept under this key, or `None`."""
        with self._open() as database:
            row = database.execute("SELECT answer, used FROM answers WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            if (now := time.time()) - row[1] > NOTED_EVERY:
                with database:
                    database.execute("UPDATE answers SET used = ? WHERE key = ?", (now, key))
        return decoded(row[0])

    def keep(self, key: bytes, answer: CachedAnswer) -> None:
        """Keep an answer; once this returns, the end of the process does not lose it."""
        text = encoded(answer)
        size = len(text.encode()) + len(key)
        if size > self._limit:
            return
        with self._open() as database, database:
            database.execute(KEEP, (key, text, size, time.time()))
            self._unchecked += size
            if self._unchecked > self._limit * CHECKED_SHARE:
                self._unchecked = 0
                (total,) = database.execute("SELECT bytes FROM total").fetchone()
                if total > self._limit:
                    database.execute(EVICT, (total - int(self._limit * KEPT_SHARE),))

    def size(self) -> CacheSize:
        """How full it is. Makes no file where there is none."""
        if not self._path.exists():
            return CacheSize(0, 0, self._limit, self._path)
        with self._open() as database:
            size, answers = database.execute("SELECT bytes, answers FROM total").fetchone()
        return CacheSize(answers, size, self._limit, self._path)

    def clear(self) -> CacheSize:
        """Remove every answer; returns how full it was."""
        before = self.size()
        if before.answers:
            with self._open() as database:
                with database:
                    database.execute("DELETE FROM answers")
                database.execute("VACUUM")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return before

    def close(self) -> None:
        """Close the file. The next call opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._database is None:
                self._database = opened(self._path)
            yield self._database
        except (sqlite3.Error, OSError) as error:
            raise ConfigurationError(
                _("The cache of answers {path} cannot be used ({error}).", path=self._path, error=error),
                _("Delete the file, or go on without it: --no-cache (cache=False)."),
            ) from error


def opened(path: Path) -> sqlite3.Connection:
    """A connection to the cache in `path`, which is made if need be.

    Two processes that make it at once are refused by SQLite, which does not wait for a change of the journal.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + PATIENCE
    while True:
        database = sqlite3.connect(path, timeout=PATIENCE)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")  # safe with a write-ahead log, but for a power failure
            with closing(database.cursor()) as cursor:
                cursor.executescript(TABLES)
            return database
        except BaseException as error:
            database.close()
            if "locked" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(LOOK)


FIELDS = ("text", "model", "finish_reason", "request_id")


def encoded(answer: CachedAnswer) -> str:
    """An answer as JSON, without what has its default value."""
    fields = {name: value for name in FIELDS if (value := getattr(answer, name))}
    if answer.usage:
        fields["usage"] = answer.usage.as_dict()
    return json.dumps(fields, ensure_ascii=False)


def decoded(text: str) -> CachedAnswer | None:
    """The answer of an entry; `None` for one that another version of the package wrote in another form."""
    try:
        fields = json.loads(text)
        usage = fields.pop("usage", None)
        return CachedAnswer(**({"text": ""} | fields), usage=Usage(**usage) if usage else None)
    except (TypeError, ValueError):
        return None
