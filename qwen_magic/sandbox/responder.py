"""The sandbox's answers: what it received, in markdown. The same question gets the same answer, to the letter."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import takewhile
from typing import Any

from . import token_counts as tokens
from .chat_request import Chat, Seen
from .directives import DIRECTIVES, Play, play
from .json_answers import as_asked, wants_json
from .sample_answers import HARM, THOUGHTS, TOUR
from .schema_examples import example
from .token_counts import Counts
from .tool_choice import tool_messages, wanted_tools

__all__ = ["SandboxToolCall", "SandboxAnswer", "answer"]

FIRST_WORDS = 160
# How a cell is asked for anew.
WHOLE_CELL = "with the whole cell in one block of code"
# How an answer of nothing but code is asked for.
CODE_ONLY = "fenced code block"
SIMULATOR = "**This is the Qwen sandbox: a simulator, not a model.**"
LOREM = "The sandbox counts its lines so that nothing can get lost on the way: this is line {}.\n\n"

# Options that say how the answer is sent, not what it is about.
UNSEEN = {
    "stream",
    "stream_options",
    "incremental_output",
    "result_format",
    "tools",
    "enable_thinking",
    "response_format",
}


@dataclass(frozen=True, slots=True)
class SandboxToolCall:
    """A tool call of the answer; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class SandboxAnswer:
    """A whole answer, before a protocol gives it a form. `pages` are what the web search pretends to have found."""

    text: str
    counts: Counts
    reasoning: str = ""
    calls: tuple[SandboxToolCall, ...] = ()
    finish: str = "stop"
    pages: tuple[Mapping[str, Any], ...] = ()


def answer(chat: Chat) -> SandboxAnswer:
    """The whole answer to a question that has passed all checks."""
    script = play(chat.question, continued=chat.partial)
    calls = _call_tools(chat, script)
    text = _continued(chat) if chat.partial else _written(chat, script)
    if calls and "tour" not in script:
        text = ""
    reasoning = _thoughts(chat, script)
    text, finish = _ended(chat, script, text)
    counts = Counts(
        input=tokens.of_chat(chat),
        answer=tokens.of_text(text) + sum(tokens.of_text(call.arguments) for call in calls),
        reasoning=tokens.of_text(reasoning),
        image=sum(seen.tokens for seen in chat.seen if seen.kind == "image"),
    )
    return SandboxAnswer(text, counts, reasoning, calls, "tool_calls" if calls else finish, _pages(chat))


def _written(chat: Chat, script: Play) -> str:
    if wants_json(chat):
        return as_asked(chat, _in_json(chat))
    for word, write in TEXTS.items():
        if word in script:
            return write(chat, script)
    if WHOLE_CELL in chat.question:
        return _changed_cell(chat)
    return _code_text(chat, script) if CODE_ONLY in chat.question else _received(chat, script)


def _continued(chat: Chat) -> str:
    """The rest of an answer that the last message begins: of the one, with or without thinking, that fits better."""
    begun = chat.messages[-1].text
    script = play(chat.question, continued=True)
    wholes = []
    for think in (False, True):
        asked = replace(chat, messages=chat.messages[:-1], options={**chat.options, "enable_thinking": think})
        wholes.append(_written(asked, script))
    whole = max(wholes, key=lambda whole: _shared(begun, whole))
    return whole[_shared(begun, whole) :]


def _shared(begun: str, whole: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(begun, whole, strict=False))
    return next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(begun), len(whole)))


def _ended(chat: Chat, script: Play, text: str) -> tuple[str, str]:
    """The answer up to its stop words and its limit, and why it ends there."""
    stops = chat.option("stop", [])
    for stop in [stops] if isinstance(stops, str) else stops if isinstance(stops, list) else []:
        if isinstance(stop, str) and stop:
            text = text.partition(stop)[0]
    limits = [chat.option("max_tokens"), chat.option("max_completion_tokens")]
    if "length" in script:
        limits.append(int(script.number("length")))
    limit = min((limit for limit in limits if limit is not None), default=None)
    short = text if limit is None else tokens.shorten(text, limit)
    return short, "stop" if short == text else "length"


