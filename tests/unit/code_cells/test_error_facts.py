"""What goes along of an error: what a person would send, short, and without secrets."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it has no types
import pytest

from qwen_magic.code_cells.error_facts import ErrorFacts, Failure, error_facts
from qwen_magic.code_cells.trimmed_traceback import MAX_TRACEBACK, Origins
from qwen_magic.code_cells.unified_diff import CellSource

Run = Callable[..., ErrorFacts]


class Cells:
    """Runs sources as the cells of a notebook do, with one namespace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.sources: dict[str, CellSource] = {}

    def run(self, source: str) -> Failure | None:
        number = len(self.sources) + 1
        filename = f"/tmp/ipykernel_1/{number}.py"
        self.sources[filename] = cell = CellSource(source, f"id-{number}", f"In[{number}]")
        try:
            exec(compile(source, filename, "exec"), self.names)
        except BaseException as error:
            return Failure(cell, error)
        return None

    def facts(self, *sources: str) -> ErrorFacts:
        """Of the last source, which fails."""
        for source in sources[:-1]:
            assert self.run(source) is None
        failure = self.run(sources[-1])
        assert failure is not None
        return error_facts(failure, Origins(self.sources.get, failure.cell, self.folder))


@pytest.fixture
def cells(tmp_path: Path) -> Cells:
    return Cells(tmp_path)


def test_the_cell_the_traceback_the_names_and_the_versions_go_along(cells: Cells) -> None:
    cells.names |= {"df": pd.DataFrame({"price": [1.5, 2.5], "city": ["Rome", "Oslo"]}), "column": "prize", "pd": pd}
    facts = cells.facts("# a total\ntotal = df[column].sum()")
    assert facts.cells == (CellSource("# a total\ntotal = df[column].sum()", "id-1", "In[1]"),)
    own = (
        "Traceback (most recent call last):\n  In[1], line 2, in <module>\n    total = df[column].sum()\n  pandas/core/"
    )
    assert own in facts.traceback
    assert facts.traceback.endswith("KeyError: 'prize'")
    assert "2 rows × 2 columns" in facts.text
    assert "|price|Float64|0|" in facts.text
    assert "- `column`: str, 5 items" in facts.text
    assert f"pandas {pd.__version__}" in facts.text
    assert "Rome" not in facts.text


def test_nothing_is_said_of_where_libraries_lie(cells: Cells) -> None:
    cells.names["json"] = json
    facts = cells.facts("json.loads('{')")
    assert "json/decoder.py, line" in facts.traceback
    assert sys.prefix not in facts.text
    assert str(Path.home()) not in facts.text


def test_library_frames_are_cut_short(cells: Cells) -> None:
    cells.names["copy"] = copy
    facts = cells.facts("copy.deepcopy([[[lambda: 1, (n for n in [1])]]])")
    assert "  copy.py, line " in facts.traceback
    assert "more frames in libraries …" in facts.traceback
    assert facts.traceback.count("copy.py") == 2


def test_a_function_of_another_cell_brings_its_cell(cells: Cells) -> None:
    facts = cells.facts("def mean(x):\n    return sum(x) / len(x)", "unused = 1", "values = []\nmean(values)")
    assert [cell.name for cell in facts.cells] == ["In[3]", "In[1]"]
    assert "In[3], line 2, in <module>\n    mean(values)\n  In[1], line 2, in mean\n    return sum(x) / len(x)" in (
        facts.traceback
    )
    assert "- `x`: list, 0 items" in facts.names
    assert "- `mean`: function mean(x)" in facts.names


def test_a_file_of_the_folder_is_shown_around_the_line(cells: Cells, monkeypatch: pytest.MonkeyPatch) -> None:
    (cells.folder / "shapes.py").write_text("import math\n\n\ndef area(radius):\n    return math.sqrt(-radius)\n")
    monkeypatch.syspath_prepend(str(cells.folder))
    facts = cells.facts("from shapes import area", "area(2)")
    assert "  shapes.py, line 5, in area\n" in facts.traceback
    assert "    >" in facts.traceback
    assert "4 def area(radius):" in facts.traceback
    assert "- `radius`: int, 2" in facts.names
    del sys.modules["shapes"]


def test_a_syntax_error_has_its_line_and_place(cells: Cells) -> None:
    facts = cells.facts("x = 1\ny = = 2")
    assert facts.traceback == '  File "In[1]", line 2\n    y = = 2\n        ^\nSyntaxError: invalid syntax'
    assert facts.names == ()


def test_a_chain_is_told_from_its_cause_on(cells: Cells) -> None:
    facts = cells.facts(
        "key = 'a'\ntry:\n    {}[key]\nexcept KeyError as error:\n    raise ValueError('none') from error"
    )
    first, _, second = facts.traceback.partition("\n\nThe above exception was the direct cause of")
    assert first.endswith("KeyError: 'a'")
    assert second.endswith("ValueError: none")
    assert "- `key`: str, 1 item" in facts.names


