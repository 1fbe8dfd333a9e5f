"""The client over real sockets: what arrives is passed on at once, and every trouble has a name."""

import _thread
import gc
import signal
import sys
import threading
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from support.faults import ANSWER, GOOD, HEADERS, LAST, FaultServer, Step, framed, plain
from support.waiting import wait_for
from support.wire import chunk, keyed, question, reasoning, sse, text

from qwen_magic.core.errors import (
    AccountOverdue,
    ConfigurationError,
    ConnectionFailed,
    KeyRejected,
    NoAnswer,
    NoKey,
    NotTheService,
    QwenError,
    RateLimited,
    ServiceError,
    ServiceUnavailable,
    StreamCut,
)
from qwen_magic.core.events import Event, Finish, Note, Retrying
from qwen_magic.core.messages import ChatRequest
from qwen_magic.service.client import Client
from qwen_magic.service.credentials import Credentials
from qwen_magic.service.endpoints import Endpoint, endpoint
from qwen_magic.service.timeouts import Timeouts

KEY = "sk-test-0123456789abcdef"
SERVICE_KEY = "sk-service-0123456789abcdef"

KEYS = Credentials({"DASHSCOPE_API_KEY": SERVICE_KEY, "QWEN_API_KEY": KEY})


def at(url: str) -> Endpoint:
    """The endpoint at a URL, with its key."""
    return keyed(endpoint(url), KEYS)


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(Timeouts(connect=2, idle=5))
    yield client
    client.close()


def ask(
    client: Client, url: str, request: ChatRequest | None = None, interval: float = 0.0
) -> tuple[list[Event], Exception | None]:
    """All events of one answer, and what ended it."""
    events = []
    try:
        with client.stream(at(url), request or question()) as stream:
            for batch in stream.batches(interval):
                events += batch
    except Exception as error:
        return events, error
    return events, None


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "qwen-answer"]


def test_an_answer_arrives(client: Client) -> None:
    with FaultServer(GOOD) as server:
        events, error = ask(client, server.url)
    assert error is None
    assert text(events) == "one two"


def test_text_is_passed_on_before_the_answer_is_complete(client: Client) -> None:
    with FaultServer((HEADERS, framed(sse(chunk(content="early"), done=False)), "hang")) as server:
        with client.stream(at(server.url), question()) as stream:
            seen = ""
            for batch in stream.batches(0.0):
                seen += text(batch)
                if seen:
                    break
        assert seen == "early"
        assert server.gone.wait(2)


def test_one_connection_serves_many_questions(client: Client) -> None:
    with FaultServer(GOOD) as server:
        for _ in range(5):
            assert ask(client, server.url)[1] is None
            wait_for(lambda: not readers())
        assert server.connections == 1


