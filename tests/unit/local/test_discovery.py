"""A server on this machine is found by asking, quickly, and nothing else is taken for one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from support.kernels import Kernel

from qwen_magic.local.discovery import discover, nearest
from qwen_magic.service.endpoints import LOCAL_SERVERS, Endpoint, endpoint

Serve = Callable[[str, bytes], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that answers everything with the same; gives its base URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(content_type: str, body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(dict(self.headers))
                self.send_response(200)
                self.send_header("content-type", content_type)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            requests: list[dict[str, str]] = []  # noqa: RUF012  # a class of its own for each server

        server = Server(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """The base URL of something that takes connections and never says a word."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


def listing(*names: str) -> bytes:
    return json.dumps({"object": "list", "data": [{"id": name} for name in names]}).encode()


def servers(*urls: str) -> list[Endpoint]:
    return [endpoint(url) for url in urls]


def test_a_server_is_found_with_its_models(serve: Serve) -> None:
    url = serve("application/json", listing("qwen3-8b", "nomic-embed"))
    (found,) = discover(servers(url), timeout=5)
    assert (found.endpoint.base_url, found.models) == (url, ("qwen3-8b", "nomic-embed"))


def test_what_is_no_model_server_is_not_taken_for_one(serve: Serve, silent: str) -> None:
    page = serve("text/html", b"<!doctype html><title>JupyterHub</title>")
    other = serve("application/json", b'["data"]')
    empty = serve("application/json", listing())
    assert discover(servers(page, other, empty, silent, "http://127.0.0.1:9/v1"), timeout=0.5) == ()


def test_a_server_with_a_qwen_is_taken_before_others(serve: Serve) -> None:
    llama = serve("application/json", listing("llama3:8b"))
    qwen = serve("application/json", listing("llama3:8b", "qwen3:4b"))
    assert nearest(servers(llama, qwen)) == qwen
    assert nearest(servers(llama)) == llama
    assert nearest([]) is None


def test_a_proxy_of_the_environment_is_not_asked(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = serve("application/json", listing("from-the-proxy"))
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert discover(servers("http://127.0.0.1:9/v1"), timeout=0.5) == ()


def test_only_this_machine_is_looked_at() -> None:
    assert {endpoint(name).account for name in LOCAL_SERVERS} == {"localhost"}


def test_use_auto_says_the_ways_on_when_there_is_nobody(kernel: Kernel) -> None:
    kernel.run("%load_ext qwen_magic")
    if discover():
        pytest.skip("a model server runs on this machine")
    error = kernel.run("%qwen use auto").error
    assert "nobody to ask" in error
    assert all(way in error for way in ("login", "local", "sandbox"))


def test_use_auto_takes_the_service_when_there_is_a_key(kernel: Kernel) -> None:
    kernel.run("import os; os.environ['DASHSCOPE_API_KEY'] = 'sk-for-the-test'\n%load_ext qwen_magic")
    assert "Asking beijing" in kernel.run("%qwen use auto").text