def _thoughts(chat: Chat, script: Play) -> str:
    tour = "tour" in script and chat.option("enable_thinking") is not False and chat.model.thinking != "never"
    if chat.partial or not (chat.thinks or tour):
        return ""
    text = (
        THOUGHTS
        if tour
        else (
            f"The question has {len(chat.question):,} characters and comes as turn {len(chat.users)}. "
            "A simulator has nothing to think about, but a model of this name would think first: these words stand in "
            "for its reasoning. Now the answer."
        )
    )
    return tokens.shorten(text, chat.option("thinking_budget", 10**7))


def _received(chat: Chat, script: Play) -> str:
    """The usual answer: everything that came with the question, and that its context is there."""
    blocks = [SIMULATOR + " It cannot answer, but it shows what it received.", _facts(chat)]
    blocks += [f"`sandbox: {word}` is nothing that the sandbox knows; ask it for `help`." for word in script.unknown]
    blocks.append(f"Your question begins: {_quoted(script.rest or chat.question)}")
    blocks += _context(chat)
    if chat.seen:
        blocks.append("Attached:\n\n" + "\n".join(f"{n}. {_attached(seen)}" for n, seen in enumerate(chat.seen, 1)))
    blocks += [f"The tool says: {_quoted(message.text)}" for message in tool_messages(chat)]
    chosen = {name: value for name, value in chat.options.items() if name not in UNSEEN and value is not None}
    if chosen:
        lines = (f"- `{name}`: `{_shown(value)}`" for name, value in sorted(chosen.items()))
        blocks.append("Options:\n\n" + "\n".join(lines))
    blocks.append("Ask `help` for what else the sandbox can do.")
    return "\n\n".join(blocks) + "\n"


def _facts(chat: Chat) -> str:
    roles = Counter(message.role for message in chat.messages)
    protocol = "OpenAI-compatible" if chat.protocol == "compatible" else "DashScope native"
    rows = {
        "model": f"`{chat.name}`",
        "protocol": protocol,
        "messages": f"{len(chat.messages)} ({', '.join(f'{count} {role}' for role, count in roles.items())})",
        "turn": str(len(chat.users)),
        "thinking": "on" if chat.thinks else "off",
        "tools": ", ".join(f"`{tool['function']['name']}`" for tool in chat.option("tools", [])),
    }
    lines = (f"| {name} | {value} |" for name, value in rows.items() if value)
    return "\n".join(("| received | |", "|---|---|", *lines))


def _context(chat: Chat) -> list[str]:
    systems = [message.text for message in chat.messages if message.role == "system" and not message.names_files]
    answers = [message.text for message in chat.messages if message.role == "assistant" and message.text]
    lines = [f"The system message begins: {_quoted(text)}" for text in systems]
    if len(chat.users) > 1:
        lines.append(f"Your previous question was: {_quoted(play(chat.users[-2].text).rest or chat.users[-2].text)}")
    if answers:
        lines.append(f"The previous answer began: {_quoted(answers[-1])}")
    return lines


def _attached(seen: Seen) -> str:
    size = "" if seen.size is None else f"{seen.size:,} bytes"
    name, digest = seen.name and f"`{seen.name}`", seen.sha256 and f"sha256 `{seen.sha256}`"
    return ", ".join(filter(None, (f"{seen.kind} {name}".strip(), seen.note, size, digest)))


def _in_json(chat: Chat) -> dict[str, Any]:
    """The usual answer, for whoever wants JSON of any form."""
    return {
        "simulator": True,
        "model": chat.name,
        "messages": len(chat.messages),
        "turn": len(chat.users),
        "question": " ".join(chat.question.split())[:FIRST_WORDS],
        "attachments": [{"kind": seen.kind, "size": seen.size, "sha256": seen.sha256} for seen in chat.seen],
    }


def _call_tools(chat: Chat, script: Play) -> tuple[SandboxToolCall, ...]:
    return tuple(_tool_call(number, tool, chat, script) for number, tool in enumerate(wanted_tools(chat, script)))


