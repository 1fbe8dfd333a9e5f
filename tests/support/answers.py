"""Answers as models write them, for the tests of this folder. `{middle}` is where an answer waits for its test."""

THINKING = "The person wants **everything** at once.\n\nFirst the table, then the code.\n"

RICH = r"""# 标题 and a heading

Inline math \(e^{i\pi} + 1 = 0\) and $a^2 + b^2$, prices of $5 and $6, and **注意：**请看下面的表格。

| model | window | 价格 |
|:---|---:|---|
| qwen3.8-max | 1,000,000 | ¥0.02 |
| qwen-flash | 131,072 | ¥0.001 |

```python
def fib(n: int) -> int:
    "The n-th Fibonacci number, in a line that is so long that it does not fit on any usual window at all, truly."
    return n if n < 2 else fib(n - 1) + fib(n - 2)  # slow
```

- [x] done
- [ ] not done
  - nested

$$
\int_0^1 x^2 \, dx = \frac{1}{3}
$$

The middle is here. {middle}

> A quote, and then

1. the
2. end.
"""

WIDE = "| " + " | ".join(f"column {n}" for n in range(30)) + " |\n" + "|---" * 30 + "|\n" + "| value " * 30 + "|\n"
