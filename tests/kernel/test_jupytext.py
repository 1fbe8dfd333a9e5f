"""A notebook with questions is paired with a script or a text by jupytext, and nothing of it changes."""

from __future__ import annotations

import nbformat
import pytest

jupytext = pytest.importorskip("jupytext", reason="jupytext is not installed, and only its users need it")

CELLS = [
    "%load_ext qwen_magic",
    '%%qwen\nWhat doesn\'t a p-value say?\n# Heading\n%not a magic\n\n- {{ n }} and "`code`"',
    "%%qwen -c review --think -s 'be brief'\nExplain:\n\n```python\nx = 1\n```\n\n    indented",
    "%qwen What is this?",
    "x = %qwen What is this?",
    "import qwen_magic\n\nanswer = qwen_magic.ask('Hello')",
]
OPTION = {"custom_cell_magics": "qwen"}


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("py:percent", OPTION),
        ("py:light", OPTION),
        ("py:percent", {}),
        ("md", {}),
        ("md:myst", {}),
        ("md:myst", OPTION),
    ],
)
def test_a_notebook_comes_back_from_a_text_as_it_was(form: str, options: dict[str, str]) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "jupytext": dict(options),
        },
    )
    text = jupytext.writes(notebook, form)
    back = jupytext.reads(text, form)
    assert [cell.source for cell in back.cells] == CELLS
    assert jupytext.writes(back, form) == text
    if form.startswith("py") and options:
        compile(text, "notebook.py", "exec")
