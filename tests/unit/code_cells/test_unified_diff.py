"""A change of a cell is one value, with the unified diff that a person reads."""

from __future__ import annotations

from qwen_magic.code_cells.unified_diff import CellSource, Diff

CELL = CellSource("a = 1\nb = a / 0\nprint(b)\n", "id-1", "In[3]")


def test_a_diff_has_the_lines_that_change_between_those_that_stay() -> None:
    diff = Diff.of(CELL, "a = 1\nb = a / 2\nprint(b)")
    assert diff.lines == ("@@ -1,3 +1,3 @@", " a = 1", "-b = a / 0", "+b = a / 2", " print(b)")
    assert (diff.added, diff.removed, diff.cell, diff.name) == (1, 1, "id-1", "In[3]")


def test_line_breaks_at_the_end_are_no_change() -> None:
    assert Diff.of(CELL, "a = 1\nb = a / 0\nprint(b)\n\n").lines == ()


def test_only_a_line_break_ends_a_line() -> None:
    diff = Diff.of(CellSource("s = 'a\x0cb\u2028c'\nx"), "s = 'a\x0cb\u2028d'\nx")
    assert diff.lines == ("@@ -1,2 +1,2 @@", "-s = 'a\x0cb\u2028c'", "+s = 'a\x0cb\u2028d'", " x")


def test_lines_that_look_like_a_diff_are_told_from_it() -> None:
    diff = Diff.of(CellSource("--- a\n+++ b\n@@ x"), "--- a\n+++ c\n@@ x")
    assert diff.lines == ("@@ -1,3 +1,3 @@", " --- a", "-+++ b", "++++ c", " @@ x")
    assert (diff.added, diff.removed) == (1, 1)


def test_an_empty_cell_and_an_emptied_one_can_be_shown() -> None:
    assert Diff("", "x").added == 1
    assert Diff("x", "").removed == 1
