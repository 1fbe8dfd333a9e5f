"""One question over many rows, beside plain httpx and httpx2, the openai SDK with a semaphore, and chatlas, in one run.

    python tests/benchmarks/map.py [--rows 5000] [--at-once 64] [--large 50000] [--rpm 6000]

The server is a process of its own, answers after 200 ms and notes when each request came. Printed are: the time beside
the ideal one, CPU a row beside ours, and the most memory beside that before; the same on two worker processes of dask;
the most requests that came in any one second under a limit; memory with many rows beside a fifth of them; and whether
the goals are met. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache as once
from multiprocessing.connection import Connection
from typing import Any

LATENCY = 0.2
# The goals: times the ideal time, and ms of CPU a row.
GOAL_TIME, GOAL_CPU = 1.2, 2.0
PATH = "/compatible-mode/v1"
TEMPLATE = "What is the topic of this review? {{ value }}"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "qwen-plus",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "The battery."}}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24},
}
BODY = json.dumps(ANSWER).encode()
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Answering(asyncio.Protocol):
    """One connection of the server: an answer LATENCY after each request."""

    def __init__(self, times: list[float]) -> None:
        self._times = times
        self._unread = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        head, end, rest = self._unread.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        if end and len(rest) >= length:
            self._unread = rest[length:]
            self._times.append(time.time())
            asyncio.get_running_loop().call_later(LATENCY, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(REPLY)


def serve(pipe: Connection) -> None:
    """The server's process: says its port, then at each question the times since the last one."""

    async def run() -> None:
        times: list[float] = []
        server = await asyncio.get_running_loop().create_server(lambda: Answering(times), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        while await asyncio.to_thread(pipe.recv):
            pipe.send(times[:])
            times.clear()

    asyncio.run(run())


@contextmanager
def server() -> Iterator[tuple[str, Callable[[], list[float]]]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()

    def times() -> list[float]:
        ours.send(True)
        return sorted(ours.recv())

    try:
        yield f"http://127.0.0.1:{ours.recv()}{PATH}", times
    finally:
        ours.send(False)
        process.join()


def rows(count: int) -> list[str]:
    return [f"The battery of number {number} lasts two days." for number in range(count)]


def prompt(row: str) -> str:
    return TEMPLATE.replace("{{ value }}", row)


def gathered(given: list[str], at_once: int, ask: Callable[[str], Awaitable[Any]]) -> Awaitable[Any]:
    """What people write: a semaphore, and a task for each row."""
    places = asyncio.Semaphore(at_once)

    async def one(row: str) -> Any:
        async with places:
            return await ask(row)

    return asyncio.gather(*map(one, given))


def with_map(url: str, given: list[str], at_once: int, rpm: float | None = None, where: Any = "live") -> None:
    import qwen_magic

    os.environ |= {"QWEN_API_KEY": "sk-benchmark-0001", "QWEN_MODEL": "qwen-plus"}
    found = qwen_magic.map(given, TEMPLATE, endpoint=url, concurrency=at_once, rpm=rpm, yes=True, where=where)
    assert all(row["answer"] == "The battery." for row in found)


@once
def workers() -> Any:
    """A client of two worker processes, in the process that measures; they end with it."""
    import distributed

    os.environ |= {"QWEN_API_KEY": "sk-benchmark-0001"}
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=":0")
    return distributed.Client(cluster)


def with_dask(url: str, given: list[str], at_once: int, rpm: float | None = None) -> None:
    with_map(url, given, at_once, rpm, where=workers())


def with_httpx(url: str, given: list[str], at_once: int) -> None:
    import httpx

    plain(httpx, url, given, at_once)


def with_httpx2(url: str, given: list[str], at_once: int) -> None:
    import httpx2

    plain(httpx2, url, given, at_once)


def plain(library: Any, url: str, given: list[str], at_once: int) -> None:
    async def run() -> None:
        async with library.AsyncClient(limits=library.Limits(max_connections=at_once), timeout=60) as client:

            async def ask(row: str) -> Any:
                body = {"model": "qwen-plus", "messages": [{"role": "user", "content": prompt(row)}]}
                return (await client.post(f"{url}/chat/completions", json=body)).json()

            await gathered(given, at_once, ask)

    asyncio.run(run())


def with_openai(url: str, given: list[str], at_once: int) -> None:
    import openai

    async def run() -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="sk-benchmark-0001") as client:

            async def ask(row: str) -> Any:
                return await client.chat.completions.create(
                    model="qwen-plus", messages=[{"role": "user", "content": prompt(row)}]
                )

            await gathered(given, at_once, ask)

    asyncio.run(run())


