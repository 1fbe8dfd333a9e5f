"""Which batches this user has with a service, on disk, so that any later kernel collects them. SQLite, one file.

A batch is entered before it is made: a process that is killed in between leaves an entry without an id, whose batch is
looked for by its input file. Not for what batches are, nor for answers: those go into the cache.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import ConfigurationError
from ..core.translatable import _
from ..local.cache_folders import answers as answers_folder
from ..local.file_lock import locked

__all__ = ["BatchLedger", "KnownBatch", "default_ledger"]

# Seconds to wait for another process that is writing.
PATIENCE = 30.0

TABLES = """
CREATE TABLE IF NOT EXISTS batches
    (file TEXT PRIMARY KEY, id TEXT NOT NULL, place TEXT NOT NULL, model TEXT NOT NULL, rows INTEGER NOT NULL,
     created REAL NOT NULL, status TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lines (file TEXT NOT NULL, key BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS lines_by_key ON lines (key);
CREATE INDEX IF NOT EXISTS lines_by_file ON lines (file);
CREATE TABLE IF NOT EXISTS errors (key BLOB PRIMARY KEY, error TEXT NOT NULL);
"""
# Our own states beside the service's: entered and perhaps not made yet; its answers are in the cache.
ENTERED, COLLECTED = "entered", "collected"


@dataclass(frozen=True, slots=True)
class KnownBatch:
    """A batch: its input file and, once it is known, its id. `created` is in seconds since 1970."""

    file: str
    id: str
    model: str
    rows: int
    created: float
    status: str


class BatchLedger:
    """The batches at one `place`: an endpoint and an account. Raises `ConfigurationError` when it cannot be kept."""

    def __init__(self, path: Path, place: str) -> None:
        self._path = path
        self._place = place

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within this block no other process is in one: what is entered without an id is nobody's work under way."""
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self._path.with_suffix(".lock")))
            except OSError as error:
                raise self._unusable(error) from error
            yield

    def enter(self, file: str, model: str, keys: Iterable[bytes]) -> None:
        """A batch is about to be made of this input file, whose lines have these keys."""
        lines = [(file, key) for key in keys]
        with self._open() as database:
            entry = (file, "", self._place, model, len(lines), time.time(), ENTERED)
            database.execute("INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)", entry)
            database.executemany("INSERT INTO lines VALUES (?, ?)", lines)
            database.executemany("DELETE FROM errors WHERE key = ?", [(key,) for _, key in lines])

    def note(self, file: str, id: str, status: str) -> None:
        """What has become of a batch."""
        with self._open() as database:
            database.execute("UPDATE batches SET id = ?, status = ? WHERE file = ?", (id, status, file))

    def end(self, file: str, errors: Iterable[tuple[bytes, str]], status: str = COLLECTED) -> None:
        """A batch is over and its answers are in the cache; these of its lines failed."""
        with self._open() as database:
            database.executemany("INSERT OR REPLACE INTO errors VALUES (?, ?)", errors)
            database.execute("DELETE FROM lines WHERE file = ?", (file,))
            database.execute("UPDATE batches SET status = ? WHERE file = ?", (status, file))

    def forget(self, file: str) -> None:
        """The batch was never made."""
        with self._open() as database:
            database.execute("DELETE FROM lines WHERE file = ?", (file,))
            database.execute("DELETE FROM batches WHERE file = ?", (file,))

    def open(self) -> tuple[KnownBatch, ...]:
        """The batches that have lines to collect, oldest first."""
        return tuple(batch for batch in self.all() if batch.file in self._with_lines())

    def all(self) -> tuple[KnownBatch, ...]:
        """All batches, oldest first."""
        query = "SELECT file, id, model, rows, created, status FROM batches WHERE place = ? ORDER BY created"
        with self._open() as database:
            return tuple(KnownBatch(*row) for row in database.execute(query, (self._place,)))

    def waiting(self) -> set[bytes]:
        """The keys of the lines that are in a batch which is not collected."""
        query = "SELECT key FROM lines JOIN batches USING (file) WHERE place = ?"
        with self._open() as database:
            return {key for (key,) in database.execute(query, (self._place,))}

    def errors(self) -> dict[bytes, str]:
        """Why lines had no answer in the last batch that they were in."""
        with self._open() as database:
            return dict(database.execute("SELECT key, error FROM errors"))

    def _with_lines(self) -> set[str]:
        with self._open() as database:
            return {file for (file,) in database.execute("SELECT DISTINCT file FROM lines")}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=PATIENCE)) as database, database:
                database.executescript(TABLES)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ConfigurationError:
        return ConfigurationError(
            _("The list of batches {path} cannot be used ({error}).", path=self._path, error=error),
            _("Move the file away."),
        )


def default_ledger(place: str) -> BatchLedger:
    """The batches of this user at a place."""
    return BatchLedger(answers_folder() / "batches.sqlite", place)
