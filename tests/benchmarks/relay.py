"""What the relay adds to a stream: latency per chunk with many streams at once, and memory.

    python tests/benchmarks/relay.py [--streams STREAMS] [--rate CHUNKS_PER_SECOND] [--seconds SECONDS]

A server in a process of its own writes the time into each chunk; the same client reads it directly and through a real
Jupyter server. Prints both, and the difference.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]  # it has no types

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from support.jupyter_servers import TOKEN, key_file, relay_options, running  # noqa: E402  # found by the line above

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
# What a chunk of the service weighs, in bytes.
FILLING = b"x" * 250
PATH = "/compatible-mode/v1/chat/completions"


@dataclass(frozen=True)
class Load:
    streams: int
    rate: float
    seconds: float

    @property
    def chunks(self) -> int:
        return int(self.rate * self.seconds)


def serve(pipe: Connection, load: Load) -> None:
    """The service: answers every request with chunks that say when they were sent."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        await reader.readexactly(length)
        writer.write(HEAD)
        start = time.monotonic()
        for number in range(load.chunks):
            await asyncio.sleep(max(0.0, start + number / load.rate - time.monotonic()))
            body = b"data: %d %s\n\n" % (time.monotonic_ns(), FILLING)
            writer.write(b"%x\r\n%s\r\n" % (len(body), body))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def read(url: str) -> list[float]:
    """The milliseconds that each chunk of one stream was on its way."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    body = b'{"model":"qwen-plus","stream":true,"messages":[]}'
    lines = (f"POST {parts.path} HTTP/1.1", f"host: {parts.netloc}", f"authorization: Bearer {TOKEN}")
    head = "\r\n".join((*lines, "content-type: application/json", f"content-length: {len(body)}", "", ""))
    writer.write(head.encode() + body)
    times = []
    while line := await reader.readline():
        if line.startswith(b"data: "):
            times.append((time.monotonic_ns() - int(line.split(b" ", 2)[1])) / 1e6)
        if line == b"0\r\n":
            break
    writer.close()
    return times


async def measure(url: str, load: Load) -> list[float]:
    async def later(number: int) -> list[float]:
        await asyncio.sleep(number / load.rate / load.streams)  # not all in the same instant
        return await read(url)

    streams = await asyncio.gather(*map(later, range(load.streams)))
    assert all(len(times) == load.chunks for times in streams), "an answer was cut"
    return [at for times in streams for at in times[1:]]


def row(name: str, times: Sequence[float]) -> tuple[float, float]:
    cuts = quantiles(times, n=1000)
    p50, p99 = cuts[499], cuts[989]
    print(f"{name:<12} {p50:>9.2f} {p99:>9.2f} {cuts[998]:>9.2f} {max(times):>9.2f}")
    return p50, p99


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--streams", type=int, default=100)
    options.add_argument("--rate", type=float, default=20)
    options.add_argument("--seconds", type=float, default=8)
    load = Load(**vars(options.parse_args()))
    ours, theirs = multiprocessing.Pipe()
    service = multiprocessing.Process(target=serve, args=(theirs, load), daemon=True)
    service.start()
    root = f"http://127.0.0.1:{ours.recv()}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running(folder, *relay_options(root, key_file=key_file(folder), burst=10_000)) as server:
            process = psutil.Process(server.process.pid)
            asyncio.run(measure(server.relay + PATH, load))  # everything is imported
            before = process.memory_info().rss
            print(f"{load.streams} streams, {load.rate:g} chunks a second each, {load.seconds:g} s; in ms per chunk")
            print(f"{'':<12} {'p50':>9} {'p99':>9} {'p99.9':>9} {'most':>9}")
            direct = row("direct", asyncio.run(measure(root + PATH, load)))
            cpu = process.cpu_times()
            relayed = row("relayed", asyncio.run(measure(server.relay + PATH, load)))
            spent = process.cpu_times()
            print(f"{'added':<12} {relayed[0] - direct[0]:>9.2f} {relayed[1] - direct[1]:>9.2f}")
            used = spent.user + spent.system - cpu.user - cpu.system
            print(f"server: {used / load.streams / load.chunks * 1e6:.0f} µs of CPU per chunk", end=", ")
            print(f"{(process.memory_info().rss - before) / 2**20:+.1f} MB after {load.streams} more streams")
    service.terminate()


if __name__ == "__main__":
    main()
