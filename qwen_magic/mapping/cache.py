"""Answers on the disk, so that no row is paid for twice. Not for what a request is or how it is sent.

An entry's key is the hash of the request's URL and exact body; the API key is no part of it. The file is SQLite with a
write-ahead log: several processes share it, and an answer that was kept survives a `kill -9` of the process
(sqlite.org/wal.html). The log needs memory that all processes share, so that a file which other machines may have open
too has a rollback journal instead; its locks are then those of the network's file system (sqlite.org/faq.html, 5).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..core.errors import ConfigurationError
from ..core.events import Usage
from ..core.translatable import _, _n
from ..local.cache_folders import VARIABLE
from ..local.cache_folders import answers as answers_folder
from ..local.file_systems import is_remote

__all__ = ["AnswerCache", "CacheSize", "CachedAnswer", "cache_key", "default_cache"]

# Bytes of answers on the disk; ours: about a million answers of a paragraph.
LARGEST = 1_000_000_000
# An eviction makes so much room that the next one is far away. Whether it is time for one is looked at when a process
# has kept so much more.
KEPT_SHARE, CHECKED_SHARE = 0.9, 0.01
# Seconds after which a use of an entry is noted again. Noting each would turn every read into a write.
NOTED_EVERY = 86_400.0
# Seconds to wait for another process that holds the file: for what has to be read, and for what is left at the end.
PATIENCE, LAST_PATIENCE = 10.0, 5.0
# Seconds between two looks; that SQLite itself waits; and until answers that wait are tried again.
LOOK, BUSY, TRY_AGAIN = 0.02, 0.25, 2.0
# On another machine's disk, where writing may be slow, it takes no more than this share of the time.
SHARE_OF_WRITING = 0.1

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

    While another process holds the file, and between writes to another machine's disk, answers wait in memory, so that
    whoever asks does not. The least recently used answers are removed beyond `limit` bytes, give or take a hundredth.
    All methods raise `ConfigurationError` when the file cannot be read or written.
    """

    def __init__(self, path: Path, limit: int = LARGEST) -> None:
        self._path = path
        self._limit = limit
        self._database: sqlite3.Connection | None = None
        self._unchecked = limit  # the first answer that is kept is a moment to look
        self._waiting: dict[bytes, str] = {}
        self._used: set[bytes] = set()
        self._next_write = 0.0
        self._remote = is_remote(path.parent)

    def find(self, key: bytes) -> CachedAnswer | None:
        """The answer that was kept under this key, or `None`."""
        if key in self._waiting:
            return _decoded(self._waiting[key])
        with self._open() as database:
            row = _patient(
                lambda: database.execute("SELECT answer, used FROM answers WHERE key = ?", (key,)).fetchone()
            )
        if row is None:
            return None
        if time.time() - row[1] > NOTED_EVERY:
            self._used.add(key)
        return _decoded(row[0])

    def keep(self, key: bytes, answer: CachedAnswer) -> None:
        """Keep an answer; once this returns, the end of the process does not lose it, unless it waits (`due`)."""
        text = _encoded(answer)
        if len(text.encode()) + len(key) > self._limit:
            return
        self._waiting[key] = text
        if time.monotonic() >= self._next_write:
            self.write()

    @property
    def due(self) -> float | None:
        """Seconds until answers that wait should be written (`write`); `None` where none waits."""
        return max(0.0, self._next_write - time.monotonic()) if self._waiting else None

    def write(self) -> bool:
        """Write what waits; false where another process holds the file, for another try later."""
        if not self._waiting and not self._used:
            return True
        try:
            with self._open() as database, database:
                begun = time.monotonic()
                self._write_into(database)
        except ConfigurationError as error:
            if not _is_busy(error.__cause__):
                raise
            self._next_write = time.monotonic() + TRY_AGAIN
            return False
        self._waiting.clear()
        self._used.clear()
        if self._remote:
            self._next_write = begun + (time.monotonic() - begun) / SHARE_OF_WRITING
        return True

    def flush(self) -> None:
        """Write what waits, now, or raise `ConfigurationError`; the answers are lost to the file then."""
        until = time.monotonic() + LAST_PATIENCE
        while not self.write():
            count = len(self._waiting)
            if not count or time.monotonic() > until:
                self._waiting.clear()
                self._used.clear()
            if not count:
                return
            if not self._waiting:
                raise ConfigurationError(
                    _n(
                        "{count:,} answer could not be kept, because another process holds {path}.",
                        "{count:,} answers could not be kept, because another process holds {path}.",
                        count=count,
                        path=self._path,
                    ),
                    _("The result has them. Another run asks them again."),
                )
            time.sleep(LOOK)

    def size(self) -> CacheSize:
        """How full it is. Makes no file where there is none."""
        if not self._path.exists():
            return CacheSize(0, 0, self._limit, self._path)
        with self._open() as database:
            size, answers = _patient(lambda: database.execute("SELECT bytes, answers FROM total").fetchone())
        return CacheSize(answers, size, self._limit, self._path)

    def clear(self) -> CacheSize:
        """Remove every answer; returns how full it was."""
        before = self.size()
        if before.answers:
            with self._open() as database:
                _patient(lambda: database.execute("DELETE FROM answers"))
                database.commit()
                _patient(lambda: database.execute("VACUUM"))
                _patient(lambda: database.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
        return before

    def close(self) -> None:
        """Write what waits, and close the file; raises as `flush`. The next call opens it again."""
        try:
            self.flush()
        finally:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _write_into(self, database: sqlite3.Connection) -> None:
        now = time.time()
        database.executemany("UPDATE answers SET used = ? WHERE key = ?", [(now, key) for key in self._used])
        sizes = {key: len(text.encode()) + len(key) for key, text in self._waiting.items()}
        database.executemany(KEEP, [(key, text, sizes[key], now) for key, text in self._waiting.items()])
        self._unchecked += sum(sizes.values())
        if self._unchecked > self._limit * CHECKED_SHARE:
            (total,) = database.execute("SELECT bytes FROM total").fetchone()
            if total > self._limit:
                database.execute(EVICT, (total - int(self._limit * KEPT_SHARE),))
            self._unchecked = 0

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._database is None:
                self._database = _opened(self._path, self._remote)
            yield self._database
        except (sqlite3.Error, OSError) as error:
            if _is_busy(error):
                raise ConfigurationError(
                    _("Another process holds the cache of answers {path}.", path=self._path),
                    _("Wait for it, or go on without the cache: --no-cache (cache=False)."),
                ) from error
            raise ConfigurationError(
                _("The cache of answers {path} cannot be used ({error}).", path=self._path, error=error),
                _(
                    "Delete the file, set {variable} to a folder on a disk of this machine, or go on without the "
                    "cache: --no-cache (cache=False).",
                    variable=VARIABLE,
                ),
            ) from error


T = TypeVar("T")


def _is_busy(error: BaseException | None) -> bool:
    """Whether another process holds the file."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _patient(use: Callable[[], T]) -> T:
    """What `use` gives, once no other process holds the file; raises sqlite's error after a while."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return use()
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > until:
                raise
        time.sleep(LOOK)


def _opened(path: Path, remote: bool) -> sqlite3.Connection:
    """A connection to the cache in `path`, which is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return _patient(lambda: _opened_once(path, remote))


def _opened_once(path: Path, remote: bool) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY)
    try:
        if remote:
            database.execute("PRAGMA journal_mode = TRUNCATE")
        else:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")  # safe with a write-ahead log, but for a power failure
        # Looked for first: making what is there already would wait for a process that writes.
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'removed'").fetchone() is None:
            with closing(database.cursor()) as cursor:
                cursor.executescript(TABLES)
        return database
    except BaseException:
        database.close()
        raise


FIELDS = ("text", "model", "finish_reason", "request_id")


def _encoded(answer: CachedAnswer) -> str:
    """An answer as JSON, without what has its default value."""
    fields = {name: value for name in FIELDS if (value := getattr(answer, name))}
    if answer.usage:
        fields["usage"] = answer.usage.as_dict()
    return json.dumps(fields, ensure_ascii=False)


def _decoded(text: str) -> CachedAnswer | None:
    """The answer of an entry; `None` for one that another version of the package wrote in another form."""
    try:
        fields = json.loads(text)
        usage = fields.pop("usage", None)
        return CachedAnswer(**({"text": ""} | fields), usage=Usage(**usage) if usage else None)
    except (TypeError, ValueError):
        return None
