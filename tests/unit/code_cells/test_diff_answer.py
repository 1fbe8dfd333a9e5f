"""Which change of which cell an answer proposes, and how it is shown in whatever opens the notebook."""

from __future__ import annotations

from dataclasses import replace
from html import unescape
from itertools import chain
from re import sub

import pytest
from support.hostile.inert import dangers
from support.hostile.payloads import PAYLOADS

from qwen_magic.code_cells.diff_answer import DiffAnswer, diff_answer
from qwen_magic.code_cells.unified_diff import CellSource
from qwen_magic.core.answer import STOPPED, Answer
from qwen_magic.rendering.mimebundle import record

CELL = CellSource("total = 1 / 0\nprint(total)", "id-1", "In[3]")
FIXED = "Nothing is divided by zero.\n\n```python\ntotal = 1 / 2\nprint(total)\n```\n\nRun it again.\n"


def changed(text: str, *cells: CellSource) -> DiffAnswer:
    answer = diff_answer(Answer(text), cells or (CELL,))
    assert isinstance(answer, DiffAnswer)
    return answer


def test_the_block_of_code_becomes_a_diff_between_the_words_around_it() -> None:
    answer = changed(FIXED)
    assert answer.diff.new == "total = 1 / 2\nprint(total)"
    assert (answer.before, answer.after) == ("Nothing is divided by zero.", "Run it again.")
    assert answer.in_words == Answer(FIXED)


def test_the_block_that_is_the_cell_is_taken_and_no_quoted_line() -> None:
    quoted, console = "This line:\n```python\nx = 5\n```\nbecomes", "as in\n```\n$ ls\n```"
    answer = changed(f"{quoted}\n```python\ntotal = 3\nprint(total)\n```\n{console}")
    assert answer.diff.new == "total = 3\nprint(total)"
    assert "x = 5" in answer.before
    assert "$ ls" in answer.after


def test_the_cell_that_the_answer_is_about_is_changed() -> None:
    other = CellSource("def mean(x):\n    return sum(x) / len(x)", "id-2", "In[1]")
    answer = changed("```python\ndef mean(x):\n    return sum(x) / max(len(x), 1)\n```", CELL, other)
    assert (answer.diff.cell, answer.diff.name) == ("id-2", "In[1]")


@pytest.mark.parametrize(
    "text",
    ["- so:\n\n  ```python\n  total = 2\n  print(total)\n  ```", "```python\r\ntotal = 2\r\nprint(total)\r\n```\r\n"],
)
def test_indented_blocks_and_other_line_ends_make_the_same_change(text: str) -> None:
    assert changed(text).diff.new == "total = 2\nprint(total)"


def test_an_answer_without_a_change_says_so() -> None:
    for text, note in (
        ("Look at line 1.", "the answer has no code"),
        (f"```\n{CELL.source}\n```", "leaves the cell as it is"),
    ):
        answer = diff_answer(Answer(text), (CELL,))
        assert type(answer) is Answer
        assert note in answer.notes[-1]


def test_an_answer_that_was_stopped_changes_nothing() -> None:
    stopped = Answer(FIXED, finish_reason=STOPPED)
    assert diff_answer(stopped, (CELL,)) is stopped


def test_the_record_has_the_diff_in_three_forms_and_what_a_page_needs() -> None:
    data, metadata = record(changed(FIXED))
    diff = "@@ -1,2 +1,2 @@\n-total = 1 / 0\n+total = 1 / 2\n print(total)"
    html = data["text/html"]
    assert unescape(sub("<[^>]*>", "", html.partition("<pre>")[2].partition("</pre>")[0])) == f"{diff}\n"
    assert html.index("divided by zero") < html.index("1 line added") < html.index("Run it again")
    assert f"In[3]: 1 line added, 1 line removed\n\n```diff\n{diff}\n```" in unescape(
        data["text/markdown"].replace("&#91;", "[").replace("&#93;", "]")
    )
    assert f"In[3]: 1 line added, 1 line removed\n{diff}" in data["text/plain"]
    assert metadata["qwen"]["diff"] == {"cell": "id-1", "old": CELL.source, "new": "total = 1 / 2\nprint(total)"}
    assert "diff" not in record(Answer(FIXED))[1]["qwen"]


def test_line_colours_need_no_style_sheet_and_lines_no_colours() -> None:
    html = record(changed(FIXED))[0]["text/html"]
    assert '<span class="gd" style="display:block;background-color:#f8514933">-total = 1 / 0\n</span>' in html
    assert '<span class="gi" style="display:block;background-color:#2ea04333">+total = 1 / 2\n</span>' in html


@pytest.mark.parametrize("payload", tuple(chain.from_iterable(PAYLOADS.values())))
def test_nothing_in_a_diff_acts(payload: str) -> None:
    fence = "`" * 12
    cell = replace(CELL, source=payload, name=payload)
    answer = diff_answer(Answer(f"{payload}\n\n{fence}\n{payload}\nx = 1\n{fence}\n"), (cell,))
    data, _ = record(answer)
    assert not dangers(data["text/html"])
