"""The code of an answer: only code, in order, without prompts, and never anything that breaks the cell."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from qwen_magic.code_cells.extraction import cells_of

FENCE = "```"


def fenced(*blocks: tuple[str, str]) -> str:
    """An answer of blocks with their tags, and words around them."""
    parts = [f"Some *words*.\n\n{FENCE}{tag}\n{source}\n{FENCE}\n" for tag, source in blocks]
    return "\n".join([*parts, "And `more` of them."])


def test_the_python_of_an_answer_is_one_cell_in_order_without_words() -> None:
    answer = fenced(("python", "x = 1"), ("text", "x is 1"), ("py", "y = x\n"), ("bash", "pip install z"))
    assert cells_of(answer) == ("x = 1\n\ny = x",)


def test_each_block_can_have_a_cell_of_its_own() -> None:
    assert cells_of(fenced(("python", "x = 1"), ("python", ""), ("python", "y = x")), each=True) == ("x = 1", "y = x")


@pytest.mark.parametrize(
    "tag",
    ["python", "Python", "py", "python3", "ipython", "ipython3", "{python}", "{.python .numbered}", "python:a.py",
     "python title='a.py'", "python-repl", "jupyter"],
)  # fmt: skip
def test_python_has_many_tags(tag: str) -> None:
    assert cells_of(fenced((tag, "x = 1"))) == ("x = 1",)


@pytest.mark.parametrize("tag", ["text", "bash", "console", "sql", "json", "markdown", "diff", "r", "output", "html"])
def test_other_languages_are_left_out(tag: str) -> None:
    assert cells_of(fenced((tag, "x = 1"))) == ()


@pytest.mark.parametrize(
    ("language", "tag"), [("R", "r"), ("R", "R"), ("julia", "jl"), ("javascript", "js"), ("c++", "cpp"), ("sql", "SQL")]
)
def test_another_kernel_takes_its_own_language_by_its_tag(language: str, tag: str) -> None:
    answer = fenced((tag, "f(x) <- ("), ("python", "x = 1"), ("", "y = 2"))
    assert cells_of(answer, language) == ("f(x) <- (",)


@pytest.mark.parametrize(
    "source", ["x = 1", "import os", "print('x')", "for i in x:\n    i", "%matplotlib inline", "!ls"]
)
def test_without_any_tag_code_is_what_parses(source: str) -> None:
    assert cells_of(fenced(("", source), ("", "Total: 3 of 4"))) == (source,)
    assert cells_of(source) == (source,)


@pytest.mark.parametrize(
    "words", ["hello", "hello, world", "42", "[1, 2, 3]", "{'a': 1}", "What is this?", "a  b\n0  1", "12:30", "", "   "]
)
def test_words_and_outputs_without_a_tag_are_no_code(words: str) -> None:
    assert cells_of(fenced(("", words))) == ()
    assert cells_of(words) == ()


def test_where_code_is_tagged_what_has_no_tag_is_what_it_shows() -> None:
    assert cells_of(fenced(("python", "print('x = 5')"), ("", "x = 5"))) == ("print('x = 5')",)


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (">>> x = 1\n>>> x\n1", "x = 1\nx"),
        (">>> for i in x:\n...     i\n...\n0\n1\n>>> y", "for i in x:\n    i\ny"),
        (
            ">>> 1 / 0\nTraceback (most recent call last):\n  ...\nZeroDivisionError: division by zero\n>>> y",
            "1 / 0\ny",
        ),
        ("In [3]: x = 1\n\nIn [4]: x\nOut[4]: 1", "x = 1\nx"),
        (
            "In [3]: for i in x:\n   ...:     i\n   ...: \n0\n\nIn [4]: %timeit x\n10 ns",
            "for i in x:\n    i\n%timeit x",
        ),
        ("In [1]: !ls\na.txt", "!ls"),
        ("In [1]: x = 1\ny = 2\nprint(x)", "x = 1\ny = 2\nprint(x)"),
        (">>> import numpy as np\n>>> np.arange(2)\narray([0, 1])", "import numpy as np\nnp.arange(2)"),
        (">>> def f():\n...     return '>>> '\n>>> f()\n'>>> '", "def f():\n    return '>>> '\nf()"),
    ],
)
def test_prompts_and_what_was_printed_are_left_out(session: str, code: str) -> None:
    (cell,) = cells_of(fenced(("python", session)))
    assert [line for line in cell.splitlines() if line.strip()] == code.splitlines()


@pytest.mark.parametrize(
    "source",
    [
        'def f():\n    """\n    >>> f()\n    1\n    """\n    return 1',
        "x = '''\n>>> y\n'''",
        "...",
        "%%time\nx = 1",
        "%%bash\nif [ 1 = 1 ]; then echo; fi",
        "!pip install -q x\nimport x",
        "files = !ls\n%cd /tmp\nprint?",
        "x = await f()",
        "async with a as b:\n    pass",
        "print('\\d')",
        "# only a comment",
        "x = 1\t# a tab",
        "x = '中文'",
    ],
)
def test_code_is_kept_to_the_letter(source: str) -> None:
    assert cells_of(fenced(("python", source))) == (source,)


def test_code_in_a_list_or_a_quotation_loses_their_indentation() -> None:
    answer = "1. First:\n\n   ```python\n   if x:\n       y\n   ```\n\n> ```python\n> z = 1\n> ```\n"
    assert cells_of(answer) == ("if x:\n    y\n\nz = 1",)


def test_code_that_is_indented_as_a_whole_is_not() -> None:
    assert cells_of(fenced(("python", "    x = 1\n    y = 2"))) == ("x = 1\ny = 2",)


@pytest.mark.parametrize("source", ["x = (", "return 1", "x = 1\n  y = 2", "print 'x'", "x = 1\u00a0+ 1", "a\0b = 1"])
def test_what_does_not_parse_is_commented_out_and_says_so(source: str) -> None:
    (cell,) = cells_of(fenced(("python", "good = 1"), ("python", source)))
    good, reason, *lines = cell.replace("\n\n", "\n").splitlines()
    assert good == "good = 1"
    assert reason.startswith("# This code does not parse (")
    assert reason.endswith("), so it is commented out.")
    assert lines
    assert all(line.startswith("#") for line in lines)


def test_a_cell_magic_among_other_code_says_how_it_gets_its_own_cell() -> None:
    answer = fenced(("python", "x = 1"), ("python", "%%time\nsum(range(9))"))
    assert cells_of(answer) == (
        "x = 1\n\n# A cell magic needs a cell of its own: --code=each makes one.\n# %%time\n# sum(range(9))",
    )
    assert cells_of(answer, each=True) == ("x = 1", "%%time\nsum(range(9))")


def test_a_fence_that_was_not_closed_goes_to_the_end() -> None:
    assert cells_of("```python\nx = 1\ny = 2") == ("x = 1\ny = 2",)


def test_a_fence_inside_of_a_fence_is_no_code_of_its_own() -> None:
    assert cells_of('````markdown\n```python\nx = 1\n```\n````\n\n```python\ny = """\n~~~\n"""\n```') == (
        'y = """\n~~~\n"""',
    )


PIECES = st.sampled_from(
    ["x = 1", "In [3]: x", "Out[3]: 3", ">>> y", "... z", "   ...: z", "%%time", "%ls", "!ls", "?", "`", "```", "~~~",
     "```python", '"""', "'''", "(", ")", "\\", ":", "    ", "\t", "\n", "\n\n", "# c", "def f():", "\0", "\ud800", "é",
     "{{", "text"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES | st.text(max_size=5)).map("".join), st.booleans(), st.booleans())
def test_every_cell_parses_whatever_the_answer_is(text: str, each: bool, tagged: bool) -> None:
    for cell in cells_of(f"```python\n{text}\n```" if tagged else text, each=each):
        assert cell.strip()
        ast.parse(TransformerManager().transform_cell(cell))
