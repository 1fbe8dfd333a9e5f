"""Prompts are free text, but for {{ expressions }}."""

import pytest

from qwen_magic.assistant.prompts import fill
from qwen_magic.core.errors import InputError

NAMES = {"n": 3, "topic": "cats", "nested": {"a": {"b": 1}}}


def filled(prompt: str) -> str:
    return fill(prompt, lambda expression: eval(expression, {}, NAMES))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("about {{ topic }}", "about cats"),
        ("{{topic}}{{ n + 1 }}", "cats4"),
        ("{{ nested['a']['b'] }}", "1"),
        ("{{ {'a': {'b': 2}}['a'] }}", "{'b': 2}"),
        ("{{ f'{n:.2f}' }}", "3.00"),
        ("{{{n}}}", "{3}"),
    ],
)
def test_an_expression_is_replaced_by_its_value(prompt: str, expected: str) -> None:
    assert filled(prompt) == expected


@pytest.mark.parametrize(
    "prompt",
    [
        '{\'a\': 1} and {"b": {"c": [1, 2]}}',
        r"\frac{a}{b} $x_{i}$ \\ ${HOME} $PATH %d %s",
        "{{n}\\choose{k}}",
        '{{"a": 1, "b": 2}}',
        "int a[2][2] = {{1,2},{3,4}};",
        "{{}} {{ }} {{",
        "}} {{ open",
        "",
    ],
)
def test_other_braces_are_text(prompt: str) -> None:
    assert filled(prompt) == prompt


@pytest.mark.parametrize(
    ("prompt", "named"),
    [("{{ missing }}", "missing"), ("{{ 1 / 0 }}", "1 / 0"), ("{{ topic( }}", "topic("), ("{{ n n }}", "n n")],
)
def test_an_expression_that_fails_names_itself(prompt: str, named: str) -> None:
    with pytest.raises(InputError, match="Nothing was sent") as caught:
        filled(prompt)
    assert named in str(caught.value)
