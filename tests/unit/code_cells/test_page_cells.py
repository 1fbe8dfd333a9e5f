"""What the page is told to do with cells, from what it told of them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from qwen_magic.code_cells.page_cells import CellEdit, WrittenCell, edits_of, message_of, page_cells


def written(id: str, source: str, *, edited: bool = False) -> WrittenCell:
    told = "another" if edited else source
    return WrittenCell(id, source, hashlib.sha256(told.encode()).hexdigest())


def test_cells_are_told_by_the_cell_that_asked() -> None:
    cell = {"id": "c", "source": "x", "written": hashlib.sha256(b"x").hexdigest(), "locked": True}
    page = page_cells({"qwen_magic": {"code": {"read_only": True, "cells": {"a": [cell]}}}})
    assert page is not None
    assert page.read_only
    assert page.of("a") == (WrittenCell("c", "x", str(cell["written"]), locked=True),)
    assert not page.of("a")[0].edited
    assert page.of("b") == ()


@pytest.mark.parametrize("metadata", [{}, {"qwen_magic": {}}, {"qwen_magic": 1}, {"qwen_magic": {"code": []}}])
def test_a_page_without_the_extension_tells_nothing(metadata: dict[str, Any]) -> None:
    assert page_cells(metadata) is None


def test_new_code_gets_cells_of_their_own() -> None:
    first, second = edits_of(["x", "y"], [])
    assert (first.source, first.expected, first.number) == ("x", (), 0)
    assert (second.source, second.number) == ("y", 1)
    assert first.cell != second.cell


def test_code_that_is_there_is_replaced_and_what_is_too_much_goes() -> None:
    edits = edits_of(["new"], [written("c1", "x"), written("c2", "y")])
    assert edits == (CellEdit("c1", "new", ("x",), 0), CellEdit("c2", None, ("y",), 1))


def test_an_edited_cell_may_only_be_replaced_once_that_was_shown() -> None:
    cells = [written("c", "mine", edited=True)]
    assert edits_of(["new"], cells) == (CellEdit("c", "new", (), 0),)
    assert edits_of(["new"], cells, shown=["mine"]) == (CellEdit("c", "new", ("mine",), 0),)


def test_a_run_that_was_sent_before_the_page_had_the_code_of_the_last_one_replaces_it() -> None:
    sent = edits_of(["x", "y"], [])
    edits = edits_of(["new"], [], sent)
    assert edits == (CellEdit(sent[0].cell, "new", ("x",), 0), CellEdit(sent[1].cell, None, ("y",), 1))
    # The person has deleted the cell, or undone the run: it is made again.
    assert edits_of(["x", "y"], [], edits)[0].cell == sent[0].cell


def test_the_message_says_what_the_page_keeps_in_the_cell() -> None:
    (edit,) = message_of([CellEdit("c", "x", ("y",), 0)], "a")["edits"]
    assert edit == {
        "cell": "c",
        "source": "x",
        "expected": ["y"],
        "facts": {"code_of": "a", "number": 0, "written": hashlib.sha256(b"x").hexdigest()},
    }
    assert "facts" not in message_of([CellEdit("c", "x", ("y",))])["edits"][0]
