"""What a prompt can tell the sandbox to do: lines such as `sandbox: tour` or `sandbox: rate 20`.

    sandbox: WORD [NUMBER]

Each stands on a line of its own in the last question, as many as one likes; case does not matter. The table below is
the whole grammar, and the answer to a question that is just `help` is made from it. An unknown word is told back in
the answer. When a question is only continued (partial mode), what breaks answers off is left out, so that an answer
can be cut first and continued then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["DIRECTIVES", "LINE", "Directive", "Play", "play"]

LINE = re.compile(r"^[ \t]*sandbox:[ \t]*(?P<word>[\w-]+)(?:[ \t]+(?P<number>\d+(?:\.\d+)?))?[ \t]*$", re.I | re.M)


@dataclass(frozen=True, slots=True)
class Directive:
    """A word, what its number means, that number when none is given, and what happens."""

    word: str
    effect: str
    number: str = ""
    default: float = 0.0
    breaks: bool = False


# Where answers break off when nothing else is said, in characters of the answer.
MIDDLE = 40

DIRECTIVES = (
    Directive("help", "this list"),
    Directive("tour", "everything that markdown can hold, after some thinking; a tool call where tools are given"),
    Directive("echo", "the rest of the prompt, word for word"),
    Directive("code", "N blocks of Python, with words around them; without it, where code is asked for", "N", 1),
    Directive("long", "an answer of N characters", "N", 10_000),
    Directive("html", "markdown that tries to do harm: scripts, handlers, frames, remote images"),
    Directive("tool", "a call of the first tool that the request gives"),
    Directive("calls", "N calls of the tools at once, one after the other", "N", 2),
    Directive("call-rounds", "a call of a tool in each of N rounds", "N", 2),
    Directive("call-unknown", "a call of a tool that the request does not give"),
    Directive("call-misfit", "a call with arguments that the tool does not have"),
    Directive("call-broken", "a call whose arguments are cut in the middle"),
    Directive("call-mixed", "with calls: their pieces take turns"),
    Directive("call-no-index", "with calls: their pieces have no index"),
    Directive("call-zero-index", "with calls: every piece has the index 0"),
    Directive("length", "stops after N tokens with finish_reason `length`", "N", 16, breaks=True),
    Directive("json-ignore", "words in place of JSON, although JSON was asked for"),
    Directive("json-refuse", "HTTP 400 for a JSON schema as the form of the answer; with 2 for JSON mode, too", "N", 1),
    Directive("json-fence", "JSON in a fence, with words around it"),
    Directive("json-empty", "the first N times an empty answer in place of JSON", "N", 1),
    Directive("json-wrong", "the first N times JSON that does not fit its schema", "N", 1),
    Directive("json-rows", "N elements in the first list of the JSON", "N", 3),
    Directive("json-repeat", "the same JSON three times"),
    Directive("json-blank", "JSON that is never closed, and blanks without an end, while the form is more than words"),
    Directive("json-think", "thinking in front of the JSON, in the text of the answer"),
    Directive("rate", "N chunks a second (otherwise as fast as they are read)", "N", 20),
    Directive("stall", "N seconds of silence before the answer's first word", "N", 5, breaks=True),
    Directive("stall-mid", "N seconds of silence in mid-answer", "N", 5, breaks=True),
    Directive("silent", "takes the request and never answers", breaks=True),
    Directive("cut", "the connection breaks after N characters", "N", MIDDLE, breaks=True),
    Directive("stop-early", "the stream ends in good order after N characters, but without its end", "N", MIDDLE, True),
    Directive("error-mid", "an error inside the stream after N characters", "N", MIDDLE, breaks=True),
    Directive("filter-mid", "the content filter stops the answer after N characters", "N", MIDDLE, breaks=True),
    Directive("no-usage", "no token counts"),
    Directive("no-done", "no `[DONE]` at the end (it has no meaning in the native protocol)"),
    Directive("ping", "comments between the events, as some servers send them to keep a connection open"),
    Directive("garbage", "HTTP 200 with something that is not a stream of events", breaks=True),
    Directive("login-page", "HTTP 200 with a page of HTML, as a hotel's network answers", breaks=True),
    Directive("429", "the first N attempts of a request: too many requests", "N", 1, breaks=True),
    Directive("retry-after", "with 429, 500 and 503: names a wait of N seconds", "N", 1),
    Directive("retry-after-date", "the same as a date that lies N seconds ahead", "N", 1),
    Directive("500", "the first N attempts: internal error (without N: always)", "N", 0, breaks=True),
    Directive("502", "the first N attempts: a proxy's page in HTML (without N: always)", "N", 0, breaks=True),
    Directive("503", "the first N attempts: no capacity (without N: always)", "N", 0, breaks=True),
    Directive("reset", "the first N attempts: the connection breaks before any answer", "N", 1, breaks=True),
    Directive("sse-400", "HTTP 400 whose body is framed as a stream", breaks=True),
    Directive("filter", "HTTP 400: the content filter stops the question", breaks=True),
    Directive("arrears", "HTTP 400: the account is overdue", breaks=True),
    Directive("unpaid", "HTTP 429: the plan is overdue, where trying again is pointless", breaks=True),
    Directive("quota", "HTTP 429: too many tokens", breaks=True),
    Directive("denied", "HTTP 403: the account may not use the model", breaks=True),
    Directive("free-tier", "HTTP 403: the free tier is used up", breaks=True),
)
BY_WORD = {directive.word: directive for directive in DIRECTIVES}


@dataclass(frozen=True, slots=True)
class Play:
    """What a prompt told the sandbox: the words and their numbers, the words it does not know, and the rest."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    rest: str = ""

    def __contains__(self, word: object) -> bool:
        return word in self.numbers

    def number(self, word: str) -> float:
        return self.numbers.get(word, 0.0)

    def first(self, *words: str) -> str | None:
        """The first of these words that the prompt has."""
        return next((word for word in words if word in self.numbers), None)


def play(prompt: str, *, continued: bool = False) -> Play:
    """Reads a prompt. `continued` leaves out what would break the answer off (again)."""
    numbers: dict[str, float] = {}
    unknown = []
    for match in LINE.finditer(prompt):
        directive = BY_WORD.get(match["word"].lower())
        if directive is None:
            unknown.append(match["word"])
        elif not (continued and directive.breaks):
            numbers[directive.word] = float(match["number"]) if match["number"] else directive.default
    rest = LINE.sub("", prompt).strip("\n") if LINE.search(prompt) else prompt
    if rest.strip().lower() in ("help", "help!", "help?", "帮助"):
        numbers["help"] = 0.0
    return Play(numbers, tuple(unknown), rest)
