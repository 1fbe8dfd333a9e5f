"""Every regular expression of the package takes time in proportion to what it reads, also when that is made for it.

The patterns are found in the source, so that a new one is covered too. Of each, its own parse gives strings that get it
as far as to one of its repetitions, and what it repeats there: such strings, repeated, are its worst inputs.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import qwen_magic

# The parser of `re` has no public name.
from re import _constants as ops, _parser  # type: ignore[attr-defined]  # isort: skip

PACKAGE = Path(qwen_magic.__file__).parent
METHODS = ("search", "match", "fullmatch", "findall", "finditer", "sub", "subn", "split")
# Repetitions with fewer turns than this cannot take long.
MANY = 200
SIZES = (16, 24, 64, 400, 2_000)
# What is quicker, in seconds, is lost in the noise.
QUICK = 0.002
# Between what is linear, 2 and 4, and what grows with the square of the size, 4 and 16.
STEEP_AT_TWICE, STEEP_AT_FOUR_TIMES = 3.0, 8.0
EVERYWHERE = "a0 \n\t-_./<"


@dataclass(frozen=True)
class Use:
    """A pattern, and the method that it is used with."""

    name: str
    pattern: re.Pattern[Any]
    method: str


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages([str(PACKAGE)], "qwen_magic."):
        if not found.name.endswith("__main__"):
            yield found.name


def patterns_in(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The compiled patterns in a value, and in the tuples, lists and mappings that it is made of."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, dict) and depth < 3:
        for key, item in value.items():
            yield from patterns_in(item, f"{name}[{key!r}]", depth + 1)
    elif isinstance(value, tuple | list) and depth < 3:
        for number, item in enumerate(value):
            yield from patterns_in(item, f"{name}[{number}]", depth + 1)


def methods_of(name: str, source: str) -> set[str]:
    """How a module uses the constant that it calls so."""
    return set(re.findall(rf"\b{re.escape(name)}\.({'|'.join(METHODS)})\b", source))


def written(path: Path) -> Iterator[Use]:
    """The patterns that are written where they are used, as in `re.sub(r"\\s+", " ", text)`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("re.") in METHODS and node.args:
            first, flags = node.args[0], [*node.args[2:], *(each.value for each in node.keywords)]
            known = sum(getattr(re, word) for each in flags for word in re.findall(r"re\.([A-Z]+)", ast.unparse(each)))
            if ast.unparse(node.func).startswith("re.") and isinstance(first, ast.Constant):
                yield Use(
                    f"{path.stem}:{node.lineno}", re.compile(first.value, known), ast.unparse(node.func)[len("re.") :]
                )


def uses() -> list[Use]:
    """Every pattern with every method that it is used with; where nobody can tell, with the one that costs most."""
    found = {(use.pattern, use.method): use for path in sorted(PACKAGE.rglob("*.py")) for use in written(path)}
    named: dict[re.Pattern[Any], str] = {}
    for name in modules():
        module = importlib.import_module(name)
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        for constant, value in vars(module).items():
            for inner, pattern in patterns_in(value, constant):
                named.setdefault(pattern, f"{name}.{inner}")
                for method in methods_of(constant, source):
                    found.setdefault((pattern, method), Use(f"{name}.{inner}", pattern, method))
    used = {pattern for pattern, _ in found}
    rest = [Use(name, pattern, "search") for pattern, name in named.items() if pattern not in used]
    return sorted([*found.values(), *rest], key=lambda use: (use.name, use.method))


# --- the worst inputs


def members(items: Sequence[Any]) -> Callable[[str], bool]:
    """Whether a character is in a set, as the parser of `re` describes it."""
    tests: dict[Any, Callable[[str], bool]] = {
        ops.CATEGORY_DIGIT: str.isdigit,
        ops.CATEGORY_NOT_DIGIT: lambda c: not c.isdigit(),
        ops.CATEGORY_SPACE: str.isspace,
        ops.CATEGORY_NOT_SPACE: lambda c: not c.isspace(),
        ops.CATEGORY_WORD: lambda c: c.isalnum() or c == "_",
        ops.CATEGORY_NOT_WORD: lambda c: not (c.isalnum() or c == "_"),
    }

    def one(char: str) -> bool:
        for kind, value in items:
            if (
                (kind is ops.LITERAL and ord(char) == value)
                or (kind is ops.RANGE and value[0] <= ord(char) <= value[1])
                or (kind is ops.CATEGORY and tests[value](char))
            ):
                return True
        return False

    return (lambda char: not one(char)) if items and items[0][0] is ops.NEGATE else one


def from_set(items: Sequence[Any]) -> str:
    inside = members(items)
    listed = [
        chr(value if kind is ops.LITERAL else value[0]) for kind, value in items if kind in (ops.LITERAL, ops.RANGE)
    ]
    return next((char for char in (*EVERYWHERE, *listed, *map(chr, range(33, 127))) if inside(char)), "\u4e00")


def sample(tokens: Iterable[Any]) -> str:
    """A string that the pattern takes, or nearly."""
    return "".join(map(piece, tokens))


