"""What answers as data cost, and how often they come, beside chatlas, instructor and pydantic-ai.

    .venv/bin/python tests/benchmarks/structured.py

Times are of this process's CPU, with no page and no network between: the growing table and the checks of so many rows,
as a ratio to the same text shown as a plain answer. The second table asks one sandbox that goes wrong in one way after
another; peers that are not installed are left out. "data" is data that fits, "error" an exception that says that it
does not, "wrong" anything else: data that does not fit, another exception, or none within `PATIENCE` seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import logging
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from qwen_magic.core.events import TextDelta
from qwen_magic.rendering.answer_state import GrowingAnswer
from qwen_magic.rendering.mimebundle import markdown_html
from qwen_magic.sandbox import Sandbox
from qwen_magic.structured.schema import make_schema
from qwen_magic.structured.validation import check

PIECE = 30
PATIENCE = 60.0
MODEL = "qwen3.7-plus"
WAYS = {
    "answers": "",
    "refuses a schema": "sandbox: json-refuse\n",
    "refuses JSON mode, too": "sandbox: json-refuse 2\n",
    "ignores": "sandbox: json-ignore\n",
    "fences": "sandbox: json-fence\n",
    "cuts": "sandbox: length 5\n",
    "repeats": "sandbox: json-repeat\n",
    "never ends": "sandbox: json-blank\n",
    "thinks": "sandbox: json-think\n",
    "says nothing": "sandbox: json-empty 9\n",
    "wrong, then right": "sandbox: json-wrong\n",
    "always wrong": "sandbox: json-wrong 9\n",
}


def seconds(work: Callable[[], object]) -> float:
    """The best of three runs."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def grown(text: str, schema: Any) -> GrowingAnswer:
    growing = GrowingAnswer(schema)
    for at in range(0, len(text), PIECE):
        growing.take([TextDelta(text[at : at + PIECE])])
    return growing


def print_costs() -> None:
    schema = make_schema("name, age int, city?, score float", many=True)
    print(f"{'rows':>7}{'characters':>12}{'plain s':>9}{'table':>8}{'checks':>8}   (ratios to the plain answer)")
    for count in (100, 1_000, 10_000):
        row = {"name": "Anna Example", "age": 30, "city": None, "score": 1.5}
        text = json.dumps({"items": [row] * count})
        prose = "\n".join(
            "A line of an answer that has as many characters as a row of it, more or less, in it." for _ in range(count)
        )
        prose = prose[: len(text)]
        plain = seconds(lambda prose=prose: (grown(prose, None), markdown_html(prose)))  # type: ignore[misc]  # of this turn
        table = seconds(lambda text=text: grown(text, schema))  # type: ignore[misc]  # of this turn
        checks = seconds(lambda text=text: check(text, schema))  # type: ignore[misc]  # of this turn
        print(f"{count:>7,}{len(text):>12,}{plain:>9.3f}{table / plain:>8.2f}{checks / plain:>8.2f}")


# --- the peers: each gives an object with a name and an age, or raises


def ours(sandbox: Sandbox, person: Any) -> Callable[[str], Any]:
    from qwen_magic.assistant.assistant import Assistant
    from qwen_magic.assistant.question import Question
    from qwen_magic.core.settings import Settings
    from qwen_magic.rendering.views.silent import SilentView
    from qwen_magic.structured.data_answer import DataAnswer

    schema = make_schema(person)

    def ask(prompt: str) -> Any:
        assistant = Assistant(Settings(endpoint="sandbox"))  # it has not asked this server before
        answer = assistant.ask(Question(prompt, model=MODEL, alone=True, schema=schema), SilentView())
        assert isinstance(answer, DataAnswer)
        return answer.data

    return ask


def of_chatlas(sandbox: Sandbox, person: Any) -> Callable[[str], Any]:
    from chatlas import ChatOpenAICompletions

    def ask(prompt: str) -> Any:
        chat = ChatOpenAICompletions(base_url=sandbox.compatible_url, api_key=sandbox.key, model=MODEL)
        return chat.chat_structured(prompt, data_model=person)

    return ask


def of_instructor(sandbox: Sandbox, person: Any) -> Callable[[str], Any]:
    import instructor
    import openai

    client = instructor.from_openai(
        openai.OpenAI(base_url=sandbox.compatible_url, api_key=sandbox.key), mode=instructor.Mode.JSON
    )
    return lambda prompt: client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": prompt}], response_model=person, max_retries=2
    )


def of_pydantic_ai(sandbox: Sandbox, person: Any) -> Callable[[str], Any]:
    from pydantic_ai import Agent, NativeOutput
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=sandbox.compatible_url, api_key=sandbox.key)
    agent = Agent(OpenAIChatModel(MODEL, provider=provider), output_type=NativeOutput(person), retries=1)
    return lambda prompt: asyncio.run(agent.run(prompt)).output


PEERS = {"qwen_magic": ours, "chatlas": of_chatlas, "instructor": of_instructor, "pydantic_ai": of_pydantic_ai}
# What the peers raise for an answer that is not what was asked for, and what servers refuse.
CLEAR = (
    *("SchemaMismatch", "ValidationError", "InstructorRetryException", "IncompleteOutputException"),
    *("UnexpectedModelBehavior", "BadRequestError", "ModelHTTPError", "ContentFilterError", "LengthFinishReasonError"),
)


def outcome(ask: Callable[[str], Any], prompt: str, person: Any) -> str:
    pool = ThreadPoolExecutor(1)
    try:
        found = pool.submit(ask, prompt).result(PATIENCE)
    except TookTooLong:
        return "wrong: no end"
    except Exception as error:
        name = type(error).__name__
        return f"error: {name}" if name in CLEAR else f"wrong: {name}"
    finally:
        pool.shutdown(wait=False)
    return "data" if isinstance(found, person) else f"wrong: {type(found).__name__}"


def print_peers() -> None:
    from pydantic import BaseModel

    class Person(BaseModel):
        name: str
        age: int

    logging.disable(logging.CRITICAL)  # instructor logs each error that it raises
    there = {name: make for name, make in PEERS.items() if importlib.util.find_spec(name)}
    print(f"\n{'a server that':<24}" + "".join(f"{name:<34}" for name in there))
    data, clear = dict.fromkeys(there, 0), dict.fromkeys(there, 0)
    with Sandbox() as sandbox:
        asking = {name: make(sandbox, Person) for name, make in there.items()}
        for way, directive in WAYS.items():
            found = {name: outcome(ask, f"{directive}Who?", Person) for name, ask in asking.items()}
            for name, each in found.items():
                data[name] += each == "data"
                clear[name] += not each.startswith("wrong")
            print(f"{way:<24}" + "".join(f"{each[:32]:<34}" for each in found.values()))
    for words, counts in (("data", data), ("data or a clear error", clear)):
        print(f"{words:<24}" + "".join(f"{f'{count} of {len(WAYS)}':<34}" for count in counts.values()))


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print_costs()
    print_peers()


if __name__ == "__main__":
    main()