def test_questions_at_once_have_connections_of_their_own(client: Client) -> None:
    slow = (HEADERS, 0.1, framed(ANSWER), LAST)
    with FaultServer(slow) as server:
        results = []
        threads = [threading.Thread(target=lambda: results.append(ask(client, server.url))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [text(events) for events, _ in results] == ["one two"] * 8


@pytest.mark.parametrize(
    "stages",
    [("hang",), (HEADERS, "hang"), (HEADERS, framed(b": ping\n\n"), "hang"), (b"HTTP/1.1 200", "hang")],
    ids=["before the headers", "after the headers", "after a ping", "inside the headers"],
)
def test_breaking_off_closes_the_connection_while_the_server_is_silent(client: Client, stages: tuple[Any, ...]) -> None:
    with FaultServer(stages) as server:
        stream = client.stream(at(server.url), question())
        assert wait_for(lambda: server.requests)
        stream.cancel()
        assert server.gone.wait(2)
        assert wait_for(lambda: not readers())


def test_a_silent_server_is_given_up(client: Client) -> None:
    hasty = Client(Timeouts(connect=1, idle=0.2))
    with FaultServer(("hang",)) as server:
        _, error = ask(hasty, server.url)
        assert isinstance(error, NoAnswer)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("refused", "wait"),
    [
        (plain("429 Too Many Requests", b'{"code":"Throttling.RateQuota","message":"slow down"}'), None),
        (plain("429 Too Many Requests", b"{}", "application/json", "retry-after: 0"), 0.0),
        (plain("503 Service Unavailable", b"{}", "application/json", "Retry-After: 0.05"), 0.05),
        (plain("502 Bad Gateway", b"<html><title>502</title></html>", "text/html"), None),
    ],
    ids=["429", "429 at once", "503 with a time", "a proxy's page"],
)
def test_passing_troubles_are_tried_again_and_said(client: Client, refused: bytes, wait: float | None) -> None:
    with FaultServer((refused,), GOOD) as server:
        events, error = ask(client, server.url)
        assert error is None
        assert text(events) == "one two"
        retries = [event for event in events if isinstance(event, Retrying)]
        assert len(retries) == 1
        assert retries[0].reason
        assert wait is None or retries[0].delay == pytest.approx(wait)
        assert len(server.requests) == 2


def test_a_connection_that_broke_before_the_answer_is_tried_again(client: Client) -> None:
    with FaultServer(("reset",), GOOD) as server:
        assert text(ask(client, server.url)[0]) == "one two"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (plain("401 Unauthorized", b'{"code":"InvalidApiKey","message":"no"}'), KeyRejected),
        (plain("429 Too Many", b"{}", "application/json", "retry-after: 3600"), RateLimited),
        (plain("200 OK", b"<html><title>Log in</title></html>", "text/html"), NotTheService),
        (plain("302 Found", b"", "text/html", "location: https://elsewhere.example/v1"), ConfigurationError),
        (plain("403 Forbidden", b"<html></html>", "text/html"), NotTheService),
    ],
    ids=["key", "an hour to wait", "captive portal", "redirect", "a proxy's no"],
)
def test_lasting_troubles_are_told_at_once(client: Client, response: bytes, expected: type[QwenError]) -> None:
    with FaultServer((response,)) as server:
        events, error = ask(client, server.url)
        assert type(error) is expected
        assert not events
        assert len(server.requests) == 1


def test_tries_are_limited(client: Client) -> None:
    with FaultServer((plain("503 No", b"{}", "application/json", "retry-after: 0"),)) as server:
        events, error = ask(client, server.url)
        assert isinstance(error, ServiceUnavailable)
        assert len(server.requests) == 3
        assert len(events) == 2


BEGUN = framed(sse(chunk(content="some text"), done=False))


@pytest.mark.parametrize(
    "script",
    [
        (HEADERS, BEGUN, "close"),
        (HEADERS, BEGUN, "reset"),
        (HEADERS, BEGUN, LAST),
        (HEADERS, BEGUN, framed(b'data: {"choices": [{"delta": {"cont'), LAST),
    ],
    ids=["closed", "reset", "ended without its finish", "ended inside an event"],
)
def test_an_answer_that_breaks_off_is_an_error_that_keeps_what_came(client: Client, script: tuple[Any, ...]) -> None:
    with FaultServer(script) as server:
        events, error = ask(client, server.url)
        assert isinstance(error, StreamCut)
        assert text(events) == "some text"
        assert len(server.requests) == 1


def test_an_answer_that_is_done_without_a_reason_is_whole_and_has_a_note(client: Client) -> None:
    with FaultServer((HEADERS, BEGUN, framed(b"data: [DONE]\n\n"), LAST)) as server:
        events, error = ask(client, server.url)
    assert error is None
    assert text(events) == "some text"
    assert [event.text for event in events if isinstance(event, Note)] == [
        "the server ended the answer and gave no reason: it may be incomplete"
    ]
    assert events[-1] == Finish("stop")


@pytest.mark.parametrize("body", [b"", b": ping\n\n", b"data: [DONE]\n\n", b"event: error\n\n", b"\n\n\n"])
def test_an_answer_of_nothing_is_told_as_nothing(client: Client, body: bytes) -> None:
    with FaultServer((plain("200 OK", body, "text/event-stream"),)) as server:
        events, error = ask(client, server.url)
        assert type(error) is NoAnswer
        assert "ended before anything had come" in str(error)
        assert "kept" not in str(error)
        assert not events
        assert len(server.requests) == 1


