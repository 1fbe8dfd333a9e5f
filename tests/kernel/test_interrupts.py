"""An interrupt while something is put in place waits until that is done, but not for ever."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from qwen_magic.assistant.interrupts import Interrupts


@pytest.fixture(autouse=True)
def handled() -> Iterator[None]:
    """As in a kernel: whoever runs these tests in the background may have SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_what_must_not_be_left_half_done_is_done() -> None:
    with Interrupts() as interrupts:
        interrupt()
        done = True
    assert done
    assert interrupts.waiting


def test_the_first_interrupt_is_passed_on_and_the_next_one_waits() -> None:
    with Interrupts() as interrupts:
        with pytest.raises(KeyboardInterrupt), interrupts.passing():
            interrupt()
        assert not interrupts.waiting
        interrupt()
    assert interrupts.waiting


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_is_lost_on_its_way_is_noticed_all_the_same() -> None:
    class Interrupted:
        def __del__(self) -> None:
            interrupt()  # Python ignores what is raised here

    with Interrupts() as interrupts, interrupts.passing():
        Interrupted()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_one_that_waits_is_passed_on_when_it_may() -> None:
    with Interrupts() as interrupts:
        interrupt()
        with pytest.raises(KeyboardInterrupt), interrupts.passing():
            pytest.fail("It came too late.")
    assert not interrupts.waiting


def test_whoever_has_waited_long_enough_is_let_through() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupts(patience=0):
        interrupt()


def test_afterwards_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_in_a_thread_that_nobody_interrupts_nothing_is_done() -> None:
    seen = []

    def answer() -> None:
        with Interrupts() as interrupts, interrupts.passing():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=answer)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
