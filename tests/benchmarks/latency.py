"""From the click to the pixels: where the time of a question in a cell goes, in a real JupyterLab.

    python tests/benchmarks/latency.py [--runs RUNS] [--bursts CHARACTERS …]

A server on this machine answers at once and in one go. One row for each kind of question: the first of a kernel, a
later one (the median of RUNS, default 5), and bursts (default 40,000 and 200,000 characters). The times are
milliseconds from running the cell: until the kernel begins (`kernel`), the request reaches the server (`asked`), the
page hears of the widget (`comm`) and has its frame on the screen (`frame`), the first text is painted (`text`), the
last byte has left the server (`sent`), the end is painted (`end`) and the record stands in the widget's place
(`record`). `lag` is from `sent` to `end`. `messages` and `kB` are what the kernel sends to the page for the question,
`modules` what it imports.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

from rendering import answer, frame

HERE = Path(__file__).parent
# Where the page has not painted the end after so many milliseconds, the run is given up.
PATIENCE = 30_000
# A burst is cut into pieces of this many characters, as the service's own are.
CHUNK = 5


@dataclass(frozen=True)
class Trace:
    """One question: moments in seconds of the epoch, and what was sent and imported for it."""

    click: float
    kernel: float
    asked: float
    comm: float
    frame: float
    text: float
    sent: float
    end: float
    record: float
    messages: int
    bytes: int
    modules: int


@dataclass
class Served:
    """What the server knows of the last question."""

    asked: float = 0.0
    sent: float = 0.0
    frames: dict[int, bytes] = field(default_factory=dict)

    def body(self, characters: int) -> bytes:
        """The stream of an answer of so many characters."""
        if characters not in self.frames:
            text = answer(characters)
            pieces = [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]
            last = json.dumps({"choices": [{"delta": {}, "index": 0, "finish_reason": "stop"}]})
            events = [*map(frame, pieces), last, "[DONE]"]
            self.frames[characters] = "".join(f"data: {event}\n\n" for event in events).encode()
        return self.frames[characters]


@contextmanager
def running_service() -> Iterator[tuple[str, Served]]:
    """A server that answers at once, with as many characters as the question says."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply("application/json", b'{"data": [{"id": "qwen-plus"}]}')

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked = time.time()
            self._reply("text/event-stream", served.body(int(body["messages"][-1]["content"])))
            served.sent = time.time()

        def _reply(self, kind: str, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", served
        server.shutdown()


# --- in the kernel

BEGAN: dict[str, Any] = {}


def watch() -> None:
    """Write down when each cell begins, and what the kernel sends and imports until its end."""
    shell = get_ipython()  # type: ignore[name-defined]  # IPython puts it there  # noqa: F821
    from rendering import counting

    def begin(*_: object) -> None:
        counter = counting()
        BEGAN.update(kernel=time.time(), modules=len(sys.modules), counter=counter, counts=counter.__enter__())

    def end(*_: object) -> None:
        if not BEGAN:
            return
        BEGAN.pop("counter").__exit__()
        counts = BEGAN.pop("counts")
        known = {"kernel": BEGAN["kernel"], "modules": len(sys.modules) - BEGAN["modules"], **counts}
        Path("kernel.json").write_text(json.dumps(known), encoding="utf-8")

    shell.events.register("pre_run_cell", begin)
    shell.events.register("post_run_cell", end)


# --- in the browser

# A kernel's messages, as they reach the page; each begins with a table of offsets, and then its header.
SOCKETS = """() => {
    window.heard = [];
    const Native = window.WebSocket;
    window.WebSocket = class extends Native {
        constructor(...given) {
            super(...given);
            this.addEventListener("message", ({ data }) => {
                const start = data.slice(0, 2000);
                const head = typeof start === "string" ? start : new TextDecoder().decode(start);
                const kind = /"msg_type": ?"(\\w+)"/.exec(head)?.[1];
                window.heard.push([kind, (performance.timeOrigin + performance.now()) / 1000]);
            });
        }
    };
}"""

RUN = """number => {
    const now = () => (performance.timeOrigin + performance.now()) / 1000;
    const seen = { click: 0, frame: 0, text: 0, end: 0, record: 0 };
    window.seen = seen;
    window.heard.length = 0;
    const notebook = jupyterapp.shell.currentWidget.content;
    const cell = notebook.widgets[number].node;
    const marks = { frame: ".qwen-live, .qwen-record", text: ".jp-OutputArea h1, .jp-OutputArea h6",
        end: ".jp-OutputArea h6", record: ".qwen-record" };
    const look = () => {
        for (const [name, selector] of Object.entries(marks))
            if (!seen[name] && cell.querySelector(selector)) setTimeout(() => (seen[name] ||= now()));
        if (!seen.record) requestAnimationFrame(look);
    };
    notebook.activeCellIndex = number;
    notebook.widgets[number].node.scrollIntoView();
    requestAnimationFrame(() => {
        seen.click = now();
        void jupyterapp.commands.execute("notebook:run-cell");
        look();
    });
}"""


def measure(notebook: Any, number: int, served: Served) -> Trace:
    """Run the cell `number`, and wait until all of it is on the page."""
    page = notebook.page
    written = notebook.path.with_name("kernel.json")
    written.unlink(missing_ok=True)
    page.evaluate(RUN, number)
    page.wait_for_function("seen.end && seen.record", timeout=PATIENCE)
    notebook.wait_for_kernel()
    page.wait_for_timeout(300)
    seen, heard = page.evaluate("[seen, heard]")
    comm = next((at for kind, at in heard if kind == "comm_open"), seen["click"])
    known = json.loads(written.read_text(encoding="utf-8"))
    return Trace(**seen, comm=comm, asked=served.asked, sent=served.sent, **known)


MOMENTS = ("kernel", "asked", "comm", "frame", "text", "sent", "end", "record")
COLUMNS = ("question", *MOMENTS, "lag", "messages", "kB", "modules")


def row(name: str, traces: list[Trace]) -> tuple[str, ...]:
    found = [asdict(trace) for trace in traces]

    def between(first: str, last: str) -> str:
        return f"{1000 * median(trace[last] - trace[first] for trace in found):.0f}"

    counts = [f"{median(trace[name] for trace in found):.0f}" for name in ("messages", "modules")]
    size = f"{median(trace['bytes'] for trace in found) / 1000:.1f}"
    return (name, *(between("click", moment) for moment in MOMENTS), between("sent", "end"), counts[0], size, counts[1])


def main() -> None:
    sys.path.insert(0, str(HERE.parent))
    from support.front_ends import Notebook, running_browser

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--bursts", type=int, nargs="*", default=[40_000, 200_000])
    chosen = options.parse_args()
    runs = chosen.runs
    lengths = {"first": [300], "later": [300] * runs} | {f"{length:,}": [length] * runs for length in chosen.bursts}
    asked = [length for each in lengths.values() for length in each]
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
    with running_service() as (url, served), running_browser(HERE, HERE.parent) as (new_page, server):
        page = new_page()
        page.add_init_script(f"({SOCKETS})()")
        load = f"import latency; latency.watch()\n%load_ext qwen_magic\n%qwen use {url}"
        questions = [f"%%qwen --alone -m qwen-plus\n{length}" for length in asked]
        notebook = Notebook.make(page, server, "lab", [load, *questions])
        notebook.run_cell(0)
        page.wait_for_timeout(2_000)
        notebook.wait_for_kernel()
        number = 0
        for name, each in lengths.items():
            traces = []
            for _ in each:
                number += 1
                traces.append(measure(notebook, number, served))
            print("| " + " | ".join(row(name, traces)) + " |", flush=True)


if __name__ == "__main__":
    main()