def with_chatlas(url: str, given: list[str], at_once: int) -> None:
    import chatlas

    chat = chatlas.ChatOpenAICompletions(base_url=url, api_key="sk-benchmark-0001", model="qwen-plus")
    asyncio.run(chatlas.parallel_chat(chat, [prompt(row) for row in given], max_active=at_once, rpm=10**9))


WAYS: dict[str, Callable[[str, list[str], int], None]] = {
    "qwen_magic": with_map,
    "distributed": with_dask,
    "httpx": with_httpx,
    "httpx2": with_httpx2,
    "openai": with_openai,
    "chatlas": with_chatlas,
}


def measured(way: str, url: str, count: int, at_once: int, pipe: Connection, **options: Any) -> None:
    """Seconds, CPU seconds and MB at the most, beside those before, in a process of its own."""
    os.environ["QWEN_MAGIC_CACHE"] = tempfile.mkdtemp()
    ask = WAYS[way]
    ask(url, rows(at_once), at_once)  # imports, connections
    given = rows(count + at_once)[at_once:]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, cpu = time.perf_counter(), used(way)
    ask(url, given, at_once, **options)
    took = time.perf_counter() - begun, used(way) - cpu
    pipe.send((*took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))
    if way == "distributed":
        workers().shutdown()


def used(way: str) -> float:
    """CPU seconds so far, those of dask's workers as well."""
    theirs = sum(workers().run(time.process_time).values()) if way == "distributed" else 0.0
    return time.process_time() + theirs


def measure(way: str, url: str, count: int, at_once: int, **options: Any) -> tuple[float, float, float]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=measured, args=(way, url, count, at_once, theirs), kwargs=options
    )
    process.start()
    theirs.close()
    try:
        found: tuple[float, float, float] = ours.recv()
    finally:
        process.join()
    return found


def most_in_a_second(times: list[float]) -> int:
    first, most = 0, 0
    for last, moment in enumerate(times):
        while moment - times[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--large", type=int, default=50_000)
    parser.add_argument("--rpm", type=int, default=6_000)
    given = parser.parse_args()
    with server() as (url, times):
        compare(url, given.rows, given.at_once)
        for way in ("qwen_magic", "distributed"):
            if installed(way):
                keep_rate(way, url, times, given.rows // 5, given.at_once, given.rpm)
        if given.large:
            grow(url, given.large, given.at_once)


def compare(url: str, count: int, at_once: int) -> None:
    """The table of all ways."""
    ideal = count / at_once * LATENCY
    print(f"{count:,} rows, {at_once} at once, {LATENCY * 1000:.0f} ms: ideal {ideal:.1f} s")
    print(f"{'':<14}{'s':>8}{'× ideal':>10}{'CPU ms a row':>14}{'× ours':>8}{'MB more':>9}")
    ours = 0.0
    for way in filter(installed, WAYS):
        seconds, cpu, memory = measure(way, url, count, at_once)
        ours = ours or cpu
        ratios = f"{seconds:>8.1f}{seconds / ideal:>10.2f}{cpu / count * 1000:>14.2f}{cpu / ours:>8.1f}"
        goals = f"  goals: {met(seconds / ideal, GOAL_TIME)}, {met(cpu / count * 1000, GOAL_CPU)}"
        print(f"{way:<14}{ratios}{memory:>9.1f}{goals * (way == 'qwen_magic')}", flush=True)


def keep_rate(way: str, url: str, times: Callable[[], list[float]], count: int, at_once: int, rpm: int) -> None:
    """The most requests that came in any second, where there is a limit."""
    times()
    seconds, _, _ = measure(way, url, count, at_once, rpm=rpm)
    most = most_in_a_second(times()[at_once:])
    print(f"{way}, rpm={rpm}: {count:,} rows in {seconds:.1f} s (ideal {count / rpm * 60:.1f} s), ", end="")
    print(f"at most {most} in any second: {met(most, rpm / 60)}", flush=True)


def grow(url: str, count: int, at_once: int) -> None:
    """Memory with so many rows, and with a fifth of them."""
    for rows in (count // 5, count):
        seconds, cpu, memory = measure("qwen_magic", url, rows, at_once)
        print(f"{rows:,} rows: {seconds:.0f} s, {cpu / rows * 1000:.2f} ms CPU a row, {memory:.1f} MB more", flush=True)


def met(found: float, goal: float) -> str:
    return f"{found:.2f} of {goal:g} {'met' if found <= goal else 'MISSED'}"


def installed(way: str) -> bool:
    return importlib.util.find_spec(way) is not None


if __name__ == "__main__":
    main()
