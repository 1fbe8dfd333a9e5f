"""What models write is understood as they mean it, and shown without harm."""

from __future__ import annotations

import re
from html import unescape

import mistune
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.hostile.inert import dangers, words
from support.hostile.payloads import HOSTILE_NAMES, PAYLOADS
from support.paths import CORPUS

from qwen_magic.core.control_characters import visible
from qwen_magic.rendering.highlight import TOKEN_CLASSES, colours
from qwen_magic.rendering.markdown import neutralise, render
from qwen_magic.rendering.safe_markdown import as_text

TEXTS = sorted(CORPUS.glob("*.md"))
ANSWERS = [pytest.param(path.read_text(encoding="utf-8"), id=path.stem) for path in TEXTS]

PERMISSIVE = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MISTUNE = mistune.create_markdown(
    escape=False, plugins=["table", "strikethrough", "task_lists", "footnotes", "def_list", "abbr", "url"]
)


@pytest.mark.parametrize(
    ("text", "strong"),
    [
        ("**注意：**请看", "注意："),
        ("**“重点”**内容", "“重点”"),
        ("这是**“重点”**内容", "“重点”"),
        ("在**《书名》**中", "《书名》"),
        ("达到**38%**了", "38%"),
        ("**增长（同比）**达到", "增长（同比）"),
        ("これは**「強調」**です。", "「強調」"),
        ("**（注）**も", "（注）"),
        ("**스크립트(script)**로", "스크립트(script)"),
        ("**“됩니다”**라고", "“됩니다”"),
        ("**完成🎉**了", "完成🎉"),
        ("__注意：__请看", "注意："),
        ("a**b**c", "b"),
    ],
)
def test_bold_beside_east_asian_text(text: str, strong: str) -> None:
    assert f"<strong>{strong}</strong>" in render(text)


def test_other_emphasis_beside_east_asian_text() -> None:
    assert render("~~旧的。~~新的") == "<p><s>旧的。</s>新的</p>\n"
    assert render("*（完）*谢谢") == "<p><em>（完）</em>谢谢</p>\n"
    assert render("_（完）_谢谢") == "<p><em>（完）</em>谢谢</p>\n"


@pytest.mark.parametrize("text", ["snake_case_name", "2 * 3 * 4", "**not bold **", "~5 to ~6", "a ~~~ b ~~~ c"])
def test_what_is_no_emphasis(text: str) -> None:
    assert words(render(text)) == text
    assert "<em>" not in render(text)
    assert "<s>" not in render(text)


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("$a^2$", r"\(a^2\)"),
        (r"\(a_1 * b_1 * c\)", r"\(a_1 * b_1 * c\)"),
        ("其中$m$是质量", r"\(m\)"),
        ("the $n$th term", r"\(n\)"),
        (r"a $x\$y$ b", r"\(x\$y\)"),
        (r"$5 + 3$", r"\(5 + 3\)"),
        (r"$10 \text{ m}$", r"\(10 \text{ m}\)"),
        ("$\\frac{a}\n{b}$", "\\(\\frac{a}\n{b}\\)"),
        ("so $$x = 1$$ and", r"\[x = 1\]"),
        (r"so \[x = 1\] and", r"\[x = 1\]"),
        ("$$\na\n= b\n$$", "\\[a\n= b\\]"),
        ("text\n\\[\n- a \\\\[2pt]\n+ b\n\\]\ntext", "\\[- a \\\\[2pt]\n+ b\\]"),
        ("- item\n  $$\n  a\n  $$", r"\[a\]"),
        ("| a |\n|---|\n| $x_1$ |", r"\(x_1\)"),
        (r"\begin{align}x &= 1\end{align}", r"\[\begin{align}x &= 1\end{align}\]"),
        (r"\[ \text{if $x > 0$} \]", r"\[\text{if $x > 0$}\]"),
        ("$a < b$", r"\(a < b\)"),
        (r"$\mathbf{x}_{1}$ and _y_", r"\(\mathbf{x}_{1}\)"),
    ],
)
def test_formulas(text: str, formula: str) -> None:
    html = render(text)
    assert formula in unescape(html)
    assert html.count('class="math') == 1


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $6",
        "It costs $5, not $6.",
        "US$100 to US$200",
        "between $5–$6 a month",
        "$5 to 10$ each",
        "from 5$ to 6$",
        "$1,000 and more; $PATH and $HOME",
        "$HOME/bin:$PATH",
        "`$x$`",
        "    echo $A $B$",
        "```sh\necho $a$ $b$\n```",
        r"\$x\$",
        r"\\(x\\)",
        "$$",
        "$ x $",
        r"\[1\] is a note, \[see above\] too",
        "$$ not closed\n\nx",
        r"\( not closed",
    ],
)
def test_what_is_no_formula(text: str) -> None:
    assert 'class="math' not in render(text)


