"""Formulas that would stop the page or cover its text do neither, live and in the record."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import Page, expect
from support.front_ends import Notebook

DEEP = "$$" + r"\frac{1}{" * 100 + "x" + "}" * 100 + "$$"
LONG = "$$" + "x+" * 30_000 + "x$$"
MOVED = [
    r"$\raise 20em {COVER}$",
    r"$a \\[-20em] COVER$",
    r"$\smash{\begin{matrix}a\\a\\a\\a\\a\\a\\a\\a\\COVER\end{matrix}}$",
]
TEXT = "\n\n".join(["First.", DEEP, LONG, *MOVED, "Some $x^2$ and the end."])
CELL = f"""
import json
from support.feeder import show
show(json.loads({json.dumps(TEXT)!r}) + ' {{middle}}', holds=['middle'])
"""


def test_a_formula_can_neither_stop_the_page_nor_cover_it(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(CELL)
    made.run()
    expect(page.locator(".qwen-answer")).to_contain_text("and the end")
    made.release("middle")
    record = page.locator(".qwen-record")
    expect(record).to_contain_text("and the end")
    expect(record.locator("mjx-container")).to_have_count(1)
    expect(record.locator("code")).to_have_count(2 + len(MOVED))
    assert page.evaluate("1 + 1") == 2