def piece(token: Any) -> str:
    kind, value = token
    if kind is ops.LITERAL:
        return chr(value)
    if kind is ops.NOT_LITERAL:
        return "a" if value != ord("a") else "b"
    if kind is ops.ANY:
        return "a"
    if kind is ops.IN:
        return str(from_set(value))
    if kind is ops.BRANCH:
        return sample(value[1][0])
    if kind is ops.SUBPATTERN:
        return sample(value[3])
    if kind is ops.ATOMIC_GROUP:
        return sample(value)
    if kind is ops.ASSERT:
        return sample(value[1]) if value[0] > 0 else ""
    if kind in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        return sample(value[2]) * max(int(value[0]), 1)
    return ""


def repetitions(tokens: Sequence[Any], before: str = "") -> Iterator[tuple[str, str]]:
    """For each repetition without a narrow bound: what leads to it, and what it repeats."""
    for token in tokens:
        kind, value = token
        inner: list[Any] = []
        if kind in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
            if value[1] >= MANY:
                yield before, sample(value[2])
            inner = [value[2]]
        elif kind is ops.BRANCH:
            inner = value[1]
        elif kind is ops.SUBPATTERN:
            inner = [value[3]]
        elif kind in (ops.ASSERT, ops.ASSERT_NOT):
            inner = [value[1]]
        elif kind is ops.ATOMIC_GROUP:
            inner = [value]
        for each in inner:
            yield from repetitions(each, before)
        before += piece(token)


def hostile(pattern: re.Pattern[Any]) -> Iterator[Callable[[int], str]]:
    """Inputs of any length: a beginning, something again and again, and an end that spoils it."""
    tokens = _parser.parse(pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1"))
    found = sorted(set(repetitions(tokens)))
    if not found:
        return
    whole = sample(tokens)
    beginnings = dict.fromkeys(["", *(before for before, _ in found)])
    letters = {char for before, turn in found for char in before + turn} | set(whole)
    units = dict.fromkeys(
        [each for before, turn in found for each in (turn, before + turn, before)]
        + [whole]
        + sorted(letters.union(EVERYWHERE))
    )
    for begin, unit, end in product(beginnings, filter(None, units), ("", "\0")):
        yield lambda size, begin=begin, unit=unit, end=end: begin + unit * (size // len(unit) + 1) + end  # type: ignore[misc]  # the values of this turn


def seconds(use: Use, text: str) -> float:
    """The processor's time of one call. That of this thread: others of this process are not measured."""
    given: Any = text if isinstance(use.pattern.pattern, str) else text.encode("latin-1", "replace")
    run = getattr(use.pattern, use.method)
    begun = time.thread_time()
    if use.method == "finditer":
        for _ in run(given):
            pass
    elif use.method in ("sub", "subn"):
        run(given[:0], given)
    else:
        run(given)
    return time.thread_time() - begun


def measurable(use: Use, build: Callable[[int], str]) -> int:
    """A size at which the call takes long enough to be measured; 0 where none does.

    Fails for a pattern whose time doubles with every character: twice the size would never end.
    """
    for size in SIZES:
        if seconds(use, build(size)) > 50 * QUICK:
            assert size >= SIZES[-2], f"{use.pattern.pattern!r} takes for ever with {build(size)!r}"
            return size
    return size if min(seconds(use, build(size)) for _ in range(2)) >= QUICK else 0


def growth(use: Use, build: Callable[[int], str], size: int, times: int) -> float:
    """The time for so many times the size, as a multiple. Both sizes take turns: a busy moment meets both."""
    runs = [[seconds(use, build(each)) for each in (size, times * size)] for _ in range(3)]
    short, long = (min(run[size] for run in runs) for size in (0, 1))
    return long / max(short, 1e-9)


def refuse_steep(use: Use, build: Callable[[int], str]) -> None:
    """Fails where the time grows faster than the size, in two measures: the second reaches further, and decides."""
    size = measurable(use, build)
    if size and growth(use, build, size, 2) > STEEP_AT_TWICE:
        grown = min(growth(use, build, size, 4) for _ in range(2))
        assert grown <= STEEP_AT_FOUR_TIMES, f"{use.pattern.pattern!r} takes {grown:.1f} × for 4 × {build(40)!r}"


def refuse_all_steep(use: Use) -> None:
    for build in hostile(use.pattern):
        refuse_steep(use, build)


@pytest.mark.parametrize("use", uses(), ids=lambda use: f"{use.name}.{use.method}")
def test_a_pattern_takes_time_in_proportion_to_what_it_reads(use: Use) -> None:
    refuse_all_steep(use)


# Patterns that this package had; the last one takes for ever.
@pytest.mark.parametrize(("source", "flags"), [(r"^kind:\s*Config\b(?=.*^\s*token:)", re.M | re.S), (r"(a+)+b", 0)])
def test_the_measure_finds_what_is_steep(source: str, flags: int) -> None:
    use = Use("", re.compile(source, flags), "search")
    with pytest.raises(AssertionError, match="takes"):
        refuse_all_steep(use)


@pytest.mark.parametrize("source", [r"<title[^<>]*>", r"\s+"])
def test_the_measure_passes_what_is_linear(source: str) -> None:
    refuse_all_steep(Use("", re.compile(source), "search"))