@pytest.mark.parametrize("formula", [p for p in PAYLOADS["formulas"] if "<" not in p and p.startswith("$\\")])
def test_formula_that_acts_on_the_page_is_shown_as_code(formula: str) -> None:
    assert 'class="math' not in render(formula)
    assert "<code>" in render(formula)


@pytest.mark.parametrize(
    "formula",
    [
        r"\frac{1}{" * 100 + "x" + "}" * 100,
        r"\frac{1}{" * 100,
        r"\frac{1}{" * 19 + "%" + "}" * 19,
        r"\left(" * 30 + r"\right)" * 30,
        r"\begin{matrix}" * 30 + r"\end{matrix}" * 30,
        r"x^{\left( a } b \right)",
        "x+" * 30_000 + "x",
        "x+" * 1_500 + "x",
    ],
    ids=["deep", "open", "open behind a comment", "delimiters", "matrices", "crossed", "endless", "long"],
)
@pytest.mark.parametrize(("before", "after"), [("$$", "$$"), ("\\[\n", "\n\\]"), ("a \\(", "\\) b")])
def test_formula_that_would_stop_the_page_is_shown_as_code(formula: str, before: str, after: str) -> None:
    html = render(f"{before}{formula}{after}")
    assert 'class="math' not in html
    assert formula[:20] in unescape(html)


def test_more_formulas_than_a_page_can_typeset_are_shown_as_code() -> None:
    html = render("$x$ and " * 5_000)
    assert 500 < html.count('class="math') < 2_500
    assert "<code>$x$</code>" in html
    paragraphs = render("\n\n".join("$$\n" + "x+" * 500 + "x\n$$" for _ in range(100)))
    assert 5 < paragraphs.count('class="math') < 40


@pytest.mark.parametrize(
    "formula",
    [
        *(r"\raise 99em {x}", r"\llap{x}", r"\mathrlap{x}", r"\smash{x}", r"\rule{9em}{9em}", r"\moveleft 9em {x}"),
        *(
            r"\hskip -99em x",
            r"\hspace{-9em} x",
            r"\kern-99pt x",
            r"a \\[-99em] b",
            r"\mkern -900mu x",
            r"\kern 999em x",
        ),
        *(r"\!" * 100 + "x", r"\negthinspace " * 100 + "x", r"\hskip{ -99em}", r"\verb|}|"),
    ],
)
def test_formula_that_draws_over_other_text_is_shown_as_code(formula: str) -> None:
    assert 'class="math' not in render(f"${formula}$")


@pytest.mark.parametrize(
    "formula",
    [
        r"\int\!\!\!\int f \, dx",
        r"a \hspace{1cm} b \quad c \\[6pt] d",
        r"\begin{pmatrix} [a] & b \\ [c] & d \end{pmatrix}",
        r"\kern-.1em x \mkern-3mu y",
        r"1+\cfrac{1}{1+\cfrac{1}{1+\cfrac{1}{1+\cfrac{1}{x}}}}",
        r"\left\{ x \in A \right.",
        r"100\% \{ x \}",
    ],
)
def test_formula_of_a_textbook_is_typeset(formula: str) -> None:
    assert 'class="math' in render(f"$${formula}$$")


@pytest.mark.parametrize("line", [r"\[not a link](/foo)", r"\[see above", "$$ a month"])
def test_line_that_begins_like_a_formula_does_not_split_its_paragraph(line: str) -> None:
    assert render(f"text\n{line}\nmore").count("<p>") == 1
    assert render(f"{line}\nmore\n# heading").count("<h1>") == 1


