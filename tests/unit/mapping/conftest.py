"""A map that asks the sandbox, with a cache of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.maps import Mapper

from qwen_magic.assistant.assistant import Assistant
from qwen_magic.core.settings import Settings
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.credentials import Credentials


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_MAGIC_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def handled() -> Iterator[None]:
    """As in a kernel: whoever runs these tests in the background may have SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def mapper(sandbox: Sandbox, own_cache: None, handled: None) -> Iterator[Mapper]:
    credentials = Credentials({"QWEN_API_KEY": sandbox.key})
    assistant = Assistant(Settings(endpoint=sandbox.compatible_url), credentials)
    yield Mapper(assistant)
    assistant.close()
