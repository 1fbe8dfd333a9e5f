"""Files from the web: only what was asked for, only from public addresses, within a size and a time."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from support.faults import FaultServer, plain
from support.waiting import wait_for

from qwen_magic.attachments import Attach, Target, gather, parts
from qwen_magic.attachments.url_download import fetch, is_public
from qwen_magic.core.errors import InputError

Answer = Callable[["Site"], None]


class Site(BaseHTTPRequestHandler):
    """A site that answers as the test says, and remembers what it was asked."""

    answer: Answer
    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.asked.append((self.headers["Host"], self.path))
        type(self).answer(self)

    def reply(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def site(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """A site on loopback: its port, and the (host, path) of each request."""
    asked: list[tuple[str, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Site,), {"answer": answer, "asked": asked}))
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()


def says(body: bytes, mime: str = "text/plain") -> Answer:
    return lambda here: here.reply(200, {"Content-Type": mime}, body)


def leads_to(place: str) -> Answer:
    return lambda here: here.reply(302, {"Location": place})


def refusal(url: str, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        fetch(url, **options)
    return str(caught.value)


def test_a_file_is_fetched_and_its_kind_is_known(tmp_path: Path) -> None:
    with site(says(b"a,b\n1,2\n", "text/csv; charset=utf-8")) as (port, asked):
        (found,) = gather(Attach(files=(f"http://127.0.0.1:{port}/get/data?x=1",), cwd=tmp_path, force=True))
    assert (found.name, found.data) == ("data.csv", b"a,b\n1,2\n")
    assert asked == [(f"127.0.0.1:{port}", "/get/data?x=1")]


def test_of_a_web_page_the_words_are_kept(tmp_path: Path) -> None:
    page = b"<html><head><style>p{}</style></head><h1>News</h1><p>It   works.<script>no()</script></p></html>"
    with site(says(page, "text/html")) as (port, _):
        (found,) = gather(Attach(files=(f"http://127.0.0.1:{port}/",), cwd=tmp_path, force=True))
    (part,) = parts([found], Target()).parts
    assert "# News\n\nIt works." in str(getattr(part, "text", ""))
    assert found.note == "the words of the page"


@pytest.mark.parametrize(
    "page",
    [
        b"<html><head><title>T</title><meta charset=utf-8><body><h1>News</h1><p>It works.",
        b"<title>T</title><h1>News</h1><p>It works.",
        b"<html><head><script>no()</script><h1>News</h1><svg><title>no</title><p>It works.</svg>",
        b"<h1>News</h1><div><p>It works.<!--",
    ],
)
def test_a_page_with_forgotten_tags_keeps_its_words(tmp_path: Path, page: bytes) -> None:
    with site(says(page, "text/html")) as (port, _):
        (found,) = gather(Attach(files=(f"http://127.0.0.1:{port}/",), cwd=tmp_path, force=True))
    assert found.text == "# News\n\nIt works."


def test_a_page_without_words_is_refused(tmp_path: Path) -> None:
    page = b"<html><head><title>T</title></head><body><h1></h1><script>all()</script>"
    with site(says(page, "text/html")) as (port, _), pytest.raises(InputError, match="is blank"):
        gather(Attach(files=(f"http://127.0.0.1:{port}/",), cwd=tmp_path, force=True))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"),
        *("10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "240.0.0.1"),
        *("168.63.129.16", "192.0.0.192", "100.100.100.200", "[::ffff:168.63.129.16]", "[64:ff9b::a83f:8110]"),
        *("[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::7f00:1]"),
    ],
)
def test_private_addresses_are_not_asked(host: str) -> None:
    assert "is on this machine or in a private network" in refusal(f"http://{host}:9/")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("url", ["ftp://example.org/a", "file:///etc/passwd", "http://", "https:///a"])
def test_only_the_web_is_fetched(url: str) -> None:
    assert refusal(url).endswith("cannot be fetched: only http:// and https:// can.")


def test_a_name_is_looked_up_once_and_the_checked_address_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    looked_up: list[str] = []

    def once(host: str, port: int, *args: Any, **options: Any) -> Any:
        if host == "pinned.example":
            looked_up.append(host)
            host = "127.0.0.1" if len(looked_up) == 1 else "127.0.0.99"
        return real(host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    with site(says(b"hello")) as (port, asked):
        assert fetch(f"http://pinned.example:{port}/a.txt", force=True).data == b"hello"
    assert looked_up == ["pinned.example"]
    assert asked == [(f"pinned.example:{port}", "/a.txt")]


def test_a_certificate_is_checked_against_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: real(str(host).replace("pinned.example", "127.0.0.1"), *rest, **more),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pinned.example").configure_cert(context)
    with site(says(b"hello"), context) as (port, _):
        assert fetch(f"https://pinned.example:{port}/a.txt", force=True).data == b"hello"
        assert "could not be fetched" in refusal(f"https://127.0.0.1:{port}/a.txt", force=True)


def test_each_redirect_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address is asked through a proxy, which is why it may be one that nobody here knows."""
    for place in ("http://169.254.169.254/latest/meta-data/", "http://localhost:9/", "file:///etc/passwd"):
        with site(leads_to(place)) as (port, asked):
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
            message = refusal("http://public.invalid/a.txt")
        assert "private network" in message or "only http:// and https:// can" in message
        assert len(asked) == 1


