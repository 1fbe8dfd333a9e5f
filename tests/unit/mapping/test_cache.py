"""Answers that were paid for: they survive the process, and stay within their size."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.maps import Holder

from qwen_magic.core.errors import ConfigurationError
from qwen_magic.core.events import Usage
from qwen_magic.local.file_systems import is_remote, remote_mount
from qwen_magic.mapping.cache import AnswerCache, CachedAnswer, cache_key, default_cache

URL = "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"
ANSWER = CachedAnswer("Grüße 你好", "qwen-plus", "stop", "req-1", Usage(12, 3, cached=4))

# Keeps so many answers, says so after each, and goes on until it is killed.
WRITER = """
import sys
from pathlib import Path
from qwen_magic.mapping.cache import AnswerCache, CachedAnswer, cache_key
cache = AnswerCache(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    cache.keep(cache_key("u", f"{sys.argv[2]} {number}".encode()), CachedAnswer(f"answer {number}"))
    print(number, flush=True)
sys.stdin.read()
"""


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.sqlite"


def test_an_answer_comes_back_as_it_was_kept(path: Path) -> None:
    key = cache_key(URL, b'{"model":"qwen-plus"}')
    AnswerCache(path).keep(key, ANSWER)
    assert AnswerCache(path).find(key) == ANSWER


def test_another_body_or_another_url_is_another_question(path: Path) -> None:
    cache = AnswerCache(path)
    cache.keep(cache_key(URL, b"one"), ANSWER)
    assert cache.find(cache_key(URL, b"two")) is None
    assert cache.find(cache_key("https://elsewhere/v1/chat/completions", b"one")) is None


def test_an_answer_that_is_kept_again_is_there_once(path: Path) -> None:
    cache, key = AnswerCache(path), cache_key(URL, b"one")
    cache.keep(key, CachedAnswer("first"))
    cache.keep(key, CachedAnswer("second"))
    found = cache.find(key)
    assert found is not None
    assert found.text == "second"
    assert cache.size().answers == 1


def test_beyond_its_limit_the_oldest_answers_go(path: Path) -> None:
    cache = AnswerCache(path, limit=20_000)
    for number in range(100):
        cache.keep(cache_key(URL, b"%d" % number), CachedAnswer("x" * 1_000))
    assert cache.size().size <= 20_000 * 1.1
    assert cache.find(cache_key(URL, b"99")) is not None
    assert cache.find(cache_key(URL, b"0")) is None
    cache.keep(cache_key(URL, b"large"), CachedAnswer("x" * 30_000))
    assert cache.find(cache_key(URL, b"large")) is None
    assert cache.find(cache_key(URL, b"99")) is not None


def test_clearing_gives_the_disk_back(path: Path) -> None:
    cache = AnswerCache(path)
    for number in range(100):
        cache.keep(cache_key(URL, b"%d" % number), CachedAnswer("x" * 10_000))
    assert cache.clear().answers == 100
    assert cache.size().answers == 0
    cache.close()
    assert path.stat().st_size < 100_000


def test_a_size_is_asked_for_and_no_file_is_made(path: Path) -> None:
    assert AnswerCache(path).size().answers == 0
    assert not path.exists()


def test_a_kill_loses_nothing_that_was_kept(path: Path) -> None:
    process = writer(path, "killed", 1_000_000)
    assert process.stdout is not None
    for number, line in enumerate(process.stdout):  # kept so far
        assert int(line) == number
        if number == 200:
            break
    process.kill()
    process.communicate()
    cache = AnswerCache(path)
    missing = [n for n in range(201) if cache.find(cache_key("u", f"killed {n}".encode())) is None]
    assert missing == []
    cache.keep(cache_key("u", b"next"), ANSWER)
    assert cache.size().answers > 201


def test_processes_share_one_file_from_its_first_moment(path: Path) -> None:
    processes = [writer(path, f"writer {number}", 50) for number in range(4)]
    outputs = [process.communicate("", timeout=120)[0].split() for process in processes]
    assert [len(output) for output in outputs] == [50] * 4
    assert AnswerCache(path).size().answers == 200


def test_a_file_that_is_no_cache_is_one_line(path: Path) -> None:
    path.write_bytes(b"this is no database " * 100)
    with pytest.raises(ConfigurationError, match=r"answers\.sqlite cannot be used .*cache=False"):
        AnswerCache(path).find(b"key")


def test_an_entry_of_another_version_is_asked_again(path: Path) -> None:
    cache, key = AnswerCache(path), cache_key(URL, b"one")
    cache.keep(key, ANSWER)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE answers SET answer = ?", ('{"text": "x", "unheard of": 1}',))
    assert cache.find(key) is None


@pytest.mark.skipif(os.name == "nt", reason="Windows closes a user's folders to others by itself")
def test_others_cannot_read_the_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path / "cache"))
    cache = default_cache()
    cache.keep(b"key", ANSWER)
    assert (tmp_path / "cache" / "answers").stat().st_mode & 0o077 == 0


def test_answers_wait_while_another_process_holds_the_file(path: Path) -> None:
    AnswerCache(path).keep(b"before", ANSWER)
    cache = AnswerCache(path)
    assert cache.find(b"before") == ANSWER
    with Holder(path) as holder:
        begun = time.monotonic()
        for number in range(100):
            cache.keep(b"key %d" % number, ANSWER)
        assert time.monotonic() - begun < 10  # each that waited would take 0.25 s
        assert cache.find(b"before") == ANSWER
        assert cache.find(b"key 99") == ANSWER
        assert cache.due is not None
        assert AnswerCache(path).find(b"key 99") is None
        holder.release()
    cache.close()
    assert cache.due is None
    assert AnswerCache(path).find(b"key 99") == ANSWER


def test_a_file_that_is_held_until_the_end_is_one_line(path: Path) -> None:
    AnswerCache(path).keep(b"before", ANSWER)
    cache = AnswerCache(path)
    with Holder(path):
        cache.keep(b"one", ANSWER)
        cache.keep(b"two", ANSWER)
        with pytest.raises(ConfigurationError, match=r"^2 answers could not be kept, because another process holds"):
            cache.close()


def test_a_file_on_this_machine_has_a_write_ahead_log(path: Path) -> None:
    AnswerCache(path).keep(b"one", ANSWER)
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert not is_remote(path)


@pytest.mark.parametrize(
    ("folder", "remote"),
    [("/home/me/.cache", True), ("/home/local disk/x", False), ("/homes", False), ("/data/x", True), ("/tmp", False)],
)
def test_folders_of_other_machines_are_told_by_their_mounts(folder: str, remote: bool) -> None:
    mounts = (
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "40 22 0:40 / /home rw shared:2 - nfs4 server:/export/home rw,vers=4.2\n"
        "41 40 8:2 / /home/local\\040disk rw - xfs /dev/sdb1 rw\n"
        "42 22 0:41 / /data rw - fuse.sshfs me@there:/data rw\n"
        "garbage\n"
    )
    assert remote_mount(folder, mounts) is remote
