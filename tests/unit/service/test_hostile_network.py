"""The client in a hostile network, on real sockets.

For each trouble: the right error in the person's terms, what had arrived is kept, nothing is asked again after the
first event, nothing stays behind, and the next question is answered.
"""

from __future__ import annotations

import gc
import gzip
import io
import json
import socket
import ssl
import struct
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # it has no types
import pytest
from rich.console import Console
from rich.traceback import Traceback
from support.certificates import HOST, Authority, wrapping
from support.faults import ANSWER, GOOD, HEADERS, LAST, FaultServer, Step, framed, plain
from support.waiting import wait_for
from support.wire import chunk, keyed, question, sse, text

from qwen_magic.core.errors import (
    CertificateError,
    ConfigurationError,
    ConnectionFailed,
    ContentFiltered,
    NoAnswer,
    NotTheService,
    QwenError,
    ServiceUnavailable,
    StreamCut,
    StreamGarbled,
)
from qwen_magic.core.events import Event, Finish, Retrying
from qwen_magic.core.settings import Settings
from qwen_magic.provider.provider import Provider
from qwen_magic.service.client import Client
from qwen_magic.service.credentials import Credentials
from qwen_magic.service.endpoints import Endpoint, endpoint
from qwen_magic.service.files_api import Ledger, RemoteFile, RemoteFiles
from qwen_magic.service.timeouts import Timeouts

KEY = "sk-hostile-0123456789abcdef"
MB = 1024 * 1024
# Seconds of silence after which these tests give up; the service is given 310.
IDLE = 0.4
BEGUN = framed(sse(chunk(content="some text"), done=False))
PLAIN_HEADERS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"

KEYS = Credentials({"QWEN_API_KEY": KEY})


def at(url: str) -> Endpoint:
    """The endpoint at a URL, with its key."""
    return keyed(endpoint(url), KEYS)


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(Timeouts(connect=2, idle=IDLE))
    yield client
    client.close()
    assert wait_for(lambda: not readers()), "a thread was left behind"


def ask(client: Client, url: str) -> tuple[list[Event], QwenError | None]:
    """All events of one answer, and what ended it."""
    events: list[Event] = []
    try:
        with client.stream(at(url), question()) as stream:
            for batch in stream.batches(0.0):
                events += batch
    except QwenError as error:
        return events, error
    return events, None


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "qwen-answer"]


def connections_to(port: int) -> list[Any]:
    return [found for found in psutil.Process().net_connections("tcp") if found.raddr and found.raddr.port == port]


def usable(client: Client, server: FaultServer) -> bool:
    """Whether the next question is answered, and then nothing stays open."""
    server.play(GOOD)
    events, error = ask(client, server.url)
    client.close()
    return error is None and text(events) == "one two" and wait_for(lambda: not connections_to(server.port))


# --- answers that break off: nothing is asked twice, and what came is kept

BROKEN: dict[str, tuple[tuple[Step, ...], type[QwenError]]] = {
    "reset after the headers": ((HEADERS, 0.05, "reset"), NoAnswer),
    "closed after the headers": ((HEADERS, "close"), NoAnswer),
    "silence after the headers": ((HEADERS, "hang"), NoAnswer),
    "reset after some text": ((HEADERS, BEGUN, 0.05, "reset"), StreamCut),
    "closed after some text": ((HEADERS, BEGUN, "close"), StreamCut),
    "silence after some text": ((HEADERS, BEGUN, "hang"), NoAnswer),
    "closed in a chunk's size": ((HEADERS, BEGUN, b"1f", "close"), StreamCut),
    "closed inside a chunk": ((HEADERS, BEGUN, b"ff\r\ndata: {", "close"), StreamCut),
    "a chunk's size that is none": ((HEADERS, BEGUN, b"zz\r\n", "close"), StreamCut),
    "no last chunk": ((HEADERS, BEGUN, framed(b": bye\n\n"), "close"), StreamCut),
    "less than the length said": ((PLAIN_HEADERS + b"content-length: 999\r\n\r\n", BEGUN[4:-2], "close"), StreamCut),
    "old HTTP, ended in the middle": ((b"HTTP/1.0 200 OK\r\n\r\n", BEGUN[4:-2], "close"), StreamCut),
    "an event that is no JSON": ((HEADERS, BEGUN, framed(b"data: <oops>\n\n"), LAST), StreamGarbled),
    "an event that says nothing": ((HEADERS, BEGUN, framed(b"data: [1]\n\n"), LAST), StreamCut),
    "the content filter": (
        (HEADERS, BEGUN, framed(b'data: {"error":{"code":"data_inspection_failed","message":"no"}}\n\n'), LAST),
        ContentFiltered,
    ),
    "the service's own trouble": (
        (HEADERS, BEGUN, framed(b'data: {"error":{"code":500,"message":"oh"}}\n\n'), LAST),
        ServiceUnavailable,
    ),
}