def test_redirects_are_followed_and_end() -> None:
    with site(says(b"there")) as (there, _), site(leads_to(f"http://127.0.0.1:{there}/b.txt")) as (here, _):
        assert fetch(f"http://127.0.0.1:{here}/a", force=True).name == "b.txt"
    with site(leads_to("/again")) as (port, asked):
        assert "leads on to another address more than 5 times" in refusal(f"http://127.0.0.1:{port}/", force=True)
        assert len(asked) == 6


def test_too_much_and_too_slow() -> None:
    with site(says(b"x" * 100_000)) as (port, _):
        assert "is larger than" in refusal(f"http://127.0.0.1:{port}/a", force=True, limit=10_000)
    done = threading.Event()

    def drips(here: Site) -> None:
        here.send_response(200)
        here.end_headers()
        while not done.wait(0.01):
            here.wfile.write(b"x")

    with site(drips) as (port, _):
        assert "took longer than 0.1 s" in refusal(f"http://127.0.0.1:{port}/a", force=True, seconds=0.1)
        done.set()


PIECES = 100
PROMPT = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "script",
    [
        (PROMPT + b"x: ", *(b"x", 0.05) * PIECES),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 0.05) * PIECES,
        (PROMPT + b"transfer-encoding: chunked\r\n\r\n5;x=", *(b"x", 0.05) * PIECES),
        (PROMPT + b"content-encoding: gzip\r\n\r\n\x1f\x8b\x08\x10" + bytes(6), *(b"x", 0.05) * PIECES),
        (PROMPT + b"\r\nsome", *(b"x", 0.05) * PIECES),
    ],
    ids=["headers", "provisional answers", "an extension of a chunk", "a comment of gzip's", "the file"],
)
def test_the_time_is_for_everything_that_comes(script: tuple[bytes | float, ...]) -> None:
    with FaultServer((*script, "close")) as server:
        assert "took longer than 0.4 s" in refusal(server.url, force=True, seconds=0.4)
        assert wait_for(server.gone.is_set)


def test_what_is_packed_is_unpacked_once_and_within_the_limit() -> None:
    once = gzip.compress(bytes(50_000_000))
    for codings, body, says in (
        ("gzip, gzip, gzip", gzip.compress(gzip.compress(once)), "packed 3 times"),
        ("gzip", once, "is larger than"),
    ):
        with FaultServer((plain("200 OK", body, "text/plain", f"content-encoding: {codings}"),)) as server:
            assert says in refusal(server.url, force=True, limit=10_000_000)
    with FaultServer((plain("200 OK", gzip.compress(b"hello"), "text/plain", "content-encoding: gzip"),)) as server:
        assert fetch(server.url, force=True).data == b"hello"


def test_what_is_not_there() -> None:
    with site(lambda here: here.reply(404, {})) as (port, _):
        assert "answers 404 Not Found." in refusal(f"http://127.0.0.1:{port}/a", force=True)
    assert refusal("http://nowhere.invalid/a") == "There is no host called nowhere.invalid."
