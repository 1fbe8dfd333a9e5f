"""The engine's process, `python -m qwen_magic.local.engine_process`: llama.cpp with its OpenAI-compatible server.

It reads its order from standard input, so that the key is on no command line; serves on loopback; writes a record for
every kernel of this user when the model is loaded; and exits after `idle` seconds without a request. It tracks no
kernels. Not for starting it: that is `engine_client`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

__all__ = ["Order", "Record", "get", "healthy"]

# The longest interval between two checks for requests, in seconds.
LOOK = 2.0
# The interval until the model is loaded, in seconds.
SOON = 0.02
# Seconds to wait for the server: one that processes a long prompt answers late; one that has ended refuses at once.
PATIENCE = 10.0
# Two kernels can ask at once; they share the context.
SLOTS = 2
# llama.cpp's levels: warnings and errors only, for its information would fill the disk in time.
WARNINGS = 2
# The only address that it serves on.
LOOPBACK = "127.0.0.1:"


@dataclass(frozen=True, slots=True)
class Order:
    """What to serve: `context` is in tokens, `idle` in seconds, `record` the path of the record to write."""

    model: str
    projector: str
    name: str
    context: int
    key: str = field(repr=False)
    idle: float
    record: str


@dataclass(frozen=True, slots=True)
class Record:
    """A running engine: its address, its key, and the name of its model."""

    host: str
    key: str = field(repr=False)
    name: str

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """The record at `path`; `None` if there is none, or it is incomplete or another user's."""
        with suppress(OSError, ValueError, TypeError, RecursionError), path.open(encoding="utf-8") as file:
            if hasattr(os, "geteuid") and os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            record = cls(**json.load(file))
            if all(isinstance(each, str) for each in asdict(record).values()) and record.host.startswith(LOOPBACK):
                return record
        return None

    def write(self, path: Path) -> None:
        """Write the record to `path`, readable by this user only, in one step."""
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(self), file)
        os.replace(new, path)


def _main() -> None:
    """Serve the order on standard input until the engine has been idle for long enough."""
    order = Order(**json.load(sys.stdin))
    import xllamacpp  # type: ignore[import-untyped]  # it has no types of its own

    try:
        server = xllamacpp.Server(_parameters(order))
    except RuntimeError:
        os._exit(1)  # llama.cpp has written the reason to standard error
    record = Record(server.listening_address.removeprefix("http://"), order.key, order.name)
    while not healthy(record.host):
        time.sleep(SOON)
    path = Path(order.record)
    record.write(path)
    _watch(record, path, order.idle)
    if Record.read(path) == record:
        path.unlink(missing_ok=True)
    os._exit(0)  # the server's threads never end by themselves


def _parameters(order: Order) -> Any:
    """llama.cpp's parameters: its defaults, except for those that would take the machine from other work."""
    import psutil  # type: ignore[import-untyped]  # it has no types of its own
    import xllamacpp

    chosen = xllamacpp.CommonParams()
    chosen.model.path = order.model
    chosen.mmproj.path = order.projector
    chosen.model_alias = {order.name}
    chosen.hostnames = ["127.0.0.1"]
    chosen.port = 0
    chosen.api_keys = [order.key]
    chosen.cors_origins = "http://127.0.0.1"
    chosen.ui = False
    chosen.n_ctx = order.context
    chosen.n_parallel = SLOTS
    chosen.kv_unified = True
    chosen.cache_ram_mib = 0  # llama.cpp would keep up to 8 GB of old prompts
    chosen.cache_idle_slots = False
    chosen.verbosity = WARNINGS
    # One core stays free: the threads wait actively for each other, so one that is delayed delays all.
    threads = max(1, (psutil.cpu_count(logical=False) or 1) - 1)
    chosen.cpuparams.n_threads = chosen.cpuparams_batch.n_threads = threads
    return chosen


def _watch(record: Record, path: Path, idle: float) -> None:
    """Return after `idle` seconds without a request, and when the server or the record is gone.

    Removing the record ends the engine: without it, no kernel can find it.
    """
    every = min(LOOK, idle / 10)
    last, since = _activity(record), time.monotonic()
    while time.monotonic() - since < idle - every and Record.read(path) == record:
        time.sleep(every)
        try:
            now = _activity(record)
        except ConnectionRefusedError:
            return
        if now is None or now != last or any(busy for busy, _ in now):
            last, since = now, time.monotonic()


def _activity(record: Record) -> list[tuple[bool, int]] | None:
    """For each slot, whether it works and the id of its last task; `None` if the server is too busy to answer."""
    with suppress(TimeoutError, HTTPException, ValueError):
        slots = json.loads(get(record.host, "/slots", record.key)[1])
        return [(bool(slot.get("is_processing")), int(slot.get("id_task", -1))) for slot in slots]
    return None


def healthy(host: str) -> bool:
    """Whether an engine listens at this host and port, and has loaded its model."""
    try:
        return get(host, "/health")[0] == 200
    except TimeoutError:
        return True
    except (OSError, HTTPException):
        return False


def get(host: str, path: str, key: str = "") -> tuple[int, bytes]:
    """Status and body of an answer from loopback."""
    connection = HTTPConnection(host, timeout=PATIENCE)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


if __name__ == "__main__":
    _main()
