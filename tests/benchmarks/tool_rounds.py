"""What a round of calls adds to an answer over the model's own time: checking, consent, running, and asking again.

    python tests/benchmarks/tool_rounds.py [--rounds 8] [--repeat 5]

The sandbox answers over real HTTP on loopback. `a question` is one request without tools; `a round` is an answer with
rounds, less that, for each round; so it has one request in it, too. `beside` is the rest of it that is not the request.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable

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
    options.add_argument("--repeat", type=int, default=5)
    given = options.parse_args()
    with Sandbox(any_key=True) as sandbox:
        settings = Settings(endpoint=sandbox.compatible_url, tool_rounds=given.rounds)
        assistant = Assistant(settings, Credentials({"QWEN_API_KEY": sandbox.key}))
        plain = Question("Rome", alone=True)
        tools = toolset([lookup], [lookup])
        calling = dataclasses.replace(plain, prompt=f"sandbox: call-rounds {given.rounds}\nRome", tools=tools)
        question = seconds(lambda: assistant.ask(plain, SilentView()), given.repeat)
        rounds = seconds(lambda: assistant.ask(calling, SilentView()), given.repeat)
        assistant.close()
    each = (rounds - question) / given.rounds
    print("| a question | a round | beside | a round / a question |\n|---:|---:|---:|---:|")
    print(
        f"| {question * 1e3:.1f} ms | {each * 1e3:.1f} ms | {(each - question) * 1e3:.1f} ms | {each / question:.2f} |"
    )


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
