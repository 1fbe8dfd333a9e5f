"""Many questions in one loop: a server that misbehaves is told of in the same words as by the client of a cell."""

from __future__ import annotations

import asyncio
import gzip
import time

import pytest
from support.event_loop import run_coroutine
from support.faults import ANSWER, GOOD, HEADERS, LAST, FaultServer, Step, framed, plain
from support.wire import question, text

from qwen_magic.core.errors import (
    ConfigurationError,
    ConnectionFailed,
    NoAnswer,
    NotTheService,
    QwenError,
    RateLimited,
    StreamCut,
    StreamGarbled,
)
from qwen_magic.core.events import Event
from qwen_magic.protocols import protocol
from qwen_magic.service.async_client import LANE, AsyncClient
from qwen_magic.service.endpoints import endpoint
from qwen_magic.service.timeouts import Timeouts

PLAIN_HEADERS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
PACKED = gzip.compress(gzip.compress(ANSWER))


async def asked(client: AsyncClient, port: int) -> list[Event]:
    here, form = endpoint(f"http://127.0.0.1:{port}/v1"), protocol("compatible")
    return await client.ask(here, form.encode(question(), here.dialect), form.decoder(question(), here.dialect))


def events(*scripts: tuple[Step, ...], idle: float = 20.0) -> list[Event]:
    """The events of one question to a server with these scripts. Raises what a person would be told."""

    async def run(port: int) -> list[Event]:
        async with AsyncClient(Timeouts(5.0, idle), 4) as client:
            return await asked(client, port)

    with FaultServer(*scripts) as server:
        return run_coroutine(run(server.port))


@pytest.mark.parametrize(
    "script",
    [
        GOOD,
        (HEADERS, *(framed(ANSWER[place : place + 1]) for place in range(len(ANSWER))), LAST),
        (plain("200 OK", gzip.compress(ANSWER), "text/event-stream", "content-encoding: gzip"),),
        (PLAIN_HEADERS + b"connection: close\r\n\r\n" + ANSWER, "close"),
    ],
    ids=["whole", "byte by byte", "compressed", "until the connection closes"],
)
def test_an_answer_is_read_however_it_comes(script: tuple[Step, ...]) -> None:
    assert text(events(script)) == "one two"


WRONG: dict[str, tuple[tuple[Step, ...], type[QwenError]]] = {
    "cut in mid-answer": ((HEADERS, framed(ANSWER[:200]), "reset"), StreamCut),
    "nothing at all": (("reset",), ConnectionFailed),
    "an empty stream": ((HEADERS, LAST), NoAnswer),
    "a login page": ((plain("200 OK", b"<html>log in</html>", "text/html"),), NotTheService),
    "moved": ((plain("302 Found", b"", "text/html", "location: https://elsewhere/v1"),), ConfigurationError),
    "busy": ((plain("429 Too Many Requests", b'{"error":{"code":"limit_requests","message":"slower"}}'),), RateLimited),
    "packed twice": (
        (plain("200 OK", PACKED, "text/event-stream", "content-encoding: gzip, gzip"),),
        StreamGarbled,
    ),
    "not gzip": ((plain("200 OK", b"no gzip", "text/event-stream", "content-encoding: gzip"),), StreamGarbled),
    "cut off by the service": (
        (plain("200 OK", ANSWER, "text/event-stream", "x-dashscope-partialresponse: true"),),
        NoAnswer,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_goes_wrong_is_one_of_our_errors(name: str) -> None:
    script, kind = WRONG[name]
    with pytest.raises(kind) as caught:
        events(script)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "script",
    [("hang",), (HEADERS, "hang"), (b"HTTP/1.1 200 OK\r\n", *([b"x-slow: 1\r\n", 0.1] * 100))],
    ids=["before the headers", "after the headers", "headers that never end"],
)
def test_silence_ends(script: tuple[Step, ...]) -> None:
    begun = time.monotonic()
    with pytest.raises(NoAnswer):
        events(script, idle=0.5)
    assert time.monotonic() - begun < 8


def test_a_cookie_of_the_service_is_not_sent_with_the_next_question() -> None:
    async def run(port: int) -> None:
        async with AsyncClient(Timeouts(), LANE) as client:
            for _ in range(2):
                await asked(client, port)

    with FaultServer((plain("200 OK", ANSWER, "text/event-stream", "set-cookie: who=ann; Path=/"),)) as server:
        run_coroutine(run(server.port))
        assert [b"cookie" in request.lower() for request in server.requests] == [False, False]


def test_what_is_cancelled_closes_its_connection() -> None:
    async def run(server: FaultServer) -> None:
        async with AsyncClient(Timeouts(), 4) as client:
            task = asyncio.ensure_future(asked(client, server.port))
            while not server.requests:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.gone.wait, 10)

    with FaultServer((HEADERS, "hang")) as server:
        run_coroutine(run(server))


def test_connections_are_kept_for_the_next_requests() -> None:
    async def run(port: int) -> None:
        async with AsyncClient(Timeouts(), 3 * LANE) as client:
            for _ in range(5):
                await asyncio.gather(*(asked(client, port) for _ in range(3)))

    with FaultServer((plain("200 OK", ANSWER, "text/event-stream"),)) as server:
        run_coroutine(run(server.port))
        assert server.connections == 3
        assert len(server.requests) == 15
