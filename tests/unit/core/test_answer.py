"""Answers as data: what a table library makes of them."""

from __future__ import annotations

from pathlib import Path

import pandas

from qwen_magic.core.answer import Answer, Attached
from qwen_magic.core.events import Source, Usage
from qwen_magic.core.messages import ToolCall

FULL = Answer(
    "It is **42**.",
    "Let me think.",
    "qwen-plus",
    "beijing",
    Usage(12, 345, reasoning=6),
    tool_calls=(ToolCall("call-1", "add", '{"a": 1}'),),
    sources=(Source(1, "A page", "https://example.com/"),),
    attachments=(Attached("prices.csv", "table", 12, "00"),),
    notes=("1 earlier turn left out",),
)
ANSWERS = [FULL, Answer("Nothing else.", finish_reason="stopped")]


def test_answers_are_rows_of_a_table_that_goes_to_parquet_and_back(tmp_path: Path) -> None:
    pandas.DataFrame(ANSWERS).to_parquet(tmp_path / "answers.parquet")
    read = pandas.read_parquet(tmp_path / "answers.parquet")
    assert list(read["text"]) == ["It is **42**.", "Nothing else."]
    assert list(read["finish_reason"]) == ["stop", "stopped"]
    assert read["usage"][0]["output"] == 345
    assert read["tool_calls"][0][0]["arguments"] == '{"a": 1}'


def test_a_column_of_answers_goes_to_parquet_as_text(tmp_path: Path) -> None:
    table = pandas.DataFrame({"question": ["What?", "And?"], "answer": ANSWERS})
    table.astype({"answer": str}).to_parquet(tmp_path / "answers.parquet")
    assert list(pandas.read_parquet(tmp_path / "answers.parquet")["answer"]) == ["It is **42**.", "Nothing else."]
