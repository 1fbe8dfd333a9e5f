"""A lock between processes: one holds it at a time, whoever waits can break off, and no dead holder keeps it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.paths import ROOT

from qwen_magic.local.file_lock import locked

HOLD = """
import sys
from pathlib import Path
from qwen_magic.local.file_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(lock: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "new folder" / ".lock"
    with held_elsewhere(lock) as holder:
        asked: list[bool] = []

        def waiting() -> None:
            asked.append(True)
            holder.kill()

        with locked(lock, waiting):
            assert asked


def test_whoever_waits_for_a_lock_can_break_off(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"

    def interrupted() -> None:
        raise KeyboardInterrupt

    with held_elsewhere(lock), pytest.raises(KeyboardInterrupt), locked(lock, interrupted):
        pytest.fail("it is held elsewhere")
    with locked(lock, interrupted):
        """It is free again, and broken off was not held."""


def test_a_lock_is_free_after_an_error(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with pytest.raises(ZeroDivisionError), locked(lock):
        raise ZeroDivisionError
    with held_elsewhere(lock) as other:
        assert other.poll() is None
