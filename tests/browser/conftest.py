"""A real Jupyter server and a real browser, one of each for all tests of this folder.

Where there is no Chromium these tests are skipped; with QWEN_MAGIC_REQUIRE_BROWSER set, they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect
from support.front_ends import CHROMIUM, FLAGS, TIMEOUT, Notebook, Server, running_server

HERE = Path(__file__).parent
TESTS = HERE.parent

# What is expected may take its time on a busy machine; what must be quick is measured where it is tested.
expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="session", autouse=True)
def chromium() -> str:
    if CHROMIUM:
        return CHROMIUM
    if os.environ.get("QWEN_MAGIC_REQUIRE_BROWSER"):
        pytest.fail("Chromium is required here, and there is none.", pytrace=False)
    pytest.skip("There is no Chromium on this machine.")


@pytest.fixture(scope="session")
def browser_type_launch_args(chromium: str) -> dict[str, Any]:
    return {"executable_path": chromium, "args": list(FLAGS), "headless": True}


@pytest.fixture(scope="session")
def browser_context_args() -> dict[str, Any]:
    return {"viewport": {"width": 1100, "height": 900}, "permissions": ["clipboard-read", "clipboard-write"]}


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """What a person does, and what a page is asked to become, may take as long as what is expected."""
    context.set_default_timeout(TIMEOUT)
    return context


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, notebooks = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("notebooks")
    with running_server(home, notebooks, HERE, TESTS) as server:
        yield server


@pytest.fixture
def look(page: Any) -> Callable[[str], None]:
    """Keeps a picture of the page, where QWEN_MAGIC_SCREENSHOTS names a folder for them."""
    folder = os.environ.get("QWEN_MAGIC_SCREENSHOTS")

    def take(name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png")

    return take


@pytest.fixture
def notebook(page: Any, server: Server) -> Callable[..., Notebook]:
    """Makes a notebook of some code cells, opened in `app` with a kernel that is ready."""

    def make(*cells: str, app: str = "lab") -> Notebook:
        return Notebook.make(page, server, app, cells)

    return make
