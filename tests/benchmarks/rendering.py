"""What the live view costs beside the usual ways of showing an answer that grows, in a real JupyterLab.

    python tests/benchmarks/rendering.py [--full] [--most CHARACTERS] [--design live …]

Prints a table: CPU of the kernel, messages and bytes that it sends to the page, time to the first text, lag from the
last chunk to the end being painted, longest gap between two frames before that and in the seconds afterwards, in
which the record takes the live view's place and JupyterLab reads the headings of the whole output. `--full` adds the
runs that take minutes. This module is imported on both sides: `main` drives the browser, `stream` runs in the
notebook's kernel.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qwen_magic.core.answer import Answer
from qwen_magic.core.events import Event, TextDelta
from qwen_magic.core.messages import ChatRequest
from qwen_magic.protocols import SERVICE, protocol

HERE = Path(__file__).parent
CHUNK = 5
THROTTLED = 1 / 20
END = "###### The end"
# So many seconds after the end, nothing moves any more.
AFTERWARDS = 3
# A run that has not shown its end so many seconds after its last chunk is given up.
PATIENCE = 60

SECTION = """## Part {number} 第{number}部分

Some **prose** with `code`, a [link](https://example.org/{number}) and 一些中文，**注意：**标点符号。 It goes on for
a while, so that the paragraph has about as many words as a paragraph of an answer has.

| name | value |
|---|---|
| first | {number} |
| second | 2 |

```python
def part_{number}(values: list[float]) -> float:
    return sum(values) / len(values)  # the mean
```

- one
- two, with *emphasis*

"""


@dataclass(frozen=True)
class Run:
    """One measurement: `rate` in chunks a second, 0 for a burst."""

    design: str
    characters: int
    rate: int


@dataclass(frozen=True)
class Sent:
    """What the kernel knows: seconds of CPU and of the clock, what it sent, and when (seconds of the epoch)."""

    cpu: float
    seconds: float
    messages: int
    bytes: int
    first_chunk: float
    last_chunk: float


@dataclass(frozen=True)
class Seen:
    """What the page knows: when it painted the first text and the end (seconds of the epoch), longest frames (ms)."""

    first_text: float
    end: float
    longest_frame: float
    longest_afterwards: float


def answer(characters: int) -> str:
    """An answer of about so many characters, with everything in it but math; it ends with a small heading."""
    text, number = "# The answer\n\n", 0
    while len(text) < characters:
        number += 1
        text += SECTION.format(number=number)
    return text[: characters - len(END) - 2].rpartition("\n\n")[0] + f"\n\n{END}\n"


# --- in the kernel


def stream(design: str, characters: int, rate: int) -> None:
    """Show an answer in the cell, one chunk after the other, and write down what it took.

    Every chunk is decoded on its way as one from the service is, so that a burst is as fast as a real one can be.
    """
    text = answer(characters)
    frames = [frame(text[start : start + CHUNK]) for start in range(0, len(text), CHUNK)]
    decoder = protocol("compatible").decoder(ChatRequest("qwen-plus", ()), SERVICE)
    show, finish = DESIGNS[design]()
    with counting() as counts:
        began, cpu = time.time(), time.process_time()
        for number, data in enumerate(frames):
            if rate:
                time.sleep(max(0.0, began + number / rate - time.time()))
            for event in decoder.feed("message", data):
                if isinstance(event, TextDelta):
                    show(event.text)
        last = time.time()
        finish(text)
        time.sleep(0.5)  # the kernel's own threads are still sending
        spent = time.process_time() - cpu
    sent = Sent(spent, last - began, counts["messages"], counts["bytes"], began, last)
    Path("sent.json").write_text(json.dumps(asdict(sent)), encoding="utf-8")


def frame(text: str) -> str:
    """One server-sent event of the service, as its docs show it."""
    choice = {"delta": {"content": text}, "index": 0, "finish_reason": None, "logprobs": None}
    facts = {"object": "chat.completion.chunk", "created": 1_790_000_000, "model": "qwen-plus", "id": "chatcmpl-1"}
    return json.dumps({"choices": [choice], "usage": None, "system_fingerprint": None, **facts})


class counting:
    """Counts what the kernel's session sends, other than its status."""

    def __enter__(self) -> dict[str, int]:
        from IPython.core.getipython import get_ipython

        self._session: Any = get_ipython().kernel.session  # type: ignore[union-attr]  # there is one in a kernel
        self._serialize = self._session.serialize
        counts = {"messages": 0, "bytes": 0}

        def serialize(message: dict[str, Any], ident: Any = None) -> list[bytes]:
            parts: list[bytes] = self._serialize(message, ident)
            if message["header"]["msg_type"] != "status":
                counts["messages"] += 1
                counts["bytes"] += sum(map(len, parts))
            return parts

        self._session.serialize = serialize
        return counts

    def __exit__(self, *_: object) -> None:
        self._session.serialize = self._serialize


Design = tuple[Callable[[str], None], Callable[[str], None]]


def live() -> Design:
    """This package: finished blocks once, and the open tail."""
    from qwen_magic.rendering.views.live import LiveView
    from qwen_magic.rendering.views.protocol import Heading

    view = LiveView()
    view.start(Heading("qwen-plus", "beijing"))
    pending: list[Event] = []
    shown = 0.0

    def show(chunk: str) -> None:
        nonlocal shown
        pending.append(TextDelta(chunk))
        if time.monotonic() - shown >= view.interval:
            shown = time.monotonic()  # as the client counts: from one update's beginning to the next one's
            view.update(tuple(pending))
            pending.clear()

    def finish(text: str) -> None:
        view.update(tuple(pending))
        view.finish(Answer(text, model="qwen-plus", endpoint="beijing"))

    return show, finish


def whole(show_whole: Callable[[str], None], interval: float) -> Design:
    """A design that shows the whole text again, at most every `interval` seconds."""
    parts: list[str] = []
    shown = 0.0

    def show(chunk: str) -> None:
        nonlocal shown
        parts.append(chunk)
        if time.monotonic() - shown >= interval:
            shown = time.monotonic()
            show_whole("".join(parts))

    return show, show_whole


def markdown(interval: float = 0.0) -> Design:
    """`update_display(Markdown(whole text))`."""
    from IPython.display import Markdown, display

    handle = display(Markdown(""), display_id=True)
    return whole(lambda text: handle.update(Markdown(text)), interval)


def html_widget() -> Design:
    """`ipywidgets.HTML` with the whole text rendered."""
    from IPython.display import display
    from ipywidgets import HTML  # type: ignore[import-untyped]  # it has no types
    from markdown_it import MarkdownIt

    parser, widget = MarkdownIt().enable("table"), HTML()
    display(widget)
    return whole(lambda text: setattr(widget, "value", parser.render(text)), THROTTLED)


DESIGNS: dict[str, Callable[[], Design]] = {
    "live": live,
    "markdown": markdown,
    "markdown at 20 Hz": lambda: markdown(THROTTLED),
    "ipywidgets.HTML at 20 Hz": html_widget,
}


# --- in the browser

WATCH = """(afterwards) => {
    const seen = { first_text: 0, end: 0, longest_frame: 0, longest_afterwards: 0 };
    const now = () => (performance.timeOrigin + performance.now()) / 1000;
    let before = performance.now();
    window.benchmark = seen;
    const frame = (time) => {
        const longest = seen.end ? "longest_afterwards" : "longest_frame";
        seen[longest] = Math.max(seen[longest], time - before);
        before = time;
        if (!seen.first_text && document.querySelector(".jp-OutputArea h1")) seen.first_text = now();
        if (!seen.end && document.querySelector(".jp-OutputArea h6")) seen.end = now();
        if (!seen.end || now() < seen.end + afterwards) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
}"""


def runs(full: bool) -> Iterator[Run]:
    """What is measured. What grows with the square of the answer is measured while it is still bearable."""
    for design in DESIGNS:
        bearable = full and design in ("live", "markdown at 20 Hz")
        yield from (Run(design, characters, 0) for characters in (2_000, 10_000, 40_000))
        yield from (Run(design, characters, 100) for characters in (2_000, 10_000))
        if full or design == "live":
            yield Run(design, 40_000, 100)
        if design == "live":
            yield Run(design, 80_000, 0)
        if bearable or design == "live":
            yield Run(design, 200_000, 0)
        if bearable:
            yield Run(design, 200_000, 100)


def measure(run: Run, page: Any, server: Any) -> tuple[Sent, Seen | None]:
    """Run one cell. The page may give up: then there is nothing seen."""
    from playwright.sync_api import Error
    from support.front_ends import Notebook

    code = f"import rendering\nrendering.stream({run.design!r}, {run.characters}, {run.rate})"
    notebook = Notebook.make(page, server, "lab", ["import rendering, qwen_magic.rendering.views.live", code])
    notebook.command("notebook:run-cell")
    page.evaluate(WATCH, AFTERWARDS)
    notebook.run_cell(1)
    seconds = run.characters / CHUNK / run.rate if run.rate else 0
    seen = None
    try:
        page.wait_for_function("benchmark.end > 0", timeout=(seconds + PATIENCE) * 1000)
        page.wait_for_timeout(AFTERWARDS * 1000)
        seen = Seen(**page.evaluate("benchmark"))
    except Error:
        print(f"{run}: the end was not shown in {PATIENCE} s", file=sys.stderr)
    written = notebook.path.with_name("sent.json")
    deadline = time.monotonic() + PATIENCE
    while not written.exists() and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    page.wait_for_timeout(100)
    sent = Sent(**json.loads(written.read_text(encoding="utf-8")))
    notebook.shut_down()
    return sent, seen


COLUMNS = ("design", "chars", "rate", "CPU s", "CPU %", "messages", "MB", "first ms", "lag ms", "frame ms", "after ms")


def row(run: Run, sent: Sent, seen: Seen | None) -> tuple[str, ...]:
    shown = (
        f"{(seen.first_text - sent.first_chunk) * 1000:.0f}" if seen else "–",
        f"{(seen.end - sent.last_chunk) * 1000:.0f}" if seen else "never",
        f"{seen.longest_frame:.0f}" if seen else "–",
        f"{seen.longest_afterwards:.0f}" if seen else "–",
    )
    return (
        run.design,
        f"{run.characters:,}",
        f"{run.rate}/s" if run.rate else "burst",
        f"{sent.cpu:.2f}",
        f"{100 * sent.cpu / sent.seconds:.1f}" if run.rate else "–",
        f"{sent.messages:,}",
        f"{sent.bytes / 1e6:.2f}",
        *shown,
    )


def goals(sent: dict[Run, Sent], seen: dict[Run, Seen]) -> Iterator[str]:
    """What the live view is to reach, and what it has."""
    small, large = sent.get(Run("live", 40_000, 0)), sent.get(Run("live", 80_000, 0))
    if small and large:
        yield f"CPU, 80,000 against 40,000: × {large.cpu / small.cpu:.2f} (at most 2.1)"
        yield f"bytes, 80,000 against 40,000: × {large.bytes / small.bytes:.2f} (at most 2.1)"
    steady, burst = Run("live", 40_000, 100), Run("live", 200_000, 0)
    if steady in seen:
        yield f"CPU, 40,000 at 100/s: {100 * sent[steady].cpu / sent[steady].seconds:.1f} % of a core (at most 4)"
        yield f"lag, 40,000 at 100/s: {1000 * (seen[steady].end - sent[steady].last_chunk):.0f} ms (under 60)"
        yield f"longest frame, 40,000 at 100/s: {seen[steady].longest_frame:.0f} ms (at most 100)"
    if burst in seen:
        yield f"lag, 200,000 burst: {1000 * (seen[burst].end - sent[burst].last_chunk):.0f} ms (at most 150)"
        yield f"longest frame, 200,000 burst: {seen[burst].longest_frame:.0f} ms (at most 100)"


def ratios(results: dict[Run, Sent]) -> Iterator[str]:
    """How the other designs compare with the live view at the same length."""
    for run, sent in results.items():
        ours = results.get(Run("live", run.characters, run.rate))
        if ours and run.design != "live":
            yield (
                f"{run.design}, {run.characters:,} {'at 100/s' if run.rate else 'burst'}, against live: "
                f"CPU × {sent.cpu / ours.cpu:.1f}, messages × {sent.messages / ours.messages:.1f}, "
                f"bytes × {sent.bytes / ours.bytes:.1f}"
            )


def main() -> None:
    sys.path.insert(0, str(HERE.parent))
    from support.front_ends import running_browser

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--full", action="store_true", help="also what takes minutes")
    options.add_argument("--most", type=int, default=200_000, help="the longest answer")
    options.add_argument("--design", choices=DESIGNS, nargs="+", default=list(DESIGNS))
    chosen = options.parse_args()
    results: dict[Run, Sent] = {}
    pages: dict[Run, Seen] = {}
    with running_browser(HERE, HERE.parent) as (new_page, server):
        print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
        for run in runs(chosen.full):
            if run.design not in chosen.design or run.characters > chosen.most:
                continue
            page = new_page()
            sent, seen = measure(run, page, server)
            page.close()
            results[run] = sent
            if seen is not None:
                pages[run] = seen
            print("| " + " | ".join(row(run, sent, seen)) + " |", flush=True)
    print()
    print("\n".join(("live view:", *goals(results, pages), "", *ratios(results))))


if __name__ == "__main__":
    main()
