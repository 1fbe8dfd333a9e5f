"""Two thousand questions with random faults: memory, threads and file descriptors stay where they are."""

from __future__ import annotations

import gc
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from faults import ANSWER, GOOD, HEADERS, LAST, FaultServer, Step, framed, plain
from kernels import Kernel
from wire import chunk, question, reasoning, sse, text

from qwen_magic.client import Client
from qwen_magic.credentials import Credentials
from qwen_magic.endpoints import endpoint
from qwen_magic.errors import QwenError
from qwen_magic.transport import Timeouts

QUESTIONS, IN_A_KERNEL = 2000, 200
WARM_UP = 300
MB = 1024 * 1024
BEGUN = framed(sse(chunk(reasoning_content="well"), chunk(content="some text " * 20), done=False))
BUSY = plain("503 Busy", b"{}", "application/json", "retry-after: 0")
LONG = framed(sse(*[chunk(content="x" * 500) for _ in range(200)], done=False))

FAULTS: tuple[tuple[Step, ...], ...] = (
    (HEADERS, BEGUN, "reset"),
    (HEADERS, BEGUN, "close"),
    (HEADERS, BEGUN, LAST),
    (HEADERS, BEGUN, "hang"),
    (HEADERS, LONG, framed(ANSWER), LAST),
    (HEADERS, BEGUN, framed(b'data: {"error":{"code":"data_inspection_failed","message":"no"}}\n\n'), LAST),
    (HEADERS, BEGUN, framed(b"data: <oops>\n\n"), LAST),
    (HEADERS, framed(ANSWER), "reset"),
    (*GOOD, "close"),
    (plain("200 OK", b"<html><title>Log in</title></html>", "text/html"),),
    (plain("302 Found", b"", "text/html", "location: http://elsewhere.invalid/"),),
    (plain("401 No", b'{"code":"InvalidApiKey","message":"no"}'),),
    (plain("400 No", sse({"error": {"message": "no"}}), "text/event-stream"),),
    (BUSY,),
)


def scripts(number: int, seed: int) -> list[tuple[Step, ...]]:
    """As many answers, half of them good; the same for the same seed."""
    chance = random.Random(seed)
    return [GOOD if chance.random() < 0.5 else chance.choice(FAULTS) for _ in range(number)]


@dataclass(frozen=True)
class Weight:
    """What a process takes."""

    memory: int
    threads: int
    descriptors: int


def weight(process: psutil.Process) -> Weight:
    descriptors = process.num_handles() if sys.platform == "win32" else process.num_fds()
    return Weight(process.memory_info().rss, process.num_threads(), descriptors)


def flat(before: Weight, after: Weight) -> bool:
    return (
        after.memory - before.memory < 12 * MB
        and after.threads <= before.threads + 1
        and after.descriptors <= before.descriptors + 4
    )


def wait_for(condition: Callable[[], Any], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(condition())


def settled(server: FaultServer) -> Weight:
    """What this process takes when nothing is under way any more, and nobody is connected to the server."""
    process = psutil.Process()
    assert wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "qwen-answer"])
    wait_for(lambda: not [found for found in process.net_connections("tcp") if server.port in found.laddr])
    gc.collect()
    return weight(process)


def test_two_thousand_questions_leave_nothing_behind() -> None:
    chance = random.Random(7)
    client = Client(Credentials({}), Timeouts(connect=2, idle=0.1))
    told: set[str] = set()
    answered = 0

    def ask(server: FaultServer) -> None:
        nonlocal answered
        seen = []
        leave = chance.random() < 0.1
        try:
            with client.stream(endpoint(server.url), question()) as stream:
                for batch in stream.batches(0.0):
                    seen += batch
                    if leave and text(seen):
                        return
        except QwenError as error:
            told.add(type(error).__name__)
        answered += bool(text(seen) or reasoning(seen))

    with FaultServer(*scripts(QUESTIONS * 2, seed=11)) as server:
        for _ in range(WARM_UP):
            ask(server)
        client.close()
        before = settled(server)
        for _ in range(QUESTIONS - WARM_UP):
            ask(server)
        client.close()
        server.requests.clear()
        after = settled(server)
    assert flat(before, after), (before, after)
    assert answered > QUESTIONS / 2
    assert {"StreamCut", "StreamGarbled", "NoAnswer", "ContentFiltered", "NotTheService", "KeyRejected"} <= told


@pytest.mark.skipif(sys.platform == "win32", reason="counts file descriptors of another process")
def test_a_kernel_takes_hundreds_of_faults_and_stays_as_it_is(fresh_kernel: Kernel) -> None:
    with FaultServer(GOOD) as server:
        server.listing = plain("200 OK", b'{"data":[{"id":"qwen-plus"}]}')
        fresh_kernel.use(server.url, "none-is-needed")
        fresh_kernel.run("%config QwenMagics.model = 'qwen-plus'\n%config QwenMagics.idle_timeout = 0.1")
        process = psutil.Process(fresh_kernel.value("__import__('os').getpid()"))

        def ask(answers: Sequence[tuple[Step, ...]]) -> list[str]:
            server.play(*answers)
            run = [fresh_kernel.run(f"%qwen -c {number % 7} hello", f"cell-{number}") for number in range(len(answers))]
            fresh_kernel.messages.clear()
            fresh_kernel.run("import gc; gc.collect()")
            return [result.status for result in run]

        ask(scripts(IN_A_KERNEL // 2, seed=3))
        before = weight(process)
        statuses = ask(scripts(IN_A_KERNEL, seed=5))
        assert wait_for(lambda: flat(before, weight(process))), (before, weight(process))
        assert {"ok", "error"} == set(statuses)
        server.play(GOOD)
        assert "one two" in fresh_kernel.run("%qwen --alone are you still there?").text