def _tool_call(number: int, tool: Mapping[str, Any], chat: Chat, script: Play) -> SandboxToolCall:
    """A call of a tool, with examples for its arguments, or with the defect that the prompt asks for."""
    found = example(tool.get("parameters", {}), script.rest or chat.question)
    if "call-misfit" in script:
        found = {"no_such_argument": [number]}
    arguments = json.dumps(found, ensure_ascii=False)
    if "call-broken" in script:
        arguments = arguments[: max(1, len(arguments) // 2)]
    name = "no_such_tool" if "call-unknown" in script else tool["name"]
    digest = sha256(f"{len(chat.messages)}{number}{name}{arguments}".encode()).hexdigest()
    return SandboxToolCall(f"call_{digest[:22]}", name, arguments)


def _pages(chat: Chat) -> tuple[Mapping[str, Any], ...]:
    """What a search would have found; the service tells its sources when it is asked for them."""
    wanted = chat.option("enable_search") is True and chat.option("search_options", {}).get("enable_source") is True
    if not wanted:
        return ()
    return tuple(
        {
            "index": index,
            "title": f"A page that the sandbox made up ({index})",
            "url": f"https://example.com/{index}",
            "site_name": "example.com",
            "icon": "",
        }
        for index in (1, 2)
    )


def _help_text(chat: Chat, script: Play) -> str:
    rows = (f"| `sandbox: {item.word}{item.number and ' ' + item.number}` | {item.effect} |" for item in DIRECTIVES)
    table = "\n".join(("| line in the prompt | what happens |", "|---|---|", *rows))
    intro = (
        "It speaks both protocols of the service, checks a request as the service would, and shows what it received."
    )
    return f"{SIMULATOR} {intro} Lines like these, each on its own, tell it what to play:\n\n{table}\n"


def _long_text(chat: Chat, script: Play) -> str:
    length = int(script.number("long"))
    lines = (LOREM.format(number) for number in range(1, length // len(LOREM) + 2))
    return f"{SIMULATOR}\n\n{''.join(lines)}"[:length]


def _changed_cell(chat: Chat) -> str:
    """The first block of code of the question with one line more, and words around it."""
    marks, source = _first_block(chat.question)
    line = f"# The sandbox has read {source.count(chr(10)) + 1} lines."
    return f"{SIMULATOR} It corrects nothing, and adds a line:\n\n{marks}python\n{source}\n{line}\n{marks}\n"


def _first_block(text: str) -> tuple[str, str]:
    """The fence of the first block of code, and what is in it."""
    lines = iter(text.split("\n"))
    opening = next((line for line in lines if line.startswith("```")), "```")
    marks = opening[: len(opening) - len(opening.lstrip("`"))]
    return marks, "\n".join(takewhile(lambda line: line != marks, lines))


def _code_text(chat: Chat, script: Play) -> str:
    """Blocks of code that can be run, with words around them that should not be."""
    asked = next(iter((script.rest or chat.question).split("\n")))
    blocks = [f"```python\nquestion = {asked[:FIRST_WORDS]!r}\nlen(question.split())\n```"]
    blocks += [
        f"```python\n# part {number}\nquestion.title()\n```" for number in range(2, int(script.number("code")) + 1)
    ]
    return "\n\n".join([f"{SIMULATOR} This is code all the same:", *blocks, "It counts the words of the question."])


def _quoted(text: str) -> str:
    """The first words of a text on one line, in quotation marks that markdown leaves alone."""
    line = " ".join(text.split())
    short = line if len(line) <= FIRST_WORDS else line[:FIRST_WORDS] + "…"
    return f"“{short}”"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("`", "'")[:FIRST_WORDS]


TEXTS: Mapping[str, Callable[[Chat, Play], str]] = {
    "help": _help_text,
    "tour": lambda chat, script: TOUR,
    "echo": lambda chat, script: script.rest,
    "code": _code_text,
    "long": _long_text,
    "html": lambda chat, script: HARM,
}
