"""The kernel's side of an engine: one process serves a model file to every kernel of this user.

The first kernel starts it, the others find its record. It stops after some time without a question, and starts again
with the next one. Not for choosing or downloading the file (`model_startup`), nor for the process itself
(`engine_process`).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from ..core.errors import ConfigurationError, ConnectionFailed
from ..core.forks import renewed_in_children
from ..core.sizes import readable_size
from ..core.translatable import _
from ..protocols import LOCAL
from ..service.credentials import Credentials
from ..service.endpoints import Endpoint
from .cache_folders import engines
from .catalogue import SHORTEST_CONTEXT, needed
from .engine_process import Order, Record, healthy
from .file_lock import locked
from .gguf import file_bytes, header, unreadable
from .interaction import Dialogue, Loading
from .memory import available

__all__ = ["IDLE", "LocalEngine", "identity"]

# After so many seconds without a question an engine stops.
IDLE = 900.0
# Contexts to start with, in tokens: the longest that leaves a quarter of the free memory alone.
CONTEXTS = (32_768, 16_384, 8_192, SHORTEST_CONTEXT)
ROOM = 0.75
# The interval at which a start checks whether the engine is ready, in seconds.
LOOK = 0.05
# llama.cpp's errors in its log: "0.00.004.338 E gguf_init_from_reader: invalid magic characters".
ERROR = re.compile(r"^[\d.]+ E \s*(.+)", re.MULTILINE)
LOGGED = re.compile(r"^[\d.]+ [DIWE] .*\n?", re.MULTILINE)
LONGEST_REASON = 200
# The engine imports this package from the same folder as the kernel.
PACKAGE = str(Path(__file__).resolve().parents[2])
# On Windows, what `start_new_session` is elsewhere.
if sys.platform == "win32":
    APART = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
else:
    APART = 0


class LocalEngine:
    """A model file, and the process that serves it.

    `idle` is the seconds without a question after which it stops; a change applies from its next start.
    """

    def __init__(
        self,
        model: Path,
        projector: Path | None,
        name: str,
        credentials: Credentials,
        idle: float = IDLE,
        loading: Loading = Dialogue.loading,
    ) -> None:
        """`name` is the model's name, `projector` the file that makes it read images; `loading` shows the progress."""
        self._model, self._projector, self._name = model.resolve(), projector, name
        self._credentials = credentials
        self.idle = idle
        self._loading = loading
        self._lock_of_threads = threading.Lock()
        self._asked: Record | None = None
        self._process: subprocess.Popen[bytes] | None = None
        place = engines() / identity(self._model, projector)
        self._record, self._lock, self._log = (place.with_suffix(end) for end in (".json", ".lock", ".log"))
        renewed_in_children(self)

    def is_running(self) -> bool:
        """Whether the engine runs, whichever kernel started it; sends it a request."""
        return self._running() is not None

    def start(self) -> Endpoint:
        """Start the engine unless it runs, which takes as long as reading its file, and return its endpoint.

        Raises `ConfigurationError` if the model does not fit or cannot be loaded, and `ConnectionFailed`, once, if the
        engine has crashed since its last use.
        """
        with self._lock_of_threads:
            self._asked = record = self._running() or self._started()
        account = f"{self._name} on this machine"
        self._credentials.remember_for_session(account, record.key)
        return Endpoint("local", f"http://{record.host}/v1", "compatible", LOCAL, account, needs_key=True)

    def after_fork(self) -> None:
        """In a forked child: a new lock, since a thread of the parent may have been starting the engine."""
        self._lock_of_threads = threading.Lock()

    def _running(self) -> Record | None:
        record = Record.read(self._record)
        return record if record and healthy(record.host) else None

    def _started(self) -> Record:
        """Start the engine, or wait for another kernel that is starting it."""
        with self._loading(f"{self._name} ({readable_size(self._bytes())})") as told, locked(self._lock, told):
            record = Record.read(self._record)
            if record and healthy(record.host):
                return record
            self._record.unlink(missing_ok=True)
            if record and record == self._asked:  # an engine that ends by itself takes its record with it
                raise ConnectionFailed(
                    _("The engine of {name} has crashed{last_words}.", name=self._name, last_words=self._last_words()),
                    _("Run the cell again to start it anew."),
                )
            return self._start(told)

    def _start(self, told: Callable[[], None]) -> Record:
        order = Order(
            model=str(self._model),
            projector=str(self._projector or ""),
            name=self._name,
            context=self._context(),
            key=f"sk-local-{secrets.token_hex(16)}",
            idle=self.idle,
            record=str(self._record),
        )
        with self._log.open("wb") as log:
            self._process = process = _spawned(order, log)
        try:
            while True:
                record = Record.read(self._record)
                if record and record.key == order.key:
                    return record
                if process.poll() is not None:
                    raise ConfigurationError(
                        _(
                            "The engine could not load {name}{last_words}.",
                            name=self._model.name,
                            last_words=self._last_words(),
                        )
                    )
                told()
                time.sleep(LOOK)
        except BaseException:
            process.kill()
            raise

    def _context(self) -> int:
        """The context to start with, in tokens. Raises `ConfigurationError` if even the shortest does not fit."""
        facts, free, weights = header(self._model), available(), self._bytes()
        for tokens in CONTEXTS:
            if needed(weights, facts.bytes_per_token, tokens) <= free * (ROOM if tokens > SHORTEST_CONTEXT else 1):
                return min(tokens, facts.context or tokens)
        raise ConfigurationError(
            _(
                "{name} needs {needed} of memory, and {free} are free: it was not loaded.",
                name=self._name,
                needed=readable_size(needed(weights, facts.bytes_per_token, SHORTEST_CONTEXT)),
                free=readable_size(free),
            ),
            _("Take a smaller model (%qwen use local:NAME), or close something."),
        )

    def _bytes(self) -> int:
        return file_bytes(self._model) + (file_bytes(self._projector) if self._projector else 0)

    def _last_words(self) -> str:
        """Why the engine ended: an error in its log, else its exit code."""
        code = self._process.poll() if self._process else None
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        found = ERROR.search(text)
        reason = found[1] if found else LOGGED.sub("", text).strip().rpartition("\n")[2]
        said = " ".join(reason.split())[:LONGEST_REASON]
        if code is None or code >= 0:
            return _(" ({reason})", reason=said) if said else ""
        killed = (
            _("signal {number}, as when memory runs out", number=-code)
            if code == -9
            else _("signal {number}", number=-code)
        )
        return _(" ({signal}; {reason})", signal=killed, reason=said) if said else _(" ({reason})", reason=killed)


def identity(model: Path, projector: Path | None) -> str:
    """An id of these files in their present state, the same in every kernel. Raises `ConfigurationError`."""
    digest = hashlib.sha256()
    for path in filter(None, (model, projector)):
        try:
            facts = path.stat()
        except OSError as error:
            raise unreadable(path, error) from None
        digest.update(f"{path.resolve()}\0{facts.st_size}\0{facts.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:16]


def _spawned(order: Order, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the engine's process and send it its order. It outlives this kernel, and is not interrupted with it."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "qwen_magic.local.engine_process"],  # -P: no module of the notebook's folder
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (PACKAGE, os.environ.get("PYTHONPATH"))))},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
        creationflags=APART,
    )
    with suppress(OSError):  # it is gone already, and its log says why
        if process.stdin:
            with process.stdin:
                process.stdin.write(json.dumps(asdict(order)).encode())
    return process
