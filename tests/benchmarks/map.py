"""One question over many rows, beside plain httpx2, the openai SDK with a semaphore, and chatlas, in one run.

    python tests/benchmarks/map.py [--rows 5000] [--at-once 64] [--large 50000] [--rpm 6000]

The server is a process of its own, answers after 200 ms and notes when each request came. Printed are: the time beside
the ideal one, CPU a row, the most memory beside that before, and the most requests that came in any one second under
a limit. Peers that are not installed are left out.
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
from multiprocessing.connection import Connection
from typing import Any

LATENCY = 0.2
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


def with_map(url: str, given: list[str], at_once: int, rpm: float | None = None, cache: bool = True) -> None:
    import qwen_magic

    os.environ |= {"QWEN_API_KEY": "sk-benchmark-0001", "QWEN_MODEL": "qwen-plus"}
    found = qwen_magic.map(given, TEMPLATE, endpoint=url, concurrency=at_once, rpm=rpm, yes=True, cache=cache)
    assert all(row["answer"] == "The battery." for row in found)


def with_httpx2(url: str, given: list[str], at_once: int) -> None:
    import httpx2

    async def run() -> None:
        async with httpx2.AsyncClient(limits=httpx2.Limits(max_connections=at_once), timeout=60) as client:

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
    begun, cpu = time.perf_counter(), time.process_time()
    ask(url, given, at_once, **options)
    took = time.perf_counter() - begun, time.process_time() - cpu
    pipe.send((*took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024))


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
    ideal = given.rows / given.at_once * LATENCY
    print(f"{given.rows:,} rows, {given.at_once} at once, {LATENCY * 1000:.0f} ms: ideal {ideal:.1f} s")
    print(f"{'':<14}{'s':>8}{'× ideal':>10}{'CPU ms a row':>14}{'MB more':>9}")
    with server() as (url, times):
        for way in WAYS:
            if way != "qwen_magic" and importlib.util.find_spec(way) is None:
                continue
            seconds, cpu, memory = measure(way, url, given.rows, given.at_once)
            row = f"{seconds:>8.1f}{seconds / ideal:>10.2f}{cpu / given.rows * 1000:>14.2f}{memory:>9.1f}"
            print(f"{way:<14}{row}", flush=True)
        times()
        seconds, cpu, memory = measure("qwen_magic", url, given.rows // 5, given.at_once, rpm=given.rpm)
        arrived = times()[given.at_once :]
        print(f"rpm={given.rpm}: {given.rows // 5:,} rows in {seconds:.1f} s, ", end="")
        print(f"at most {most_in_a_second(arrived)} in any second")
        if given.large:
            seconds, cpu, memory = measure("qwen_magic", url, given.large, given.at_once)
            print(f"{given.large:,} rows: {seconds:.0f} s, {cpu / given.large * 1000:.2f} ms CPU a row, ", end="")
            print(f"{memory:.0f} MB more")


if __name__ == "__main__":
    main()
