"""llama.cpp with its own OpenAI-compatible server, in a process of its own on loopback.

A crash of the engine does not end the tests, and the engine ends with them: it stops when its standard input closes.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

START = 60.0
# How long an answer is at most, in tokens, when the question does not say.
LONGEST = 160
SEED = 11


@dataclass(frozen=True)
class Engine:
    """A running engine: its base URL up to `/v1`, the key it wants, and what its model is called."""

    base_url: str
    key: str = field(repr=False)
    model: str


@contextmanager
def running(model: Path, log: Path) -> Iterator[Engine]:
    """The engine with `model` loaded, for as long as the block runs; what it prints goes to the file `log`."""
    key = f"local-{secrets.token_hex(16)}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, __file__, str(model), key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output
        )
    assert process.stdin
    assert process.stdout
    try:
        address = process.stdout.readline().decode().strip()
        engine = Engine(f"{address}/v1", key, model.stem)
        wait_for_health(address, process, log)
        yield engine
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_for_health(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """The server listens before it has read the model; `/health` says when it has."""
    deadline = time.monotonic() + START
    with httpx.Client(trust_env=False) as client:
        while address and process.poll() is None and time.monotonic() < deadline:
            if client.get(f"{address}/health").status_code == 200:
                return
            time.sleep(0.05)
    raise RuntimeError("The engine did not start:\n" + log.read_text(encoding="utf-8", errors="replace")[-2000:])


def serve(model: str, key: str) -> None:
    """Serve until standard input closes. Runs in the engine's own process."""
    import os

    import xllamacpp  # type: ignore[import-untyped]  # it has no types

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {Path(model).stem}
    params.port = 0
    params.api_keys = [key]
    params.n_ctx = 4096
    params.n_parallel = 1
    params.n_predict = LONGEST
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.sampling.seed = SEED
    params.warmup = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    serve(*sys.argv[1:])
