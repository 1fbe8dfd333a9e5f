"""A model's files arrive whole, or it is said why not; what arrived is never thrown away without need."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.paths import ROOT, TESTS

from qwen_magic.core.errors import ConfigurationError, ConnectionFailed, NotTheService
from qwen_magic.local.cache_folders import engines
from qwen_magic.local.catalogue import File, LocalModel
from qwen_magic.local.download_sources import hubs
from qwen_magic.local.downloads import download, is_here, weights_of
from qwen_magic.service.timeouts import Timeouts

CONTENT = random.Random(5).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MODEL = LocalModel("tiny", "Qwen/Tiny-GGUF", (File("tiny.gguf", len(CONTENT), SHA256),), layers=1, heads=1)
FACE = "/Qwen/Tiny-GGUF/resolve/main/tiny.gguf"
SCOPE = "/api/v1/models/Qwen/Tiny-GGUF/repo?Revision=master&FilePath=tiny.gguf"
EXPIRED = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"

DOWNLOAD = """
import sys
sys.path[:0] = {folders!r}
import test_downloads as tests
from qwen_magic.local.downloads import download
{before}
print("ready", flush=True)
try:
    download(tests.MODEL, lambda done, total: None, [{url!r}])
except Exception as error:
    print(type(error).__name__, error)