@pytest.mark.parametrize("depth", [30, 140, 2_000])
@pytest.mark.parametrize(
    ("opened", "closed"),
    [("**a ", " b**"), ("*a ", " b*"), ("~~a ", " b~~"), ("*a **b ", " c** d*"), ("![", "](https://a.b)")],
)
def test_emphasis_of_any_depth_is_shown_and_kept(depth: int, opened: str, closed: str) -> None:
    text = opened * depth + "middle" + closed * depth
    assert "middle" in render(text)
    assert "middle" in render(neutralise("> " * 30 + text))
    assert not dangers(PERMISSIVE.render(neutralise(text)), foreign=True)


def test_footnotes_are_raised_and_stay_where_they_are() -> None:
    html = render("As he said.[^1] And [^note], not [^a-z].\n\n[^1]: Smith *2020*.\n\n    More.\n[^note]: A note.\n")
    assert "said.<sup>1</sup> And <sup>note</sup>, not [^a-z]." in html
    assert "<p><sup>1</sup> Smith <em>2020</em>.</p>\n<p>More.</p>\n<p><sup>note</sup> A note.</p>" in html
    assert "Smith" in neutralise("x[^1]\n\n[^1]: Smith\n")


@pytest.mark.parametrize("text", ["5~10 and 20~30", "5~10元，20~30元", "~5 to ~6", "~/a and ~/b", "约~5元，~6元"])
def test_single_tilde_that_is_about_or_to_strikes_nothing_out(text: str) -> None:
    assert render(text) == f"<p>{text}</p>\n"


def test_single_tildes_strike_out_and_do_not_mix_with_double_ones() -> None:
    assert render("~there~ ~~and~~ ~a~~") == "<p><s>there</s> <s>and</s> ~a~~</p>\n"
    assert render("*~there~* ~*a*~") == "<p><em><s>there</s></em> <s><em>a</em></s></p>\n"


def test_lists_and_tables_right_after_a_paragraph() -> None:
    assert "<li>" in render("Text:\n- item")
    assert "<td" in render("Text:\n| a |\n|---|\n| b |")


def test_fence_in_a_list_item() -> None:
    html = render("1. Run:\n   ```sh\n   ls\n   ```\n2. Done.")
    assert html.count("<ol>") == 1
    assert '<div class="highlight" data-language="sh"><pre><code>ls' in html


def test_code_has_colours_of_its_language_and_the_page_knows_them() -> None:
    assert '<span class="k">def</span>' in render("```python\ndef f(): ...\n```")
    assert render("```nothing\n<b>\n```") == '<div class="highlight"><pre><code>&lt;b&gt;\n</code></pre></div>\n'
    assert ".highlight .k" in colours()
    assert "k" in TOKEN_CLASSES


def test_code_keeps_its_empty_lines_and_spaces() -> None:
    source = "\n\n  x\n\n\n"
    assert unescape(words(render(f"```python\n{source}```"))) == "x"
    assert f"<code>{source}</code>" in render(f"```\n{source}```")


def test_task_list_has_boxes_and_no_form() -> None:
    html = render("- [x] done\n- [ ] open")
    assert words(html) == "☑ done ☐ open"
    assert "<input" not in html


def test_cells_are_aligned_as_they_say() -> None:
    html = render("| a | b | c |\n|---|:-:|--:|\n| 1 | 2 | 3 |")
    for side in ("left", "center", "right"):
        assert html.count(f"text-align:{side}") == 2


def test_break_in_a_cell() -> None:
    assert "1<br>\n2</td>" in render("| a |\n|---|\n| 1<br/>2 |")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("See https://example.com/a_b_c.", "https://example.com/a_b_c"),
        ("见https://example.com/a，谢谢", "https://example.com/a"),
        ("(https://example.com/a_(b))", "https://example.com/a_(b)"),
        ("<https://example.com>", "https://example.com"),
        ("[x](https://example.com/?a=1&b=2)", "https://example.com/?a=1&b=2"),
        ("**https://example.com**", "https://example.com"),
        ("`code` https://example.com/?q=1!", "https://example.com/?q=1"),
        ("见www.baidu.com，谢谢", "http://www.baidu.com"),
        ("(www.example.com/a.)", "http://www.example.com/a"),
        ("Write to me.you+x@mail.example.com.", "mailto:me.you+x@mail.example.com"),
        ("邮箱：a@b.cn。", "mailto:a@b.cn"),
    ],
)
def test_links(text: str, url: str) -> None:
    html = unescape(render(text))
    assert f'<a href="{url}" target="_blank" rel="noopener noreferrer">' in html
    assert html.count("<a ") == 1


