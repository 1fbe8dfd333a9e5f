"""What a round of calls adds to an answer over the model's own time: checking, consent, running, and asking again.

    python tests/benchmarks/tool_rounds.py [--rounds 8] [--repeat 15]

The sandbox answers over real HTTP on loopback. `a question` is one whose answer is a call that is not run; `a round` is
what each further round adds to an answer, with its request.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable
from functools import partial

from qwen_magic.assistant.assistant import Assistant
from qwen_magic.assistant.question import Question
from qwen_magic.core.settings import Settings
from qwen_magic.rendering.views.silent import SilentView
from qwen_magic.sandbox import Sandbox
from qwen_magic.service.credentials import Credentials
from qwen_magic.tools.toolset import toolset


def lookup(city: str, days: int = 1) -> dict[str, object]:
    """Look up the weather."""
    return {"city": city, "days": days, "weather": "sunny"}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=8)
    options.add_argument("--repeat", type=int, default=15)
    given = options.parse_args()
    with Sandbox(any_key=True) as sandbox:
        settings = Settings(endpoint=sandbox.compatible_url, tool_rounds=given.rounds)
        assistant = Assistant(settings, Credentials({"QWEN_API_KEY": sandbox.key}))
        tools = toolset([lookup], [lookup])
        assert tools is not None
        given_only = {"tools": [{"type": "function", "function": dataclasses.asdict(each)} for each in tools.functions]}
        asked = Question("sandbox: tool\nRome", alone=True, fields=given_only)
        calls = [
            Question(f"sandbox: call-rounds {number}\nRome", alone=True, tools=tools) for number in (1, given.rounds)
        ]
        question = seconds(partial(assistant.ask, asked, SilentView()), given.repeat)
        one, all_ = (seconds(partial(assistant.ask, each, SilentView()), given.repeat) for each in calls)
        assistant.close()
    each = (all_ - one) / (given.rounds - 1)
    print("| a question | a round | a round / a question |\n|---:|---:|---:|")
    print(f"| {question * 1e3:.1f} ms | {each * 1e3:.1f} ms | {each / question:.2f} |")


def seconds(work: Callable[[], object], repeat: int) -> float:
    """The median time of `work`, once it is warm."""
    work()
    times = []
    for _ in range(repeat):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


if __name__ == "__main__":
    main()
