"""Hostile markdown on a real page, live and as a record: no script runs, nothing is fetched, nothing opens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, Request, expect
from support.front_ends import Notebook, Server
from support.hostile.payloads import HOSTILE_NAMES, PAYLOADS

# JupyterLab shows 50 outputs of a cell, and hides the rest.
PER_CELL = 40
ALL = [*(text for kind in PAYLOADS.values() for text in kind), *HOSTILE_NAMES]
STARTS = range(0, len(ALL), PER_CELL)
CELL = """
from support.feeder import show_all
from test_hostile import ALL
show_all(ALL[{start}:{end}], "go-{start}")
"""
ATTRIBUTES = """() => [...document.querySelectorAll(".qwen-live *, .qwen-record *")].flatMap((node) =>
    [...node.attributes].map((attribute) => [node.localName, attribute.name, attribute.value]))"""


@pytest.fixture
def watched(page: Page, server: Server) -> list[str]:
    """Everything that the page asks of others than its own server, and every dialog that opens."""
    events = []

    def request(made: Request) -> None:
        if not made.url.startswith((server.url, "data:", "blob:", "ws")):
            events.append(made.url)

    def dialog(opened: Dialog) -> None:
        events.append(opened.message)
        opened.dismiss()

    page.on("request", request)
    page.on("dialog", dialog)
    page.on("popup", lambda opened: events.append(opened.url))
    page.on("download", lambda started: events.append(started.url))
    return events


def test_nothing_that_a_model_writes_runs_or_fetches_anything(
    notebook: Callable[..., Notebook], page: Page, watched: list[str]
) -> None:
    made = notebook(*(CELL.format(start=start, end=start + PER_CELL) for start in STARTS))
    for cell, start in enumerate(STARTS):
        number = len(ALL[start : start + PER_CELL])
        made.run_cell(cell)
        expect(page.locator(".qwen-live")).to_have_count(number)
        check(page, watched)
        made.release(f"go-{start}")
        expect(page.locator(".qwen-record")).to_have_count(number)
        check(page, watched)
        made.command("notebook:clear-all-cell-outputs")


def check(page: Page, watched: list[str]) -> None:
    page.mouse.move(600, 400)
    assert watched == []
    for element, name, value in page.evaluate(ATTRIBUTES):
        assert element not in ("script", "iframe", "object", "embed", "form", "svg", "style", "link", "base", "meta")
        assert not name.startswith("on")
        assert name not in ("srcset", "ping", "formaction", "data-commandlinker-command")
        if name == "src":
            assert value.startswith("data:image/")
        if name == "href":
            assert value.lower().startswith(("http://", "https://", "mailto:"))
