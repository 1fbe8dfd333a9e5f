"""How long a person waits after Stop: in JupyterLab and Notebook 7, and in a kernel whose server says nothing.

    python tests/benchmarks/stopping.py [--runs RUNS]

Prints a table, each figure the median of RUNS (default 9) answers, with the worst one's in brackets. `on the page`
goes from the click on Stop until the record says that it was stopped, as the page sees them. `kernel` goes from the
interrupt until the kernel says that it is free again, and `connection` until the server sees that its client is gone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

TESTS = Path(__file__).resolve().parents[1]

LOAD = "%load_ext qwen_magic\n%qwen use sandbox"
LONG = "%%qwen\nsandbox: long 20000\nsandbox: rate 50"

# Resolves with the milliseconds from the click on Stop to the record that says so.
CLICK = """() => new Promise((resolve) => {
    const area = jupyterapp.shell.currentWidget.content.widgets[1].node;
    const clicked = performance.now();
    new MutationObserver((_, observer) => {
        if (!area.querySelector(".qwen-record")?.textContent.includes("stopped")) return;
        observer.disconnect();
        resolve(performance.now() - clicked);
    }).observe(area, { childList: true, subtree: true });
    area.querySelector(".qwen-stop").click();
})"""


def on_the_page(app: str, runs: int, page: Any, server: Any) -> Iterator[float]:
    """Milliseconds for each of so many answers, stopped while they stream."""
    from support.front_ends import Notebook

    notebook = Notebook.make(page, server, app, [LOAD, LONG])
    notebook.run_cell(0)
    notebook.wait_for_kernel()
    for _ in range(runs):
        notebook.run_cell(1)
        page.locator(".qwen-live .qwen-answer p").nth(2).wait_for()
        yield page.evaluate(CLICK)
        notebook.wait_for_kernel()
    notebook.shut_down()


def with_a_silent_server(runs: int) -> Iterator[tuple[float, float]]:
    """Milliseconds until the kernel is free, and until its connection is closed, for each of so many questions."""
    from support.faults import FaultServer
    from support.kernels import running

    place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with place as folder, running(Path(folder)) as kernel, FaultServer(["hang"]) as server:
        kernel.use(server.url, "sk-benchmark")
        for _ in range(runs):
            server.play(["hang"])
            run = kernel.send("%%qwen -m qwen-plus\nIs anybody there?")
            kernel.wait(lambda: server.requests)
            time.sleep(0.2)  # it has nothing to do any more but wait
            began = time.time()
            kernel.interrupt()
            server.gone.wait(30)
            closed = time.time()
            yield (run.result().messages[-1].at - began) * 1000, (closed - began) * 1000


def row(name: str, milliseconds: Sequence[float], goal: int) -> str:
    return f"{name:<34}{median(milliseconds):>8.0f}{f'({max(milliseconds):.0f})':>8}{goal:>8}"


def main() -> None:
    sys.path.insert(0, str(TESTS))
    from support.front_ends import running_browser

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=9)
    runs = options.parse_args().runs
    print(f"{'from Stop until, in ms':<34}{'median':>8}{'worst':>8}{'goal':>8}")
    with running_browser() as (new_page, server):
        for app, name in (("lab", "JupyterLab"), ("notebook", "Notebook 7")):
            page = new_page()
            print(row(f"on the page, {name}", list(on_the_page(app, runs, page, server)), 300), flush=True)
            page.close()
    free, closed = zip(*with_a_silent_server(runs), strict=True)
    print(row("kernel, a silent server", free, 100))
    print(row("connection, a silent server", closed, 100))


if __name__ == "__main__":
    main()
