"""An answer that is data on the page: a table that grows row by row, and stays."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.front_ends import Notebook, box_of

MAKE = """\
import json
from support.feeder import show
from qwen_magic.structured.schema import make_schema
row = {"name": "Anna <b>Example</b>", "age": 30, "city": None}
people = make_schema("name, age int, city?", many=True)
"""
FOUR = """\
text = json.dumps({"items": [row] * 4})
show(text[:130] + "{middle}" + text[130:], holds=["middle"], schema=people)
"""
OBJECT = """\
person = make_schema("name, age int, city?")
show('{"name": "Anna", "age": 30{middle}, "city": "Rome"}', holds=["middle"], schema=person)
"""


@pytest.fixture(params=["lab", "notebook"])
def app(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_list_grows_as_a_table_and_nothing_jumps_when_it_stays(
    notebook: Callable[..., Notebook], page: Page, app: str, look: Callable[[str], None]
) -> None:
    made = notebook(MAKE + FOUR, app=app)
    made.run()
    live = page.locator(".qwen-answer")
    expect(live.locator("tbody tr")).to_have_count(2)
    expect(live.locator("thead th")).to_have_text(["name", "age", "city"])
    expect(live.locator("td").first).to_have_text("Anna <b>Example</b>")
    assert "{" not in live.inner_text()
    look(f"{app}-light-data-live")
    top = box_of(live.locator("table"))["y"]
    made.release("middle")
    record = page.locator(".qwen-record")
    expect(record.locator("tbody tr")).to_have_count(4)
    expect(record.locator("pre")).to_be_hidden()
    look(f"{app}-light-data-record")
    assert abs(box_of(record.locator("table"))["y"] - top) <= 8
    record.locator("summary").click()
    expect(record.locator("pre")).to_contain_text('"name": "Anna')


def test_an_object_shows_its_fields_as_they_come(notebook: Callable[..., Notebook], page: Page) -> None:
    made = notebook(MAKE + OBJECT)
    made.run()
    expect(page.locator(".qwen-answer tr")).to_have_count(1)
    made.release("middle")
    expect(page.locator(".qwen-record tr")).to_have_count(3)


def test_of_ten_thousand_rows_the_first_are_shown_and_the_count(notebook: Callable[..., Notebook], page: Page) -> None:
    notebook(MAKE + "show(json.dumps([row] * 10_000), schema=people)").run()
    record = page.locator(".qwen-record")
    expect(record).to_contain_text("the first 200 of 10,000 rows")
    expect(record.locator("tbody tr")).to_have_count(200)