def test_text_that_was_held_back_is_kept_when_an_answer_breaks_off(client: Client) -> None:
    held = framed(sse(chunk(content="<think>half a thou"), done=False))
    with FaultServer((HEADERS, held, "close")) as server:
        events, error = ask(client, server.url)
        assert isinstance(error, StreamCut)
        assert reasoning(events) == "half a thou"


@pytest.mark.parametrize("ending", [("reset",), ("hang",)], ids=["reset", "left open"])
def test_what_happens_to_the_connection_after_the_finish_does_not_matter(
    client: Client, ending: tuple[Any, ...]
) -> None:
    with FaultServer((HEADERS, framed(ANSWER), 0.05, *ending)) as server:
        events, error = ask(client, server.url)
        assert error is None
        assert text(events) == "one two"
        assert wait_for(lambda: not readers())


BUSY = plain("429 Too Many Requests", b'{"code":"Throttling.RateQuota","message":"slow down"}')
BUSY_NOW = plain("429 Too Many Requests", b'{"code":"limit_requests","message":"slow down"}', "", "retry-after: 0")
TROUBLE = plain("503 Service Unavailable", b"{}", "application/json", "retry-after: 0")
LISTING = (plain("200 OK", b'{"data": [{"id": "qwen-plus"}]}'),)
UPLOAD: dict[str, Any] = {"files": {"file": ("a.txt", b"content of the file")}, "data": {"purpose": "file-extract"}}


@pytest.mark.parametrize("trouble", [BUSY, BUSY_NOW, TROUBLE], ids=["429", "429 at once", "503"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_call_outlasts_a_passing_trouble(client: Client, method: str, trouble: bytes) -> None:
    with FaultServer((trouble,), LISTING) as server:
        assert client.call(at(server.url), method, "files/1")["data"] == [{"id": "qwen-plus"}]
        assert len(server.requests) == 2


def test_many_uploads_get_through_a_service_that_takes_a_few_at_a_time(client: Client) -> None:
    scripts = [script for _ in range(5) for script in ((BUSY_NOW,), (BUSY_NOW,), LISTING)]
    with FaultServer(*scripts) as server:
        for _ in range(5):
            assert client.call(at(server.url), "POST", "files", **UPLOAD)
        assert len(server.requests) == 15
        assert all(b"content of the file" in request for request in server.requests)


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [(TROUBLE, ServiceUnavailable), ("reset", ConnectionFailed)],
    ids=["503", "reset"],
)
def test_an_upload_that_may_have_arrived_is_not_sent_again(
    client: Client, trouble: bytes | str, expected: type[QwenError]
) -> None:
    with FaultServer((trouble,), LISTING) as server:
        with pytest.raises(expected):
            client.call(at(server.url), "POST", "files", **UPLOAD)
        assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (plain("401 No", b'{"code":"InvalidApiKey","message":"no"}'), KeyRejected),
        (plain("429 No", b'{"code":"PrepaidBillOverdue","message":"no"}'), AccountOverdue),
        (plain("429 No", b"{}", "application/json", "retry-after: 3600"), RateLimited),
    ],
    ids=["key", "billing", "an hour to wait"],
)
def test_a_call_is_not_repeated_where_it_is_of_no_use(
    client: Client, method: str, refused: bytes, expected: type[QwenError]
) -> None:
    with FaultServer((refused,), LISTING) as server:
        with pytest.raises(expected):
            client.call(at(server.url), method, "files")
        assert len(server.requests) == 1


def test_a_call_that_is_never_answered_gives_up(client: Client) -> None:
    with FaultServer((TROUBLE,)) as server:
        with pytest.raises(ServiceUnavailable):
            client.call(at(server.url), "GET", "models")
        assert len(server.requests) == 3


