"""What the tests stand on: the sandbox, a real kernel, a real engine. Each is started when a test first asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import kernels
from support.kernels import Kernel

from qwen_magic.sandbox import Sandbox

# Whoever runs the tests may read another language.
os.environ["LANGUAGE"] = "en"


@pytest.fixture(scope="module")
def module_sandbox() -> Iterator[Sandbox]:
    with Sandbox(any_key=True) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(module_sandbox: Sandbox) -> Sandbox:
    """The offline service on a port of its own, with no requests so far."""
    module_sandbox.clear()
    return module_sandbox


@pytest.fixture(scope="module")
def module_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with kernels.running(tmp_path_factory.mktemp("kernel")) as kernel:
        yield kernel


@pytest.fixture
def kernel(module_kernel: Kernel) -> Kernel:
    """The module's kernel, with empty namespace and without the extension; quick, but imports stay."""
    module_kernel.reset()
    return module_kernel


@pytest.fixture
def notebook(kernel: Kernel, sandbox: Sandbox) -> Kernel:
    """A kernel that asks the sandbox."""
    kernel.use(sandbox.compatible_url, sandbox.key)
    return kernel


@pytest.fixture
def fresh_kernel(tmp_path: Path) -> Iterator[Kernel]:
    """A kernel that nobody used before."""
    with kernels.running(tmp_path) as kernel:
        yield kernel


@pytest.fixture
def start_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Kernel]]:
    """Starts kernels with variables of their own in the environment."""
    started: list[Kernel] = []

    def start(**environment: str) -> Kernel:
        kernel = Kernel(tmp_path_factory.mktemp("kernel"), environment)
        kernel.start()
        started.append(kernel)
        return kernel

    yield start
    for kernel in started:
        kernel.stop()


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """llama.cpp with a tiny Qwen3 of random weights."""
    pytest.importorskip("xllamacpp")
    from support.tiny_engine import engine, tiny_qwen

    folder = tmp_path_factory.mktemp("engine")
    with engine.running(tiny_qwen.write(folder / "tiny-qwen3.gguf"), folder / "engine.log") as running:
        yield running