@pytest.mark.parametrize(("script", "expected"), BROKEN.values(), ids=BROKEN)
def test_an_answer_that_breaks_is_told_kept_and_not_asked_again(
    client: Client, script: tuple[Step, ...], expected: type[QwenError]
) -> None:
    with FaultServer(script) as server:
        events, error = ask(client, server.url)
        assert type(error) is expected
        assert error.happened
        assert text(events) == ("some text" if len(script) > 1 and any(is_text(step) for step in script) else "")
        assert not any(isinstance(event, Finish) for event in events)
        if text(events):
            assert len(server.requests) == 1
        assert usable(client, server)


def is_text(step: Step) -> bool:
    return isinstance(step, bytes) and b"some text" in step


def test_silence_with_pings_is_waited_out_and_without_them_given_up(client: Client) -> None:
    pings = [step for _ in range(10) for step in (framed(b": ping\n\n"), IDLE / 4)]
    with FaultServer((HEADERS, BEGUN, *pings, framed(ANSWER), LAST)) as server:
        events, error = ask(client, server.url)
        assert error is None
        assert text(events) == "some textone two"
        server.play((HEADERS, BEGUN, IDLE * 2.5, framed(ANSWER), LAST))
        events, error = ask(client, server.url)
        assert isinstance(error, NoAnswer)
        assert text(events) == "some text"
        assert usable(client, server)


# --- nobody, or nobody who answers


@pytest.mark.parametrize(
    "script",
    [
        ("reset",),
        ("close",),
        (b"HTTP/1.1 200", "reset"),
        (b"HTTP/1.1 200 OK\r\ncontent-ty", "close"),
        (b"SSH-2.0\r\n", "close"),
    ],
    ids=["reset", "closed", "reset in the status", "closed in the headers", "another protocol"],
)
def test_what_breaks_before_an_answer_is_asked_again(client: Client, script: tuple[Step, ...]) -> None:
    with FaultServer(script, GOOD) as server:
        events, error = ask(client, server.url)
        assert error is None
        assert text(events) == "one two"
        assert [type(event) for event in events].count(Retrying) == 1
        assert usable(client, server)


def test_a_connection_that_is_reset_at_once_is_a_failed_connection(client: Client) -> None:
    def reset(connection: socket.socket) -> socket.socket:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        raise OSError

    with FaultServer(GOOD, wrap=reset) as server:
        events, error = ask(client, server.url)
        assert type(error) is ConnectionFailed
        assert [type(event) for event in events] == [Retrying, Retrying]


@pytest.mark.parametrize("script", [("hang",), (b"HTTP/1.1 200 OK\r\n", "hang")], ids=["nothing", "half the headers"])
def test_a_black_hole_is_given_up_and_not_asked_again(client: Client, script: tuple[Step, ...]) -> None:
    with FaultServer(script) as server:
        events, error = ask(client, server.url)
        assert type(error) is NoAnswer
        assert not events
        assert len(server.requests) == 1
        assert usable(client, server)


def test_a_host_that_drops_everything_is_given_up() -> None:
    hasty = Client(Timeouts(connect=0.2, idle=1))
    with socket.socket() as listener:  # it listens, and its queue is full: what comes now is dropped
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        _, error = ask(hasty, f"http://127.0.0.1:{address[1]}/v1")
        for each in waiting:
            each.close()
    assert isinstance(error, ConnectionFailed)
    assert "within 0.2 s" in str(error) or "nothing" in str(error)


# --- odd, but good

