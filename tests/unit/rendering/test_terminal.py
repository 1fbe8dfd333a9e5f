"""An answer in a terminal, as it looks on the screen, and in a pipe."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from qwen_magic.code_cells.diff_answer import diff_answer
from qwen_magic.code_cells.unified_diff import CellSource
from qwen_magic.core.answer import STOPPED, Answer, Attached
from qwen_magic.core.events import (
    ReasoningDelta,
    Retrying,
    RoundEnded,
    Source,
    Started,
    TextDelta,
    ToolCallDelta,
    ToolReturned,
    Usage,
)
from qwen_magic.core.messages import Text as ToolText
from qwen_magic.core.messages import ToolCall
from qwen_magic.core.tool_rounds import ToolResult, ToolRound
from qwen_magic.rendering.views.protocol import Heading
from qwen_magic.rendering.views.terminal import TerminalView
from qwen_magic.structured.data_answer import DataAnswer
from qwen_magic.structured.schema import make_schema
from qwen_magic.structured.validation import check

ANSWER = """# A heading

A paragraph with **bold** and `code`,
on two lines.

1. one
2. two

3. three, after an empty line

| name | value |
|---|---|
| a | 1 |

```python
def double(n):

    return 2 * n
```

> a quote

The end.
"""

WIDTH, HEIGHT = 60, 24
SEQUENCE = re.compile(r"\x1b\[(?P<number>\??[\d;]*)(?P<name>[A-Za-z])")


class Screen:
    """What a terminal shows after all that was written to it: the few sequences that rich writes, and no others."""

    def __init__(self, written: str) -> None:
        self.lines = [""]
        self.row = 0
        self.cursor_visible = True
        self.highest_jump = 0
        for text, number, name in tokens(written):
            if name:
                self.obey(number, name)
            else:
                self.write(text)

    def obey(self, number: str, name: str) -> None:
        if name == "A":
            self.row -= int(number)
        elif name == "K":
            self.lines[self.row] = ""
        elif name in "hl" and number == "?25":
            self.cursor_visible = name == "h"
        else:
            assert name == "m", f"a terminal was told {number}{name}"

    def write(self, text: str) -> None:
        if text == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        elif text != "\r":
            self.lines[self.row] = text

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines)


def tokens(written: str) -> Iterator[tuple[str, str, str]]:
    """Lines, line ends and control sequences; colours are left out."""
    written = re.sub(r"\x1b\[[\d;]*m", "", written)
    for part in re.finditer(SEQUENCE.pattern + r"|[\r\n]|[^\r\n\x1b]+|\x1b", written):
        assert part[0] != "\x1b", "an escape character reached the terminal"
        yield part[0], part["number"], part["name"]


def console(written: io.StringIO, terminal: bool = True) -> Console:
    return Console(file=written, force_terminal=terminal, width=WIDTH, height=HEIGHT, legacy_windows=False)


def show(
    text: str,
    size: int = 7,
    *,
    terminal: bool = True,
    reasoning: str = "",
    heading: Heading | None = None,
    **facts: Any,
) -> str:
    """What is written when `text` comes in pieces of `size` characters."""
    written = io.StringIO()
    view = TerminalView(console=console(written, terminal))
    view.start(heading or Heading("qwen-plus", "beijing"))
    view.update([Started("qwen-plus"), *([ReasoningDelta(reasoning)] if reasoning else ())])
    for start in range(0, len(text), size):
        view.update([TextDelta(text[start : start + size])])
    view.finish(Answer(text, reasoning, "qwen-plus", "beijing", seconds=1.5, **facts))
    return written.getvalue()


def test_the_scrollback_is_the_same_however_the_answer_was_cut() -> None:
    whole = Screen(show(ANSWER, len(ANSWER))).text
    for size in (1, 2, 3, 5, 11, 40):
        assert Screen(show(ANSWER, size)).text == whole


def test_every_block_is_there_once_and_in_order() -> None:
    text = Screen(show(ANSWER)).text
    found = [text.index(words) for words in ("A heading", "bold", "one", "three", "name", "def double", "a quote")]
    assert found == sorted(found)
    assert all(text.count(words) == 1 for words in ("A heading", "A paragraph", "three", "def double", "The end."))
    assert "answering" not in text


def test_a_list_goes_on_after_an_empty_line() -> None:
    assert re.search(r"1 one\n +2 two\n +3 three", Screen(show(ANSWER, 1)).text)


def test_the_thinking_leaves_nothing_behind() -> None:
    assert Screen(show("Done.", reasoning="secret " * 50)).text.count("secret") == 0


def test_the_last_line_says_who_answered_and_what_it_took() -> None:
    text = Screen(show("Done.", usage=Usage(12, 34), finish_reason=STOPPED)).text
    assert text.splitlines()[-1] == "qwen-plus @ beijing · 12 tokens in, 34 out · 1.5 s · stopped"


def test_what_was_attached_is_named() -> None:
    heading = Heading("qwen-plus", attachments=(Attached("a\x1b[2Jb.png", "image", 1, "00"),), notes=("2 turns left",))
    text = Screen(show("Done.", heading=heading)).text
    assert "a␛[2Jb.png" in text
    assert "2 turns left" in text


@pytest.mark.parametrize(
    "attack",
    [
        "\x1b[2J\x1b[H",
        "\x1b]0;title\x07",
        "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
        "\x9b2J",
        "\x07",
        "a\rb",
    ],
)
@pytest.mark.parametrize("around", ["{}", "`{}`", "```\n{}\n```", "| a |\n|---|\n| {} |", "# {}", "[x](http://e/{})"])
def test_a_model_cannot_control_the_terminal(attack: str, around: str) -> None:
    for terminal in (True, False):
        written = show(around.format(attack), 3, terminal=terminal)
        own = re.sub(SEQUENCE, "", written)
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", own)
        assert "\x1b[2J" not in written


def test_an_entity_cannot_bring_a_control_character_in() -> None:
    assert "\x1b[31" not in show("&#27;[31mred &#x9b;31m", terminal=False)
    Screen(show("&#27;[2Jred &#155;2J\n\n`x`"))


def test_wanted_calls_and_pages_that_were_found_are_shown() -> None:
    facts: dict[str, Any] = {
        "tool_calls": (ToolCall("1", "look\x1b[2Jup", '{"word": "\x9b2J"}'),),
        "sources": (Source(1, "A\u202epage", "https://e.x/"),),
    }
    for terminal in (True, False):
        text = Screen(show("", terminal=terminal, **facts)).text
        assert 'Wants to call look␛[2Jup:\n{"word": "\ufffd2J"}' in text
        assert "[1] A\ufffdpage https://e.x/" in text


def test_a_call_is_said_while_it_comes() -> None:
    written = io.StringIO()
    view = TerminalView(console=console(written))
    view.start(Heading("qwen-plus"))
    view.update([ToolCallDelta(0, "1", "look_up", '{"wo')])
    assert "Wants to call look_up" in Screen(written.getvalue()).text
    view.finish(Answer("", model="qwen-plus"))


def test_a_retry_is_said_while_it_waits_and_not_afterwards() -> None:
    written = io.StringIO()
    view = TerminalView(console=console(written))
    view.start(Heading("qwen-plus"))
    view.update([Retrying("the service is busy", 3)])
    assert "Trying again in 3 s: the service is busy" in Screen(written.getvalue()).text
    view.update([Started(), TextDelta("Done.")])
    view.finish(Answer("Done.", model="qwen-plus"))
    assert "Trying" not in Screen(written.getvalue()).text


def test_a_stopped_answer_leaves_the_cursor_where_people_see_it() -> None:
    screen = Screen(show("# A title\n\nhalf of a sen", finish_reason=STOPPED))
    assert screen.cursor_visible
    assert "half of a sen" in screen.text


def test_a_long_open_block_never_scrolls_the_screen() -> None:
    code = "```\n" + "".join(f"line {number}\n" for number in range(200)) + "```\n\nend\n"
    written = show(code, 50)
    assert Screen(written).text.count("line 150\n") == 1
    ups = [len(group) for group in re.findall(r"(?:\x1b\[1A\x1b\[2K)+", written)]
    assert max(ups) // len("\x1b[1A\x1b[2K") < HEIGHT


def test_into_a_pipe_goes_the_markdown_itself() -> None:
    written = show(ANSWER, 4, terminal=False)
    assert written.strip() == ANSWER.strip()


@pytest.mark.parametrize("terminal", [True, False])
def test_data_is_a_table_and_never_raw_json(terminal: bool) -> None:
    schema = make_schema("name, age int", many=True)
    text = json.dumps({"items": [{"name": f"Anna {number}", "age": number} for number in range(5)]})
    out = io.StringIO()
    view = TerminalView(console=Console(file=out, force_terminal=terminal, width=WIDTH, height=HEIGHT))
    view.start(Heading("qwen-plus", "sandbox", schema=schema))
    for at in range(0, len(text), 20):
        view.update([TextDelta(text[at : at + 20])])
    found = check(text, schema)
    view.finish(DataAnswer(text, data=found.data, plain=found.plain, schema=schema, fits=found.fits))
    written = out.getvalue()
    assert ("2 so far" in written) is terminal
    assert "Anna 4    4" in written
    assert "{" not in written


@pytest.mark.parametrize("terminal", [True, False])
def test_a_changed_cell_is_a_diff_in_the_place_of_its_code(terminal: bool) -> None:
    text = "It was zero.\n\n```python\nx = 1\ny = x / 2\n```\n\nRun it again.\n"
    out = io.StringIO()
    view = TerminalView(console=console(out, terminal))
    view.start(Heading("qwen-plus", "sandbox", rewrites=True))
    for at in range(0, len(text), 7):
        view.update([TextDelta(text[at : at + 7])])
    view.finish(diff_answer(Answer(text), (CellSource("x = 1\ny = x / 0", name="In[3]"),)))
    shown = Screen(out.getvalue()).text if terminal else out.getvalue()
    assert "In[3]: 1 line added, 1 line removed" in shown
    assert "@@ -1,2 +1,2 @@\n x = 1\n-y = x / 0\n+y = x / 2\n" in shown
    assert shown.count("y = x / 2") == 1
    assert shown.index("It was zero.") < shown.index("Run it again.") < shown.index("@@")
    assert ("\x1b[32m+y = x / 2" in out.getvalue()) is terminal


def test_code_that_changes_no_cell_is_shown_all_the_same() -> None:
    out = io.StringIO()
    view = TerminalView(console=console(out))
    view.start(Heading("qwen-plus", "sandbox", rewrites=True))
    view.update([TextDelta("```python\nx = 1\n```\n\nAs it was.\n")])
    view.finish(diff_answer(Answer("```python\nx = 1\n```\n\nAs it was.\n"), (CellSource("x = 1"),)))
    shown = Screen(out.getvalue()).text
    assert "x = 1" in shown
    assert "leaves the cell as it is" in shown


@pytest.mark.parametrize("terminal", [True, False])
def test_a_call_stands_between_what_was_written_before_and_after(terminal: bool) -> None:
    result = ToolResult(
        ToolCall("c", "lookup", '{"city": "Rome\\u001b[2J"}'), "returned", (ToolText("18 °C"),), "lookup"
    )
    written = io.StringIO()
    view = TerminalView(console=console(written, terminal))
    view.start(Heading("qwen-plus", "beijing"))
    view.update([TextDelta("I will look")])
    with view.pausing():
        print("Call it? y", file=written)
        view.update([ToolReturned(result)])
    view.update([RoundEnded(), TextDelta("It is warm.")])
    view.finish(Answer("It is warm.", rounds=(ToolRound((result,), "I will look"),)))
    text = Screen(written.getvalue()).text if terminal else written.getvalue()
    places = [text.index(part) for part in ("I will look", 'lookup(city="Rome', "→ 18 °C", "It is warm.")]
    assert places == sorted(places)
    assert "Call it? y" in text
    assert text.count("I will look") == 1
