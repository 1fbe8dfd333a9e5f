"""A model's files arrive whole, or it is said why not; what arrived is never thrown away without need."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qwen_magic.errors import ConfigurationError, ConnectionFailed, NotTheService
from qwen_magic.local.catalogue import File, Model
from qwen_magic.local.downloads import download, hubs, is_here, weights_of

CONTENT = random.Random(5).randbytes(300_000)
MODEL = Model(
    "tiny",
    "Qwen/Tiny-GGUF",
    (File("tiny.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()),),
    layers=1,
    heads=1,
)
ROOT = Path(__file__).resolve().parents[1]

DOWNLOAD = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
import test_local_downloads as tests
from qwen_magic.local.downloads import download
{before}
print("ready", flush=True)
try:
    download(tests.MODEL, lambda done, total: None, [{url!r}])
except Exception as error:
    print(type(error).__name__, error)
"""


class Hub(ThreadingHTTPServer):
    """Serves `CONTENT` as hubs do: a redirect to where large files are, and ranges there.

    `cuts` are the places at which the next connections break off; `hold` keeps the second half back until it is set.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.content = CONTENT
        self.cuts: list[int] = []
        self.ranges: list[str | None] = []
        self.ignores_ranges = False
        self.hold = threading.Event()
        self.hold.set()
        self.half_sent = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{{repository}}/resolve/main/{{file}}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class Asked(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        if not self.path.startswith("/large/"):
            self.send_response(302)
            self.send_header("location", f"/large/{self.path.rpartition('/')[2]}?signed")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        hub = self.server
        hub.ranges.append(self.headers["range"])
        start = 0 if hub.ignores_ranges else int((self.headers["range"] or "bytes=0-")[6:-1])
        end = len(hub.content)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("content-range", f"bytes {start}-{end - 1}/{end}")
        self.send_header("content-length", str(end - start))
        self.end_headers()
        stop = hub.cuts.pop(0) if hub.cuts else end
        middle = max(start, min(stop, end // 2))
        self.wfile.write(hub.content[start:middle])
        hub.half_sent.set()
        hub.hold.wait()
        self.wfile.write(hub.content[middle:stop])

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        threading.Thread(target=hub.serve_forever, args=(0.01,), daemon=True).start()
        yield hub
        hub.hold.set()
        hub.shutdown()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path))
    return tmp_path


def get(*urls: str, model: Model = MODEL) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    download(model, lambda done, total: seen.append((done, total)), urls)
    return seen


def test_a_model_is_downloaded_once(hub: Hub) -> None:
    progress = get(hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert is_here(MODEL)
    assert progress == sorted(progress)
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    get(hub.url)
    assert hub.ranges == [None]


def test_a_download_that_is_cut_goes_on_where_it_stopped(hub: Hub) -> None:
    hub.cuts = [100_000, 250_000]
    get(hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert hub.ranges == [None, "bytes=100000-", "bytes=250000-"]


def test_a_download_goes_on_in_the_next_session(hub: Hub) -> None:
    part = weights_of(MODEL).with_name("tiny.gguf.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:123_456])
    get(hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert hub.ranges == ["bytes=123456-"]


def test_a_hub_without_ranges_is_asked_for_everything_again(hub: Hub) -> None:
    hub.ignores_ranges = True
    hub.cuts = [100_000]
    get(hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT


def test_the_other_hub_is_asked_when_the_first_cannot_be_reached(hub: Hub) -> None:
    get("http://127.0.0.1:9/{repository}/{file}", hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT


def test_without_a_network_it_is_said_what_else_there_is() -> None:
    with pytest.raises(ConnectionFailed, match=r"could not be downloaded.*HF_ENDPOINT.*FILE\.gguf"):
        get("http://127.0.0.1:9/{repository}/{file}")


def test_a_false_file_is_thrown_away(hub: Hub) -> None:
    hub.content = CONTENT[:-1] + b"?"
    with pytest.raises(NotTheService, match="checksum is wrong"):
        get(hub.url)
    assert not is_here(MODEL)
    assert not list(weights_of(MODEL).parent.glob("*.gguf*"))


def test_another_file_of_that_name_is_noticed_before_it_is_written(hub: Hub) -> None:
    hub.content = b"<html>Please log in</html>"
    with pytest.raises(ConnectionFailed, match="has 26 bytes"):
        get(hub.url)


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_sent(hub: Hub) -> None:
    large = replace(MODEL, files=(File("large.gguf", 1 << 60, "0" * 64),))
    with pytest.raises(ConfigurationError, match=r"disk is full.*are free"):
        get(hub.url, model=large)
    assert hub.ranges == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_fills_up_is_said_in_one_line_and_keeps_what_arrived(hub: Hub, cache: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
    with started(hub, limit) as process:
        said, _ = process.communicate(timeout=30)
    assert "ConfigurationError The disk is full: tiny needs" in said
    assert weights_of(MODEL).with_name("tiny.gguf.part").stat().st_size == 200_000


def test_two_kernels_share_one_download(hub: Hub) -> None:
    hub.hold.clear()
    with started(hub) as first, started(hub) as second:
        assert hub.half_sent.wait(20)
        for process in (first, second):
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        progress: list[tuple[int, int]] = []
        waiting = threading.Event()

        def third() -> None:
            download(MODEL, lambda done, total: (progress.append((done, total)), waiting.set())[0], [hub.url])

        thread = threading.Thread(target=third)
        thread.start()
        assert waiting.wait(20)
        assert progress[0][0] < len(CONTENT)
        hub.hold.set()
        thread.join(20)
        assert [process.wait(20) for process in (first, second)] == [0, 0]
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert hub.ranges == [None]


def started(hub: Hub, before: str = "") -> subprocess.Popen[str]:
    """Another process that downloads."""
    code = DOWNLOAD.format(root=str(ROOT), tests=str(ROOT / "tests"), before=before, url=hub.url)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_mirrors_are_named_as_for_the_hubs_own_clients() -> None:
    plain = hubs({})
    assert plain[0].startswith("https://huggingface.co/")
    assert plain[1].startswith("https://www.modelscope.cn/")
    assert hubs({"HF_ENDPOINT": "https://hf-mirror.example/"})[0].startswith("https://hf-mirror.example/{repository}")
    assert hubs({"MODELSCOPE_DOMAIN": "scope.example"})[0].startswith("https://scope.example/api/v1/models/")
