"""Answers as data: what a script, a pickle and a table library make of them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pandas  # type: ignore[import-untyped]  # it has no types
from support.paths import ROOT

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


def test_a_script_prints_an_answer_and_takes_its_code_out_of_a_pickle(tmp_path: Path) -> None:
    (tmp_path / "answer.pickle").write_bytes(pickle.dumps(Answer("So:\n```python\nx = 1\n```")))
    code = (
        "import pickle; answer = pickle.load(open('answer.pickle', 'rb')); "
        "print(answer); print(repr(answer)[:14]); print([(each.language, str(each)) for each in answer.code])"
    )
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    printed = subprocess.check_output(command, cwd=tmp_path, env=environment, encoding="utf-8")
    assert printed.splitlines() == [
        "So:", "```python", "x = 1", "```", "Answer(text='S", "[('python', 'x = 1\\n')]"
    ]  # fmt: skip
