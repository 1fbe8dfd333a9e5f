"""Code is shown in the colours of its language, unless that would take long."""

from __future__ import annotations

import time

import pytest

from qwen_magic.rendering.markdown import render


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("c", "\n" * 20_000),
        ("autoit", " " * 10_000),
        ("python", " \n" * 10_000),
        ("nemerle", "a\n" * 30_000),
        ("terraform", "<<a\n" * 20_000),
        ("csharp", "@a\n" * 20_000),
        ("json", '{"a": ' * 15_000),
    ],
)
def test_code_that_stalls_its_lexer_is_plain_and_whole(language: str, code: str) -> None:
    began = time.thread_time()
    html = render(f"```{language}\nfirst{code}last\n```")
    assert time.thread_time() - began < 10, "without bounds these take minutes"
    assert "first" in html
    assert "last" in html


def test_ordinary_code_of_some_length_has_colours_up_to_its_end() -> None:
    html = render("```python\n" + "def f(x):\n    return x + 1  # one more\n\n\n" * 1_000 + "```")
    assert html.count('<span class="k">def</span>') == 1_000
