"""Answers that no model should give and some model will: long, monotonous, deep. For tests and benchmarks only."""

from __future__ import annotations

from collections.abc import Callable

LONG: dict[str, tuple[Callable[[int], str], int]] = {
    "brackets": (lambda n: "[" * n, 10_000),
    "one line": (lambda n: "word **bold** " * n, 7_200),
    "one word": (lambda n: "a" * n, 100_000),
    "code": (lambda n: "```python\n" + "def f(x):\n    return x + 1  # one more\n\n" * n, 5_200),
    "code of no language": (lambda n: "```\n" + "x = 1\n" * n, 34_000),
    "table": (lambda n: "| name | value |\n|---|---|\n" + "| one | **two** |\n" * n, 5_000),
    "list": (lambda n: "- an item with `code`\n" * n, 5_000),
    "loose list": (lambda n: "- an item\n\n" * n, 5_000),
    "list in list": (lambda n: "".join("  " * depth + "- a\n" for depth in range(n)), 300),
    "lists on one line": (lambda n: "- " * n + "x", 5_000),
    "quotes": (lambda n: "> " * n + "x", 5_000),
    "paragraphs": (lambda n: "A paragraph of **some** words.\n\n" * n, 3_300),
    "definitions": (lambda n: "".join(f"[a{number}]: https://example.com\n" for number in range(n)), 3_000),
    "spaced definitions": (lambda n: "".join(f"[a{number}]: https://example.com\n\n" for number in range(n)), 3_000),
    "emphasis": (lambda n: "*a **b " * n, 14_000),
    "dollars": (lambda n: "$a " * n, 33_000),
    "open formulas": (lambda n: "\\[ a\n" * n, 20_000),
    "empty lines": (lambda n: "\n" * n, 100_000),
}
