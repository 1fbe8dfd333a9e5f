"""What this package adds to an engine's own time, beside plain httpx that reads the same answers: prints ratios.

    python tests/benchmarks/engine.py [--rounds ROUNDS]

The engine is llama.cpp with a tiny model, which is faster than any real one; so times are also shown as a share of
what a token takes at 1,000 tokens a second. CPU is this process's own, without the engine's. Not a test: it never
fails.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

import httpx  # noqa: E402  # the path comes first
from support.tiny_engine import tiny_qwen  # noqa: E402  # the path comes first

from qwen_magic.assistant.assistant import Assistant  # noqa: E402  # the path comes first
from qwen_magic.assistant.question import Question  # noqa: E402  # the path comes first
from qwen_magic.core.events import ReasoningDelta, TextDelta  # noqa: E402  # the path comes first
from qwen_magic.rendering.views.silent import SilentView  # noqa: E402  # the path comes first

TOKENS = 1_000
FIELDS = {"max_tokens": TOKENS, "ignore_eos": True, "seed": 3, "cache_prompt": False}
PROMPT = "Say something."
# Of an engine with 1,000 tokens a second.
TOKEN = 1e-3


@dataclass(frozen=True)
class Run:
    """Seconds: until the first token, for each further one, and of CPU for each."""

    first: float
    token: float
    cpu: float


def timed(answer: Callable[[], Iterator[Any]]) -> Run:
    """Time an answer that yields something whenever text has arrived."""
    begun, used = time.perf_counter(), time.process_time()
    arrivals = answer()
    next(arrivals)
    first = time.perf_counter()
    for _ in arrivals:
        pass
    ended = time.perf_counter()
    return Run(first - begun, (ended - first) / TOKENS, (time.process_time() - used) / TOKENS)


def plain(client: httpx.Client, url: str, key: str) -> Iterator[str]:
    """The least that anybody needs: the lines of the stream, and the text in each."""
    body = {"model": "tiny", "messages": [{"role": "user", "content": PROMPT}], "stream": True, **FIELDS}
    with client.stream("POST", url, json=body, headers={"authorization": f"Bearer {key}"}) as response:
        rest = b""
        for chunk in response.iter_bytes():  # httpx's own lines also end at U+2028, which stands inside JSON
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    choices = json.loads(line[6:])["choices"]
                    text = choices[0]["delta"].get("content") if choices else None
                    if text:
                        yield text


class Arrivals(SilentView):
    """Notes when the first text arrived, and shows nothing."""

    def __init__(self) -> None:
        self.first = 0.0

    def update(self, events: Any) -> None:
        if not self.first and any(isinstance(event, TextDelta | ReasoningDelta) for event in events):
            self.first = time.perf_counter()


def whole(assistant: Assistant) -> Run:
    """A question as a cell asks it: conversation, client, decoder, and an update for the view 10 times a second."""
    view = Arrivals()
    begun, used = time.perf_counter(), time.process_time()
    assistant.ask(Question(PROMPT, alone=True, fields=FIELDS), view)
    ended = time.perf_counter()
    cpu = (time.process_time() - used) / TOKENS
    return Run(view.first - begun, (ended - view.first) / TOKENS, cpu)


def measured(rounds: int) -> tuple[list[Run], list[Run]]:
    """The runs of plain httpx and of this package, in turns, on one engine."""
    assistant = Assistant()
    with tempfile.TemporaryDirectory() as folder, httpx.Client(trust_env=False, timeout=60) as client:
        os.environ["QWEN_MAGIC_CACHE"] = folder
        endpoint = assistant.provider.use(f"local:{tiny_qwen.write(Path(folder) / 'tiny.gguf')}")
        key = assistant.provider.credentials.require(endpoint.account).reveal()
        pairs = [
            (timed(lambda: plain(client, endpoint.url("chat/completions"), key)), whole(assistant))
            for _ in range(rounds + 1)
        ]
        assistant.close()
    return [pair[0] for pair in pairs[1:]], [pair[1] for pair in pairs[1:]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=10)
    theirs, ours = measured(options.parse_args().rounds)
    print(f"{'median of ' + str(len(ours)):<20}{'httpx':>10}{'qwen_magic':>12}{'ratio':>8}{'added, of 1 ms':>16}")
    for name, label in LABELS.items():
        before, after = (statistics.median(getattr(run, name) for run in runs) for runs in (theirs, ours))
        share = "" if name == "first" else f"{(after - before) / TOKEN:>16.1%}"
        print(f"{label:<20}{before * 1e6:>7.0f} µs{after * 1e6:>9.0f} µs{after / before:>8.2f}{share}")


LABELS = {"first": "to the first token", "token": "for each token", "cpu": "CPU for each token"}

if __name__ == "__main__":
    main()
