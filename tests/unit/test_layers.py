"""The rule of the house: imports point down only. This file is the map."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "qwen_magic"

# From the top down. A module may import from its own layer and from those below; a folder is one module here.
LAYERS = {
    "surfaces": (
        *("__init__", "asking", "autosave", "cells", "cli", "commands", "completer", "extension", "idle", "magics"),
        *("displayed", "doctor", "options", "panel", "prompts", "question_marks", "relay", "traits"),
    ),
    "flow": ("assistant", "store", "provider", "interrupts", "planning", "question", "reply", "settings"),
    "notebook": ("answer", "attachments", "conversations", "rendering"),
    "service": ("client", "credentials", "deadlines", "endpoints", "files", "hosting", "local", "sandbox", "transport"),
    "wire": ("protocols",),
    "values": ("_version", "controls", "errors", "events", "forks", "messages", "models", "tokens"),
}
HEIGHT = {module: -height for height, modules in enumerate(LAYERS.values()) for module in modules}

# On Colab only, where it is always there.
NOT_ON_THE_INDEX = {"google"}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def home(path: Path) -> str:
    """The module of the map that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> Iterator[tuple[str, ...]]:
    """The dotted names that a file imports, in full, wherever in the file that is."""
    package = ("qwen_magic", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            named = tuple(node.module.split(".")) if node.module else ()
            yield from ((*above, *named, alias.name) for alias in node.names)


def inner(path: Path) -> set[str]:
    """The modules of the map that a file imports, but for its own."""
    found = {name[1] for name in imported(path) if name[0] == "qwen_magic" and len(name) > 1}
    return {module if module in HEIGHT else "__init__" for module in found} - {home(path)}


def outer(path: Path) -> set[str]:
    """The packages of others that a file imports."""
    return {name[0] for name in imported(path)} - {"qwen_magic", "__future__"} - set(sys.stdlib_module_names)


def test_every_module_has_a_place() -> None:
    assert {home(path) for path in sources()} <= set(HEIGHT), "say in LAYERS where the new module lives"


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path: Path) -> None:
    up = {module for module in inner(path) if HEIGHT[module] > HEIGHT[home(path)]}
    assert not up, f"{home(path)} must not know of {', '.join(sorted(up))}"


def test_values_need_nothing_but_the_standard_library() -> None:
    needed = {path.name: outer(path) for path in sources() if home(path) in LAYERS["values"]}
    assert not any(needed.values()), needed


def test_protocols_do_no_input_or_output() -> None:
    doors = {"asyncio", "http", "httpx2", "io", "os", "pathlib", "socket", "ssl", "threading"}
    used = {path.name: {name[0] for name in imported(path)} & doors for path in sources() if home(path) == "protocols"}
    assert not any(used.values()), used


def test_the_sandbox_is_not_the_client_turned_round() -> None:
    """It would agree with every mistake of ours."""
    for path in sources():
        if home(path) == "sandbox":
            assert inner(path) <= {"models"}, path.name


def test_every_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name: needs for name, needs in project["optional-dependencies"].items() if name not in ("lab", "test")}
    declared = {distribution(need) for needs in (project["dependencies"], *extras.values()) for need in needs}
    distributions = packages_distributions()
    needed = set().union(*map(outer, sources())) - NOT_ON_THE_INDEX
    found = {name: {canonical(each) for each in distributions.get(name, [name])} for name in needed}
    assert not {name for name, names in found.items() if not names & declared}


def distribution(requirement: str) -> str:
    return canonical(requirement.partition("[")[0].partition(">")[0])


def canonical(name: str) -> str:
    return name.strip().lower().replace("_", "-")