def interrupt() -> None:
    """As a person does, from another thread: what the main thread waits for is broken off."""
    if sys.platform == "win32":
        _thread.interrupt_main()
    else:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def test_waiting_for_a_call_can_be_interrupted(client: Client) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored in the background
    long = plain("429 Too Many Requests", b"{}", "application/json", "retry-after: 25")
    begun = time.monotonic()
    with FaultServer((long,), LISTING) as server:

        def interrupt_when_asked() -> None:
            if wait_for(lambda: server.requests):
                interrupt()

        thread = threading.Thread(target=interrupt_when_asked)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            client.call(at(server.url), "GET", "models")
        thread.join()
        assert len(server.requests) == 1
    assert time.monotonic() - begun < 20
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("code", ["Endpoint.AccessDenied", "FaqRuleBlocked", "SomethingNew"])
def test_a_lasting_error_in_the_first_event_is_told_at_once(client: Client, code: str) -> None:
    frame = f'event:error\n:HTTP_STATUS/403\ndata:{{"code":"{code}","message":"no"}}\n\n'.encode()
    with FaultServer((HEADERS, framed(frame), LAST)) as server:
        events, error = ask(client, server.url)
        assert isinstance(error, ServiceError)
        assert error.remedy
        assert not events
        assert len(server.requests) == 1


def test_nobody_there(client: Client) -> None:
    with FaultServer() as server:
        url = server.url
    _, error = ask(client, url)
    assert isinstance(error, ConnectionFailed)
    assert "Is the server running" in str(error)


def test_no_such_host(client: Client) -> None:
    _, error = ask(client, "http://no-such-host.invalid/v1")
    assert isinstance(error, ConnectionFailed)
    assert "no-such-host.invalid" in str(error)


@pytest.mark.parametrize("path", ["/v1", "/compatible-mode/v1", "/api/v1"])
def test_the_services_key_goes_to_nobody_else_whatever_the_path_looks_like(client: Client, path: str) -> None:
    with FaultServer(GOOD) as server:
        ask(client, server.url.replace("/v1", path))
    assert SERVICE_KEY.encode() not in server.requests[0]
    assert f"Bearer {KEY}".encode() in server.requests[0]


def test_without_a_key_nothing_is_sent() -> None:
    client = Client()
    with FaultServer(GOOD) as server:
        keyless = keyed(endpoint(server.url.replace("/v1", "/compatible-mode/v1")), Credentials({}))
        with pytest.raises(NoKey, match="set QWEN_API_KEY"):
            client.stream(keyless, question())
        assert not server.connections


def test_events_come_at_once_and_then_in_batches(client: Client) -> None:
    pieces = [framed(sse(chunk(content=f"{number} "), done=False)) for number in range(100)]
    script: tuple[Step, ...] = (HEADERS, pieces[0], 0.3, *pieces[1:], framed(sse(chunk("stop"))), LAST)
    with FaultServer(script) as server, client.stream(at(server.url), question()) as stream:
        batches = [batch for batch in stream.batches(0.05) if text(batch)]
    assert text(batches[0]) == "0 "
    assert len(batches) < 20
    assert "".join(map(text, batches)) == "".join(f"{number} " for number in range(100))


def test_a_burst_comes_as_a_few_events(client: Client) -> None:
    deltas = [chunk(content=f"{number} ") for number in range(2_000)]
    body = framed(sse(chunk(reasoning_content="a"), chunk(reasoning_content="b"), *deltas, chunk("stop")))
    with FaultServer((HEADERS, body, LAST)) as server, client.stream(at(server.url), question()) as stream:
        events: list[Event] = list(chain.from_iterable(stream.batches(0.05)))
    assert len(events) < 100
    assert text(events) == "".join(f"{number} " for number in range(2_000))
    assert reasoning(events) == "ab"


def test_nothing_is_left_behind(client: Client) -> None:
    with FaultServer(GOOD, (HEADERS, BEGUN, "reset"), (plain("401 No", b"{}"),), GOOD) as server:
        for _ in range(4):
            ask(client, server.url)
    client.close()
    assert wait_for(lambda: not readers())
    gc.collect()


def test_an_unusable_proxy_is_named(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://proxy")
    with FaultServer(GOOD) as server:
        _, error = ask(client, server.url)
    assert isinstance(error, ConfigurationError)
    assert "proxy" in str(error)


def test_a_missing_ca_bundle_is_named(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/bundle.pem")
    _, error = ask(client, "https://127.0.0.1:1/v1")
    assert isinstance(error, ConfigurationError)
    assert "SSL_CERT_FILE" in str(error)
