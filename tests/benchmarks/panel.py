"""What the chat panel costs with a long history, in a real JupyterLab: opening it, and typing in it.

    python tests/benchmarks/panel.py [TURNS …] [--runs RUNS]

For each number of turns (default 0 50 200 1000) a table's row, each figure the median of RUNS (default 3) fresh
kernels, with the worst run's in brackets. `open` runs from running the cell until the last turn is painted, with the
imports of a kernel's first panel and the page's first look at its script. `key` is script and layout for one letter
typed, `painted` goes from a key pressed until the letter is on the screen, and waits for a frame as the eye does.

This module is imported on both sides: `main` drives the browser, `fill` runs in the notebook's kernel.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
LETTERS = 30
# A panel that is not open after so many milliseconds is given up.
PATIENCE = 60_000

PROSE = "Some **words** of an answer, and `code`, as many as a paragraph of an answer has. " * 10
ANSWER = f"# Part\n\n{PROSE}\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- one\n- two\n\n{PROSE}\n"


@dataclass(frozen=True)
class Run:
    """One panel opened: milliseconds, and how many of its turns the page has drawn."""

    open: float
    drawn: int
    key: float
    painted: float


# --- in the kernel


def fill(turns: int) -> None:
    """A conversation called `many` of so many turns."""
    import qwen_magic
    from qwen_magic.conversations import Turn
    from qwen_magic.core.answer import Answer
    from qwen_magic.core.messages import Message

    chat = qwen_magic.conversation("many")
    for number in range(turns):
        with chat.begin() as place:
            answer = Answer(ANSWER, model="qwen-plus", endpoint="beijing", seconds=2.0)
            place.keep(Turn(Message.user(f"Question number {number}?"), answer, "qwen-plus"))


# --- in the browser

OPEN = """turns => {
    const began = performance.now();
    const look = () => {
        const last = document.querySelectorAll(".qwen-turn")[turns - 1]?.querySelector(".qwen-answered li");
        const end = document.querySelector(".qwen-scroll");
        const there = end && (last || !turns) && end.scrollTop + end.clientHeight >= end.scrollHeight - 40;
        if (!there) requestAnimationFrame(look);
        else requestAnimationFrame(() => setTimeout(() => (window.opened = performance.now() - began)));
    };
    look();
    jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
    void jupyterapp.commands.execute("notebook:run-cell");
}"""

KEYS = """letters => {
    const input = document.querySelector(".qwen-input");
    input.focus();
    const times = [];
    for (let i = 0; i < letters; i++) {
        const began = performance.now();
        document.execCommand("insertText", false, "x");
        input.getBoundingClientRect();
        times.push(performance.now() - began);
    }
    window.painted = [];
    let pressed = 0;
    input.addEventListener("keydown", () => (pressed = performance.now()), true);
    input.addEventListener("input", () =>
        requestAnimationFrame(() => setTimeout(() => window.painted.push(performance.now() - pressed))));
    return times;
}"""


def measure(turns: int, page: Any, server: Any) -> Run:
    from support.front_ends import Notebook

    load = f"%load_ext qwen_magic\n%qwen use sandbox\nimport panel\npanel.fill({turns})\nimport qwen_magic"
    notebook = Notebook.make(page, server, "lab", [load, "qwen_magic.chat('many')"])
    page.set_default_timeout(PATIENCE)
    notebook.command("notebook:run-cell")
    notebook.wait_for_kernel()
    page.evaluate(OPEN, turns)
    opened = page.wait_for_function("window.opened").json_value()
    drawn = page.locator(".qwen-answered .qwen-answer").count()
    keys = page.evaluate(KEYS, LETTERS)
    for number in range(LETTERS):
        page.keyboard.press("y")
        page.wait_for_function("number => window.painted.length > number", arg=number)
    painted = page.evaluate("window.painted")
    notebook.shut_down()
    return Run(opened, drawn, median(keys), median(painted))


COLUMNS = ("turns", "open ms", "drawn", "key ms", "painted ms")


def row(turns: int, runs: list[Run]) -> tuple[str, ...]:
    def shown(values: list[float], digits: int) -> str:
        return f"{median(values):,.{digits}f} ({max(values):,.{digits}f})"

    return (
        f"{turns:,}",
        shown([run.open for run in runs], 0),
        str(max(run.drawn for run in runs)),
        shown([run.key for run in runs], 2),
        shown([run.painted for run in runs], 1),
    )


def main() -> None:
    sys.path.insert(0, str(HERE.parent))
    from support.front_ends import running_browser

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("turns", type=int, nargs="*", default=[0, 50, 200, 1000])
    options.add_argument("--runs", type=int, default=3)
    chosen = options.parse_args()
    with running_browser(HERE, HERE.parent) as (new_page, server):
        print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
        for turns in chosen.turns:
            runs = []
            for _ in range(chosen.runs):
                page = new_page()
                runs.append(measure(turns, page, server))
                page.close()
            print("| " + " | ".join(row(turns, runs)) + " |", flush=True)


if __name__ == "__main__":
    main()