WHOLE = HEADERS + framed(ANSWER) + LAST
ZIPPED = gzip.compress(ANSWER)
ODD: dict[str, tuple[Step, ...]] = {
    "one byte at a time": tuple(bytes([byte]) for byte in WHOLE),
    "everything in one packet": (WHOLE,),
    "early hints first": (b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", WHOLE),
    "old HTTP": (b"HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + ANSWER, "close"),
    "no framing at all": (PLAIN_HEADERS + b"connection: close\r\n\r\n" + ANSWER, "close"),
    "compressed": (plain("200 OK", ZIPPED, "text/event-stream", "content-encoding: gzip"),),
    "compressed, bit by bit": (
        PLAIN_HEADERS + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n",
        *(framed(ZIPPED[start : start + 3]) for start in range(0, len(ZIPPED), 3)),
        LAST,
    ),
    "another content type": (plain("200 OK", ANSWER, "text/plain"),),
    "no content type": (b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(ANSWER) + ANSWER,),
    "carriage returns and a mark": (
        plain("200 OK", b"\xef\xbb\xbf" + ANSWER.replace(b"\n", b"\r\n"), "text/event-stream"),
    ),
}


@pytest.mark.parametrize("script", ODD.values(), ids=ODD)
def test_odd_ways_of_sending_an_answer_are_read(client: Client, script: tuple[Step, ...]) -> None:
    with FaultServer(script) as server:
        events, error = ask(client, server.url)
        assert error is None
        assert text(events) == "one two"
        assert usable(client, server)


def test_bytes_that_are_no_text_are_shown_as_such(client: Client) -> None:
    broken = sse(chunk(content="a@b")).replace(b"@", b"\xff\xfe\xe2\x82")
    with FaultServer((HEADERS, framed(broken.replace(b"data: [DONE]\n\n", b"") + ANSWER), LAST)) as server:
        events, error = ask(client, server.url)
        assert error is None
        assert text(events).startswith("a\ufffd")
        assert text(events).endswith("bone two")


def test_a_hundred_thousand_tiny_events_come_through(client: Client) -> None:
    tiny = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n' * 1000
    with FaultServer((HEADERS, *[framed(tiny)] * 100, framed(ANSWER), LAST)) as server:
        events, error = ask(client, server.url)
        assert error is None
        assert text(events) == "x" * 100_000 + "one two"
        assert usable(client, server)


# --- too much


@pytest.mark.parametrize("start", [b"data: ", b"x", b"data: {}\ndata: "], ids=["an event", "an endless line", "lines"])
def test_a_hundred_megabytes_in_one_event_are_refused(client: Client, start: bytes) -> None:
    many = [framed(b"x" * MB)] * 100
    process = psutil.Process()
    with FaultServer((HEADERS, BEGUN, framed(start), *many, LAST)) as server:
        before = process.memory_info().rss
        events, error = ask(client, server.url)
        assert isinstance(error, StreamGarbled)
        assert "larger than" in str(error)
        assert text(events) == "some text"
        del events, error
        gc.collect()
        assert wait_for(lambda: not readers())
        assert process.memory_info().rss - before < 150 * MB
        assert usable(client, server)


def test_a_compressed_bomb_is_refused(client: Client) -> None:
    bomb = gzip.compress(b"data: " + b"x" * (200 * MB), compresslevel=1)
    with FaultServer((plain("200 OK", bomb, "text/event-stream", "content-encoding: gzip"),)) as server:
        _, error = ask(client, server.url)
        assert isinstance(error, StreamGarbled)
        assert usable(client, server)


def test_endless_headers_are_refused(client: Client) -> None:
    with FaultServer((b"HTTP/1.1 200 OK\r\nx: ", *[b"x" * 65536] * 20, "hang")) as server:
        _, error = ask(client, server.url)
        assert isinstance(error, ConnectionFailed)
        assert usable(client, server)


def test_an_endless_refusal_is_read_only_so_far(client: Client) -> None:
    head = b"HTTP/1.1 400 No\r\ntransfer-encoding: chunked\r\n\r\n"
    with FaultServer((head, *[framed(b"no " * 20_000)] * 500, "hang")) as server:
        _, error = ask(client, server.url)
        assert error is not None
        assert len(str(error)) < 1000
        assert usable(client, server)


@pytest.mark.parametrize("garbage", [b"not gzip at all", ZIPPED[: len(ZIPPED) // 2]], ids=["no gzip", "cut"])
def test_a_compressed_answer_that_cannot_be_unpacked_is_told(client: Client, garbage: bytes) -> None:
    with FaultServer((plain("200 OK", garbage, "text/event-stream", "content-encoding: gzip"),)) as server:
        _, error = ask(client, server.url)
        assert isinstance(error, (StreamGarbled, NoAnswer))
        assert usable(client, server)


PACKED = gzip.compress(gzip.compress(gzip.compress(bytes(50 * MB), 1), 1))


@pytest.mark.parametrize("codings", ["gzip, gzip, gzip", "gzip,GZIP,identity,gzip", "deflate, gzip, br"])
@pytest.mark.parametrize("status", ["200 OK", "400 No"])
def test_what_is_packed_more_than_once_is_not_unpacked(client: Client, codings: str, status: str) -> None:
    packed = plain(status, PACKED, "text/event-stream", f"content-encoding: {codings}")
    with FaultServer((packed,)) as server:
        _, error = ask(client, server.url)
        assert type(error) is StreamGarbled
        assert "packed" in str(error)
        with pytest.raises(StreamGarbled, match="packed"):
            client.call(at(server.url), "GET", "models")
        assert usable(client, server)


@pytest.mark.parametrize("start", [b"{", b"<", b" " * 1000, b"[", b'{"data":['], ids=repr)
def test_a_body_without_an_end_costs_no_more_memory_than_its_bound(client: Client, start: bytes) -> None:
    many = [framed(b"1, " * (MB // 3))] * 200
    process = psutil.Process()
    with FaultServer((HEADERS, framed(start), *many, LAST)) as server:
        before = process.memory_info().rss
        _, error = ask(client, server.url)
        assert isinstance(error, NotTheService if start == b"<" else StreamGarbled)
        with pytest.raises(StreamGarbled, match="more than 32 MB"):
            client.call(at(server.url), "GET", "models")
        del error
        gc.collect()
        assert wait_for(lambda: not readers())
        assert process.memory_info().rss - before < 150 * MB
        assert usable(client, server)


PIECES = 60
DRIPPING: dict[str, tuple[Step, ...]] = {
    "headers": (b"HTTP/1.1 200 OK\r\nx: ", *(b"x", IDLE / 8) * PIECES),
    "provisional answers": (b"HTTP/1.1 100 Continue\r\n\r\n", IDLE / 8) * PIECES,
    "an extension of a chunk": (HEADERS, b"5;x=", *(b"x", IDLE / 8) * PIECES),
    "a comment of gzip's": (
        PLAIN_HEADERS + b"content-encoding: gzip\r\nconnection: close\r\n\r\n" + b"\x1f\x8b\x08\x10" + bytes(6),
        *(b"x", IDLE / 8) * PIECES,
    ),
}


@pytest.mark.parametrize("script", DRIPPING.values(), ids=DRIPPING)
def test_bytes_that_bring_nothing_on_are_silence(client: Client, script: tuple[Step, ...]) -> None:
    with FaultServer((*script, "close")) as server:
        events, error = ask(client, server.url)
        assert type(error) is NoAnswer
        assert not events
        with pytest.raises(NoAnswer):
            client.call(at(server.url), "GET", "models")
        assert usable(client, server)


def test_a_reply_that_comes_byte_by_byte_has_to_be_there_in_time(client: Client) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"
    with FaultServer((head, *(b" ", IDLE / 8) * PIECES, "close")) as server, pytest.raises(NoAnswer):
        client.call(at(server.url), "GET", "models")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"x"',
        b"null",
        b"",
        b"12",
        b"{",
        b"not json",
        b"[" * 100_000,
        b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"data": [{"id": ' + b"9" * 5000 + b"}]}",
        b'{"data": 5}',
        b'{"data": {"id": "x"}, "has_more": true}',
        b'{"data": [null, 1, [], {}, {"id": null}, {"id": {"a": 1}}], "has_more": true}',
        b'{"data": [{"id": "f", "bytes": 1e999, "created_at": 1e999}]}',
        b'{"data": [{"id": "f", "bytes": "x", "created_at": -1e300, "max_model_len": 1' + b"0" * 400 + b"}]}",
        b'{"data": [{"id": "\\ud83d", "filename": "\\udc00.txt", "meta": 5}]}',
        b'{"data": [{"id": "f", "filename": "\xed\xa0\x80"}]}',
        b"\xff\xfe{\x00}\x00",
    ],
)
def test_odd_listings_are_one_clear_line_or_nothing(client: Client, tmp_path: Path, body: bytes) -> None:
    with FaultServer((plain("200 OK", body),)) as server:
        provider, here = Provider(Settings(), KEYS), at(server.url)
        files = RemoteFiles(client, here, Ledger(tmp_path / "ledger"))
        for listed in (lambda: provider.models.fetch(here), files.list):
            found, told = outcome(listed)
            str(found).encode()
            assert "\n" not in told
            assert len(told) < 400
            for file in found:
                assert not isinstance(file, RemoteFile) or datetime.fromtimestamp(file.created)
        provider.close()


def outcome(listed: Callable[[], Any]) -> tuple[tuple[Any, ...], str]:
    """What is listed, or what is told instead."""
    try:
        return tuple(listed()), ""
    except QwenError as error:
        return (), str(error)


@pytest.mark.parametrize("same", [True, False], ids=["the same page", "always new ones"])
def test_a_list_of_files_that_pages_for_ever_is_given_up(client: Client, tmp_path: Path, same: bool) -> None:
    def page(number: int) -> tuple[Step, ...]:
        rows = [{"id": f"file-{0 if same else number}-{row}"} for row in range(2000)]
        return (plain("200 OK", json.dumps({"data": rows, "has_more": True}).encode()),)

    with FaultServer(*map(page, range(20))) as server:
        files = RemoteFiles(client, at(server.url), Ledger(tmp_path / "ledger"))
        if same:
            assert len(files.list()) == 2000
        else:
            with pytest.raises(NotTheService, match="more than 10,000 files"):
                files.list()
        assert len(server.requests) < 10


def frames_of(error: BaseException) -> Iterator[Any]:
    """The frames of an error's traceback, and of those that it came from."""
    seen: list[BaseException] = [error]
    for each in seen:
        yield from (frame for frame, _ in traceback.walk_tb(each.__traceback__))
        seen += [origin for origin in (each.__cause__, each.__context__) if origin and origin not in seen]


@pytest.mark.parametrize(
    "script",
    [
        ("reset",),
        (HEADERS, BEGUN, "reset"),
        ("hang",),
        (plain("401 No", b"{}"),),
        (b"nonsense\r\n\r\n", "close"),
        (plain("200 OK", b"no json"),),
    ],
    ids=["reset", "cut", "silence", "refused", "another protocol", "no stream"],
)
def test_no_traceback_with_local_variables_shows_the_key(client: Client, script: tuple[Step, ...]) -> None:
    caught: list[BaseException] = []
    with FaultServer(script) as server:
        for send in (
            lambda: list(client.stream(at(server.url), question()).batches(0.0)),
            lambda: client.call(at(server.url), "POST", "files", content=b"x" * MB),
        ):
            try:
                send()
            except QwenError as error:
                caught.append(error)
    assert caught
    for each in caught:
        for frame in frames_of(each):
            if frame.f_code.co_filename != __file__:
                assert KEY not in "".join(map(repr, frame.f_locals.values())), frame
        console = Console(file=io.StringIO(), width=500)
        console.print(Traceback.from_exception(type(each), each, each.__traceback__, show_locals=True))
        shown = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO
        assert "Traceback" in shown
        assert KEY not in shown


# --- somebody else answers


def test_a_proxy_s_error_pages_are_tried_again_and_then_told(client: Client) -> None:
    pages = [
        (plain(f"{status} X", b"<html><head><title>%d X</title></head><hr>nginx" % status, "text/html"),)
        for status in (502, 503, 504)
    ]
    with FaultServer(*pages) as server:
        events, error = ask(client, server.url)
        assert type(error) is NotTheService
        assert "504 X" in str(error)
        assert len([event for event in events if isinstance(event, Retrying)]) == len(server.requests) - 1 == 2
        assert usable(client, server)


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
def test_the_key_is_never_taken_to_another_host(client: Client, status: str) -> None:
    with FaultServer(GOOD) as other, FaultServer() as server:
        server.play((plain(status, b"", "text/html", f"location: {other.url}/chat/completions"),))
        events, error = ask(client, server.url.replace("/v1", "/compatible-mode/v1"))
        assert type(error) is ConfigurationError
        assert other.url in str(error)
        assert not events
        assert not other.connections
        assert f"Bearer {KEY}".encode() in server.requests[0]


@pytest.mark.parametrize("form", ["seconds", "a date"])
def test_the_time_that_the_service_asks_for_is_waited(client: Client, form: str) -> None:
    wait = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
    busy = plain("429 Too Many", b'{"code":"Throttling","message":"slow"}', "application/json", f"retry-after: {wait}")
    with FaultServer((busy,), GOOD) as server:
        events, error = ask(client, server.url)
        assert error is None
        (retry,) = [event for event in events if isinstance(event, Retrying)]
        assert 0 < retry.delay <= 2
        assert text(events) == "one two"


# --- TLS


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that this machine trusts, as a company's."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.bundle)
    return authority


def test_an_authority_that_the_environment_names_is_trusted(client: Client, authority: Authority) -> None:
    with FaultServer(GOOD, wrap=wrapping(authority.server())) as server:
        for _ in range(2):
            events, error = ask(client, f"https://{HOST}:{server.port}/v1")
            assert error is None
            assert text(events) == "one two"
            assert wait_for(lambda: not readers())  # the connection is back for the next question
        assert server.connections == 1


@pytest.mark.parametrize("kind", ["another host", "self-signed", "expired"])
def test_a_certificate_that_is_not_good_gets_no_key_and_no_second_try(
    client: Client, authority: Authority, kind: str
) -> None:
    contexts: dict[str, Callable[[], ssl.SSLContext]] = {
        "another host": lambda: authority.server("elsewhere.example"),
        "self-signed": authority.self_signed,
        "expired": lambda: authority.server(expired=True),
    }
    with FaultServer(GOOD, wrap=wrapping(contexts[kind]())) as server:
        events, error = ask(client, f"https://{HOST}:{server.port}/compatible-mode/v1")
        assert type(error) is CertificateError
        assert HOST in error.happened
        assert not events
        assert not server.requests
        assert server.connections == 1
        assert wait_for(lambda: not connections_to(server.port))


def test_https_where_there_is_none_and_the_reverse_are_told(client: Client, authority: Authority) -> None:
    hasty = Client(Timeouts(connect=0.2, idle=IDLE))
    with FaultServer(GOOD) as server:
        _, error = ask(hasty, server.url.replace("http://", "https://"))
        assert isinstance(error, ConnectionFailed)
    with FaultServer(GOOD, wrap=wrapping(authority.server())) as server:
        _, error = ask(client, server.url)
        assert isinstance(error, ConnectionFailed)


def test_breaking_off_closes_a_secure_connection_while_the_server_is_silent(
    client: Client, authority: Authority
) -> None:
    with FaultServer((HEADERS, "hang"), wrap=wrapping(authority.server())) as server:
        stream = client.stream(at(f"https://{HOST}:{server.port}/v1"), question())
        assert wait_for(lambda: server.requests)
        stream.cancel()
        assert server.gone.wait(2)


# --- connections that are kept


def test_a_connection_that_died_while_idle_is_replaced_without_a_word(client: Client) -> None:
    with FaultServer((*GOOD, "close")) as server:
        for _ in range(3):
            events, error = ask(client, server.url)
            assert error is None
            assert not [event for event in events if isinstance(event, Retrying)]
            assert wait_for(lambda: not readers())
            assert wait_for(lambda: all(c.status != "ESTABLISHED" for c in connections_to(server.port)))


def test_a_connection_that_dies_when_it_is_used_again_is_replaced(client: Client) -> None:
    with FaultServer(GOOD, ("reset",), GOOD) as server:
        assert ask(client, server.url)[1] is None
        assert wait_for(lambda: not readers())
        events, error = ask(client, server.url)
        assert error is None
        assert text(events) == "one two"


def test_garbage_behind_an_answer_does_not_disturb_the_next_one(client: Client) -> None:
    with FaultServer((WHOLE + b"<html>and another thing</html>\r\n\r\n",), GOOD) as server:
        for _ in range(2):
            events, error = ask(client, server.url)
            assert error is None
            assert text(events) == "one two"
            assert wait_for(lambda: not readers())