"""


class Storage(ThreadingHTTPServer):
    """Where hubs keep their large files, with ranges, for whoever comes with the link that was given out last.

    `cuts` are the places at which the next connections break off; `hold` keeps the second half back until it is set.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Fetched)
        self.content = CONTENT
        self.cuts: list[int] = []
        self.ranges: list[str | None] = []
        self.ignores_ranges = False
        self.hold = threading.Event()
        self.hold.set()
        self.half_sent = threading.Event()
        self.signature = 0
        self.expires: list[bool] = []

    def link(self) -> str:
        """A link that is good until the next one is asked for."""
        self.signature += 1
        return (
            f"http://localhost:{self.server_port}/xet-bridge-us/{SHA256}?X-Amz-Expires=3600&Signature={self.signature}"
        )

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class Hub(ThreadingHTTPServer):
    """Hugging Face and ModelScope in one: their paths, their headers, and what they say when they say no."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.storage = Storage()
        self.sha256 = SHA256
        self.refusals: list[Refusal] = []
        self.paths: list[str] = []

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{self.root}/{{repository}}/resolve/main/{{file}}"

    @property
    def scope(self) -> str:
        return hubs({"MODELSCOPE_DOMAIN": self.root})[0]


@dataclass(frozen=True)
class Refusal:
    """What comes instead of a file."""

    status: int
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Answers(BaseHTTPRequestHandler):
    def say(self, refusal: Refusal) -> None:
        body = refusal.body.encode()
        self.begin(refusal.status, content_type=refusal.content_type, content_length=len(body), **dict(refusal.headers))
        self.wfile.write(body)

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


class Asked(Answers):
    server: Hub

    def do_GET(self) -> None:
        hub = self.server
        hub.paths.append(self.path)
        if hub.refusals:
            self.say(hub.refusals.pop(0))
        elif self.path.startswith("/Qwen/Old-GGUF/"):
            self.begin(307, location=self.path.replace("Old-GGUF", "Tiny-GGUF"), content_length=0)
        elif self.path in (FACE, SCOPE):
            link = hub.storage.link()
            linked = {"x_linked_etag": f'"{hub.sha256}"', "x_linked_size": len(CONTENT)} if self.path == FACE else {}
            known = {"accept_ranges": "bytes", "x_repo_commit": "5" * 40, "etag": '"a5d6b6b3f4"', **linked}
            self.begin(302, location=link, content_type="text/plain", content_length=len(link), **known)
            self.wfile.write(link.encode())
        else:
            self.say(Refusal(404, "Entry not found", headers=(("x-error-code", "EntryNotFound"),)))


class Fetched(Answers):
    server: Storage

    def do_GET(self) -> None:
        storage = self.server
        signed = self.path.endswith(f"Signature={storage.signature}")
        if not signed or (storage.expires and storage.expires.pop(0)):
            self.say(Refusal(403, EXPIRED, "application/xml"))
            return
        storage.ranges.append(self.headers["range"])
        start = 0 if storage.ignores_ranges else int((self.headers["range"] or "bytes=0-")[6:-1])
        end = len(storage.content)
        span = {"content_range": f"bytes {start}-{end - 1}/{end}"} if start else {}
        self.begin(206 if start else 200, content_type="binary/octet-stream", content_length=end - start, **span)
        stop = storage.cuts.pop(0) if storage.cuts else end
        middle = max(start, min(stop, end // 2))
        self.wfile.write(storage.content[start:middle])
        storage.half_sent.set()
        storage.hold.wait()
        self.wfile.write(storage.content[middle:stop])


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub, hub.storage as storage:
        for server in (hub, storage):
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield hub
        storage.hold.set()
        for server in (hub, storage):
            server.shutdown()


@pytest.fixture
def storage(hub: Hub) -> Storage:
    return hub.storage


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path))
    return tmp_path


def get(*urls: str, model: LocalModel = MODEL) -> list[tuple[int, int]]:
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
    assert hub.storage.ranges == [None]


def test_a_download_that_is_cut_goes_on_where_it_stopped(hub: Hub) -> None:
    hub.storage.cuts = [100_000, 250_000]
    get(hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert hub.storage.ranges == [None, "bytes=100000-", "bytes=250000-"]


def test_a_download_goes_on_in_the_next_session(hub: Hub) -> None:
    part = weights_of(MODEL).with_name("tiny.gguf.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:123_456])
    get(hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert hub.storage.ranges == ["bytes=123456-"]


def test_a_hub_without_ranges_is_asked_for_everything_again(hub: Hub) -> None:
    hub.storage.ignores_ranges = True
    hub.storage.cuts = [100_000]
    get(hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT


def test_the_other_hub_is_asked_when_the_first_cannot_be_reached(hub: Hub) -> None:
    get("http://127.0.0.1:9/{repository}/{file}", hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT


def test_without_a_network_it_is_said_what_else_there_is() -> None:
    with pytest.raises(ConnectionFailed, match=r"could not be downloaded.*HF_ENDPOINT.*FILE\.gguf"):
        get("http://127.0.0.1:9/{repository}/{file}")


def test_a_false_file_is_thrown_away(hub: Hub) -> None:
    hub.storage.content = CONTENT[:-1] + b"?"
    with pytest.raises(NotTheService, match="checksum is wrong"):
        get(hub.url)
    assert not is_here(MODEL)
    assert not list(weights_of(MODEL).parent.glob("*.gguf*"))


def test_another_file_of_that_name_is_noticed_before_it_is_written(hub: Hub) -> None:
    hub.storage.content = b"<html>Please log in</html>"
    with pytest.raises(ConnectionFailed, match="has 26 bytes"):
        get(hub.url)


def test_a_disk_that_is_too_small_is_noticed_before_anything_is_sent(hub: Hub) -> None:
    large = replace(MODEL, files=(File("large.gguf", 1 << 60, "0" * 64),))
    with pytest.raises(ConfigurationError, match=r"disk is full.*are free"):
        get(hub.url, model=large)
    assert hub.storage.ranges == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_disk_that_fills_up_is_said_in_one_line_and_keeps_what_arrived(hub: Hub, cache: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))"
    with started(hub, limit) as process:
        said, _ = process.communicate(timeout=30)
    assert "ConfigurationError The disk is full: tiny needs" in said
    assert weights_of(MODEL).with_name("tiny.gguf.part").stat().st_size == 200_000


def test_two_kernels_share_one_download(hub: Hub) -> None:
    hub.storage.hold.clear()
    with started(hub) as first, started(hub) as second:
        assert hub.storage.half_sent.wait(20)
        for process in (first, second):
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        progress: list[tuple[int, int]] = []
        waiting = threading.Event()

        def told(done: int, total: int) -> None:
            progress.append((done, total))
            waiting.set()

        def third() -> None:
            download(MODEL, told, [hub.url])

        thread = threading.Thread(target=third)
        thread.start()
        assert waiting.wait(20)
        assert progress[0][0] < len(CONTENT)
        hub.storage.hold.set()
        thread.join(20)
        assert [process.wait(20) for process in (first, second)] == [0, 0]
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert hub.storage.ranges == [None]


def started(hub: Hub, before: str = "") -> subprocess.Popen[str]:
    """Another process that downloads."""
    code = DOWNLOAD.format(folders=[str(ROOT), str(TESTS), str(Path(__file__).parent)], before=before, url=hub.url)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("hub_of", ["url", "scope"])
def test_both_hubs_send_us_elsewhere_for_the_file(hub: Hub, storage: Storage, hub_of: str) -> None:
    get(getattr(hub, hub_of))
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert hub.paths == [FACE if hub_of == "url" else SCOPE]


def test_a_repository_that_was_renamed_is_found(hub: Hub) -> None:
    get(hub.url, model=replace(MODEL, repository="Qwen/Old-GGUF"))
    assert hub.paths == [FACE.replace("Tiny", "Old"), FACE]


def test_a_link_that_has_expired_is_asked_for_anew(hub: Hub, storage: Storage) -> None:
    storage.cuts, storage.expires = [100_000], [False, True, False]
    get(hub.url)
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert hub.paths == [FACE] * 3
    assert storage.ranges == [None, "bytes=100000-"]


def test_another_version_of_the_file_is_noticed_before_it_is_sent(hub: Hub, storage: Storage) -> None:
    hub.sha256 = "0" * 64
    with pytest.raises(ConnectionFailed, match=r"has another tiny\.gguf by now than the one this version knows"):
        get(hub.url)
    assert storage.ranges == []


GATED = "Access to model Qwen/Tiny-GGUF is restricted. You must have access to it and be authenticated."
MISSING = '{"Code":10010205001,"Message":"file not exist","RequestId":"1","Success":false,"Data":null}'
LOGIN = "<!doctype html><html><head><title>Campus network login</title></head></html>"


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        (
            Refusal(401, GATED, headers=(("x-error-code", "GatedRepo"), ("x-error-message", GATED))),
            r"gives Qwen/Tiny-GGUF only to those who log in and have been let in: Access to model .* is restricted",
        ),
        (
            Refusal(401, "Invalid username or password.", headers=(("x-error-code", "RepoNotFound"),)),
            r"HOST has no Qwen/Tiny-GGUF\.",
        ),
        (
            Refusal(404, "Entry not found", headers=(("x-error-code", "EntryNotFound"),)),
            r"no tiny\.gguf in Qwen/Tiny-GGUF",
        ),
        (Refusal(404, headers=(("x-error-code", "RevisionNotFound"),)), "no such branch of Qwen/Tiny-GGUF"),
        (Refusal(404, MISSING, "application/json"), r"no tiny\.gguf in Qwen/Tiny-GGUF: file not exist\."),
        (Refusal(200, MISSING, "application/json"), r"sent words instead of tiny\.gguf: file not exist\."),
        (Refusal(200, LOGIN, "text/html"), r"sent words instead of tiny\.gguf: Campus network login\."),
        (Refusal(403, EXPIRED, "application/xml"), r"does not give us Qwen/Tiny-GGUF: Request has expired\."),
        (Refusal(416, headers=(("content-range", "bytes */99"),)), r"is not tiny\.gguf: it has 99 bytes\."),
        (Refusal(429, headers=(("retry-after", "3600"),)), "too many requests from here, and wants 3600 s of rest"),
        (Refusal(429, headers=(("ratelimit", '"resolvers";r=0;t=170'),)), "wants 170 s of rest"),
        (Refusal(503, "<html><title>Bad provider</title></html>"), r"does not send tiny\.gguf now \(HTTP 503\)"),
        (Refusal(418), "answered with HTTP 418"),
    ],
)
def test_what_a_hub_refuses_is_one_clear_line_and_what_arrived_is_kept(hub: Hub, refusal: Refusal, says: str) -> None:
    part = weights_of(MODEL).with_name("tiny.gguf.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    hub.refusals = [refusal]
    with pytest.raises(ConnectionFailed, match=says.replace("HOST", r"127\.0\.0\.1:\d+")) as caught:
        get(hub.url)
    assert "\n" not in str(caught.value)
    assert len(caught.value.happened) < 300
    assert part.read_bytes() == CONTENT[:1000]


def test_a_signed_link_is_in_no_message(hub: Hub, storage: Storage) -> None:
    storage.expires = [True]
    with pytest.raises(ConnectionFailed, match=r"localhost:\d+ does not send .*: Request has expired") as caught:
        get(hub.url)
    assert "Signature" not in str(caught.value)


def test_a_hub_that_wants_a_rest_gets_it_when_there_is_no_other(hub: Hub) -> None:
    hub.refusals = [Refusal(429, headers=(("retry-after", "0"),)), Refusal(503, headers=(("retry-after", "0"),))]
    get(hub.url)
    assert hub.paths == [FACE] * 3


def test_a_hub_that_wants_a_rest_is_left_for_the_other_one(hub: Hub) -> None:
    hub.refusals = [Refusal(429, headers=(("retry-after", "1"),))]
    get(hub.url, hub.scope)
    assert hub.paths == [FACE, SCOPE]


def test_a_storage_that_falls_silent_is_asked_again(hub: Hub, storage: Storage) -> None:
    storage.hold.clear()
    resumed = threading.Timer(0.5, storage.hold.set)
    resumed.start()
    download(MODEL, lambda done, total: None, [hub.url], Timeouts(connect=5, idle=0.3))
    assert weights_of(MODEL).read_bytes() == CONTENT
    assert storage.ranges[:2] == [None, f"bytes={len(CONTENT) // 2}-"]


def test_mirrors_are_named_as_for_the_hubs_own_clients() -> None:
    plain = hubs({})
    assert plain[0].startswith("https://huggingface.co/")
    assert plain[1].startswith("https://www.modelscope.cn/")
    assert hubs({"HF_ENDPOINT": "https://hf-mirror.example/"})[0].startswith("https://hf-mirror.example/{repository}")
    assert hubs({"MODELSCOPE_DOMAIN": "scope.example"})[0].startswith("https://scope.example/api/v1/models/")


# --- whose cache it is


def refused_cache(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        is_here(MODEL)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="Windows closes a user's folders to others by itself")
@pytest.mark.parametrize("part", ["", "models", "models/Tiny-GGUF", "models/Tiny-GGUF/tiny.gguf"])
def test_what_others_may_change_is_not_used(cache: Path, part: str) -> None:
    place = weights_of(MODEL)
    place.parent.mkdir(parents=True)
    place.write_bytes(bytes(len(CONTENT)))
    assert is_here(MODEL)
    (cache / part).chmod(0o777)
    assert "Other users may change" in refused_cache(cache / part)


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0, reason="only root can make a file that belongs to another user"
)
@pytest.mark.parametrize("part", ["", "models", "models/Tiny-GGUF", "models/Tiny-GGUF/tiny.gguf"])
def test_what_belongs_to_another_user_is_not_used(cache: Path, part: str) -> None:
    place = weights_of(MODEL)
    place.parent.mkdir(parents=True)
    place.write_bytes(bytes(len(CONTENT)))
    os.chown(cache / part, 4321, 4321)
    assert "belongs to another user" in refused_cache(cache / part)


@pytest.mark.skipif(os.name != "posix", reason="Windows closes a user's folders to others by itself")
def test_the_folder_of_engines_is_for_this_user_alone(cache: Path) -> None:
    before = os.umask(0)
    try:
        assert engines().stat().st_mode & 0o777 == 0o700
        assert cache.stat().st_mode & 0o022 == 0
    finally:
        os.umask(before)
    engines().chmod(0o777)
    with pytest.raises(ConfigurationError, match="Other users may change"):
        engines()