@pytest.mark.parametrize("url", ["javascript:alert(1)", "/api/kernels", "#top", "notes.md", "data:text/html,x"])
def test_link_that_leads_nowhere_good_is_its_text(url: str) -> None:
    assert render(f"[the text]({url})") == "<p>the text</p>\n"


@pytest.mark.parametrize("text", ["README.md", "a@b", "@decorator", "www.", "x.www.a.b", "user@host:~/x", "`a@b.cc`"])
def test_what_is_no_address(text: str) -> None:
    assert "<a " not in render(text)


def test_picture_from_elsewhere_is_a_link_that_says_where_it_leads() -> None:
    html = render("![a chart](https://example.com/chart.png)")
    assert "<img" not in html
    assert 'href="https://example.com/chart.png"' in html
    assert words(html) == "a chart (example.com)"


def test_picture_that_is_all_there_is_shown() -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    assert render(f"![dot]({url})") == f'<p><img src="{url}" alt="dot"></p>\n'


def test_raw_html_is_text() -> None:
    assert words(render("a <b>bold</b> claim")) == "a <b>bold</b> claim"


@pytest.mark.parametrize("kind", PAYLOADS)
def test_neutralised_markdown_is_harmless_in_careless_hands(kind: str) -> None:
    for payload in PAYLOADS[kind]:
        neutral = neutralise(payload)
        assert not dangers(PERMISSIVE.render(neutral), foreign=True), payload
        assert not dangers(str(MISTUNE(neutral)), foreign=True), payload
        assert "```mermaid" not in neutral.lower()


@pytest.mark.parametrize("kind", PAYLOADS)
def test_neutralised_markdown_says_the_same(kind: str) -> None:
    for payload in PAYLOADS[kind]:
        once = neutralise(payload)
        assert letters(neutralise(once)) == letters(once), payload
        if kind not in ("formulas", "readers"):  # where `<` becomes `\lt`
            assert letters(once) == letters(visible(payload)), payload


def letters(markdown: str) -> str:
    """What is shown; without backslashes, since a table's cell cannot hold one in code before a bar.

    The mark of a footnote is raised on a page, and `[^1]` in the record.
    """
    shown = "".join(words(render(markdown)).replace("\\", "").split())
    return re.sub(r"\[\^(\w+)\]", r"\1", shown)


@pytest.mark.parametrize("answer", ANSWERS)
def test_neutralised_answer_reads_like_the_answer(answer: str) -> None:
    assert same_tex(words(render(neutralise(answer)))) == same_tex(words(render(answer)))
    assert not dangers(PERMISSIVE.render(neutralise(answer)), foreign=True)


def same_tex(shown: str) -> list[str]:
    """What is shown, with the ways to write a formula made one."""
    shown = shown.replace("<", r"\lt ").replace(">", r"\gt ")
    return re.sub(r"(\\(?:begin|end)) \{", r"\1{", shown).replace(r"\\[2pt]", r"\\").split()


@settings(deadline=None)
@given(st.text(st.sampled_from("<>&[]()!`*_~$\\|#-+=: \n\tab1\"'/"), max_size=60))
def test_neutralised_noise_is_harmless(text: str) -> None:
    assert not dangers(render(text))
    assert not dangers(PERMISSIVE.render(neutralise(text)), foreign=True)
    assert not dangers(str(MISTUNE(neutralise(text))), foreign=True)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_line_of_text_is_shown_as_it_is(name: str) -> None:
    html = render(as_text(name))
    assert not dangers(html)
    assert words(html) == " ".join(name.replace("\udcff", "\ufffd").split())