def test_an_exception_that_hides_another_is_alone(cells: Cells) -> None:
    facts = cells.facts("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('none') from None")
    assert "ZeroDivision" not in facts.traceback.replace("except ZeroDivisionError", "")


def test_a_circle_of_exceptions_ends(cells: Cells) -> None:
    circle = "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a"
    assert cells.facts(circle).traceback.count("ValueError: ") == 2


def test_a_group_has_its_exceptions(cells: Cells) -> None:
    facts = cells.facts("raise ExceptionGroup('several', [ValueError(n) for n in range(9)])")
    assert "ExceptionGroup: several (9 sub-exceptions)\n  [1]\n  ValueError: 0\n" in facts.traceback
    assert facts.traceback.endswith("… 4 more exceptions")


def test_a_recursion_without_end_is_short(cells: Cells) -> None:
    facts = cells.facts("def down(n):\n    return down(n + 1)", "down(0)")
    assert "[the same " in facts.traceback
    assert len(facts.traceback) < 1_000
    two = cells.facts("def ping(n):\n    return pong(n)\ndef pong(n):\n    return ping(n)", "ping(0)")
    assert "more frames" in two.traceback
    assert len(two.traceback) < 3_000


def test_a_long_message_is_cut(cells: Cells) -> None:
    facts = cells.facts("raise ValueError('x' * 1_000_000)")
    assert len(facts.traceback) <= MAX_TRACEBACK
    assert "characters left out" in facts.traceback


def test_an_interrupt_says_where_it_was(cells: Cells) -> None:
    facts = cells.facts("step = 7\nfor _ in range(3):\n    raise KeyboardInterrupt")
    assert "In[1], line 3, in <module>" in facts.traceback
    assert facts.traceback.endswith("KeyboardInterrupt")


def test_a_secret_in_a_variable_of_the_failing_line_does_not_go_along(cells: Cells) -> None:
    cells.names |= {
        "password": "correct horse battery",
        "tokens": {"api_key": "sk-0123456789abcdef0123456789abcdef"},
        "options": {"sk-0123456789abcdef0123456789abcdef": 1},
    }
    facts = cells.facts(
        "def login(user, secret='sk-fedcba9876543210fedcba9876543210'): ...", "login(password, tokens, options)"
    )
    assert "correct horse" not in facts.text
    assert "sk-0123" not in facts.text
    assert "- `password`: str (its value is not sent: it looks like a secret)" in facts.names
    assert "- `options`: dict (its value is not sent: it looks like a secret)" in facts.names


def test_a_message_that_quotes_a_secret_variable_goes_without_it(cells: Cells) -> None:
    cells.names["password"] = "correct horse battery"
    facts = cells.facts("raise ValueError(f'{password} was refused')")
    assert facts.traceback.endswith("ValueError: … was refused")


def test_values_of_the_notebook_stay_here_but_numbers(cells: Cells) -> None:
    cells.names |= {"names": ["Anna", "Bo"], "by_city": {"Rome": "Anna"}, "zero": 0, "text": "Anna"}
    facts = cells.facts("(names, by_city, text, 1 / zero)")
    assert "Anna" not in facts.text.partition("The names")[2]
    assert "- `zero`: int, 0" in facts.names
    assert "- `by_city`: dict, 1 item, keys ['Rome']" in facts.names


def test_an_object_that_cannot_be_looked_at_stops_nothing(cells: Cells) -> None:
    odd = "class Odd(list):\n    def __len__(self): raise OSError\n    def __repr__(self): raise OSError\nodd = Odd()"
    facts = cells.facts(odd, "odd.missing")
    assert any(name.startswith("- `odd`: Odd") for name in facts.names)


def test_a_line_over_several_lines_has_all_its_names(cells: Cells) -> None:
    facts = cells.facts("a, b, c = 1, 2, 0\nresult = max(\n    a,\n    b / c,\n)")
    assert {"- `b`: int, 2", "- `c`: int, 0"} <= set(facts.names)


def test_a_column_or_an_attribute_is_not_the_variable_of_that_name(cells: Cells) -> None:
    cells.names |= {"price": 1, "total": 2, "row": {}}
    assert cells.facts("row['price'].total").names == ("- `row`: dict, 0 items",)


def test_code_that_is_not_a_cell_of_this_notebook_is_no_own_code(cells: Cells) -> None:
    with suppress(ZeroDivisionError):
        eval("1 / 0")
    facts = cells.facts("eval('1 / 0')")
    assert "  <string>, line 1, in <module>" in facts.traceback
