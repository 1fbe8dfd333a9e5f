"""Texts that the sandbox can answer with: a tour of all of markdown, and a hostile one."""

from __future__ import annotations

__all__ = ["HARM", "THOUGHTS", "TOUR"]

THOUGHTS = """\
The prompt asks for a tour. Let me think about what belongs to it: headings, emphasis in two scripts, tables, code \
in several languages, and mathematics in each of its spellings.

1. Say plainly that this is a simulator.
2. 中文标点紧挨着 **粗体** 时也要正确显示。
3. Prices such as $5 and $10 are not mathematics.
"""

TOUR = r"""# A tour of markdown

**This is the Qwen sandbox: a simulator, not a model.** Everything below is canned text.

## Emphasis, in two scripts

*Italic*, **bold**, ***both***, ~~struck out~~, `code`, and a [link](https://example.com/ "a title").
**中文粗体：**后面紧跟文字，以及**“引号里的粗体”**。全角标点，。！？；：（括号）与 English 混排。
日本語の**太字**と한국어 **굵은 글씨**. Emoji: 🎉 👩‍🔬 🇨🇳.

---

### Lists

1. First
2. Second, with a code block inside:

   ```python
   for city in ["杭州", "上海"]:
       print(f"{city}: ok")
   ```

3. Third
   - nested
     - deeper

- [x] a task that is done
- [ ] a task that is not

### A table

| Model | Window | Price | 说明 |
|:------|-------:|:-----:|------|
| `qwen-plus` | 1,000,000 | $0.40 | 均衡 |
| `qwen-max` | 32,768 | $1.60 | 有 \| 竖线 |
| **bold** | *italic* | ~~old~~ | [link](https://example.com/) |

### Code

```python
import numpy as np

def area(r: float) -> float:
    '''The area of a circle. 圆的面积'''
    return np.pi * r ** 2  # not <b>bold</b> & not *italic*
```

```sql
SELECT name, COUNT(*) AS n FROM cells WHERE price < 5 GROUP BY name;
```

```json
{"name": "通义千问", "tokens": [1, 2, 3], "ok": true, "path": "C:\\temp"}
```

~~~bash
jupyter qwen sandbox --port 8888 | tee "log $(date +%F).txt"
~~~

````markdown
A fence in a fence:
```python
print("inner")
```
````

    Four spaces are code as well.

### Mathematics

Inline \( e^{i\pi} + 1 = 0 \) and $a_1 * b_2 * c_3$; displayed:

\[
\int_{-\infty}^{\infty} e^{-x^2} \, dx = \sqrt{\pi}
\]

$$
\begin{aligned}
f(x) &= \sum_{n=0}^{\infty} \frac{x^n}{n!} \\
A &= \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}
\end{aligned}
$$

Prices are not mathematics: it costs $5 or $10, and 20$ at most.

### Quotes

> A quotation,
> on two lines.
>
> > And one inside it, with `code`.

### A diagram

```mermaid
graph TD
    A[Prompt] --> B{Sandbox}
    B -->|tour| C[This text]
    B -->|cut| D[Half of it]
```

### A long table

| n | n² | n³ | parity |
|--:|---:|---:|:------:|
""" + "\n".join(f"| {n} | {n * n} | {n**3} | {'odd' if n % 2 else 'even'} |" for n in range(1, 41))

TOUR += """

### The end

A hard break\\
here, a footnote-like [1], an autolink <https://example.com/>, an entity &copy;, and the last line. 完
"""

HARM = r"""# A text that tries to do harm

**This is the Qwen sandbox: a simulator, not a model.** A reader must show the following as text, or not at all.

<script>window.harmed = "script"</script>
<img src="x" onerror="window.harmed = 'onerror'">
<svg onload="window.harmed = 'svg'"><circle r="9"/></svg>
<iframe src="https://example.com/"></iframe>
<form action="https://example.com/"><input name="key"><button>Send</button></form>
<style>body { display: none }</style>
<details open ontoggle="window.harmed = 'toggle'"><summary>open</summary></details>
<a href="javascript:window.harmed = 'href'">a link</a>
<math><mtext><table><mglyph><style><img src=x onerror="window.harmed = 'math'"></style></mglyph></table></mtext></math>

[a link](javascript:window.harmed='markdown') and [another](data:text/html;base64,PHNjcmlwdD4x)
and ![a remote picture](https://example.com/pixel.png?question=secret) and <javascript:alert(1)>

| a | b |
|---|---|
| <script>window.harmed = "cell"</script> | ![x](https://example.com/cell.png) |

```html
<script>window.harmed = "code"</script>
```

$\href{javascript:window.harmed='tex'}{x}$ and \( \htmlData{x=y}{z} \)

The last line, in peace.
"""
