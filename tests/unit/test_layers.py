"""Imports point down only, file by file, and never in a circle. This file is the map of the package."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from support.paths import PACKAGE, ROOT

# From the top down: a file may import from its own layer and from those below.
LAYERS = {
    "surfaces": ("__init__", "api", "cli", "doctor", "magics", "panel", "relay"),
    "flow": ("assistant", "mapping", "tools"),
    "notebook": ("attachments", "code_cells", "conversations", "rendering", "structured"),
    "service": ("local", "provider", "sandbox", "service"),
    "wire": ("protocols",),
    "values": ("_version", "core"),
}
HEIGHT = {module: -height for height, modules in enumerate(LAYERS.values()) for module in modules}

# On Colab only, where it is always there.
NOT_ON_THE_INDEX = {"google"}

# A module that is named by a string, for `import_module`: `Deferred("live", …)`, or a table of public names.
NAMED = re.compile(r"(\.*)([a-z_]+(?:\.[a-z_]+)*)")


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, without the package's own."""
    return {dotted(path): path for path in sources()}


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def folder(module: str) -> str:
    """The entry of `LAYERS` that a module belongs to."""
    return module.partition(".")[0]


@cache
def imported(path: Path) -> tuple[tuple[str, ...], ...]:
    """The dotted names that a file imports, in full, wherever that is in it, also for types alone."""
    return tuple(imports(path))


def imports(path: Path) -> Iterator[tuple[str, ...]]:
    package = ("qwen_magic", *path.relative_to(PACKAGE).parts[:-1])
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            named = tuple(node.module.split(".")) if node.module else ()
            yield from ((*above, *named, alias.name) for alias in node.names)
    if "import_module(" in ast.unparse(tree):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and (name := NAMED.fullmatch(node.value)):
                yield (*package[: len(package) - max(len(name[1]) - 1, 0)], *name[2].split("."))


def inner(path: Path) -> set[str]:
    """The modules of the package that a file imports. A name of a package's `__init__` counts as that package."""
    found = set()
    for name in imported(path):
        if name[0] == "qwen_magic":
            parts = name[1:]
            known = (".".join(parts[:length]) for length in range(len(parts), -1, -1))
            found.add(next((each for each in known if each in modules()), ""))
    return found - {dotted(path), ""}


def outer(path: Path) -> set[str]:
    """The packages of others that a file imports."""
    return {name[0] for name in imported(path)} - {"qwen_magic", "__future__"} - set(sys.stdlib_module_names)


def test_every_folder_has_a_layer() -> None:
    assert {folder(module) for module in modules()} <= set(HEIGHT), "say in LAYERS where the new folder belongs"


@pytest.mark.parametrize("path", sources(), ids=dotted)
def test_imports_point_down(path: Path) -> None:
    here = HEIGHT[folder(dotted(path))]
    up = {module for module in inner(path) if HEIGHT[folder(module)] > here}
    assert not up, f"{dotted(path)} must not import {', '.join(sorted(up))}"


def test_no_file_imports_itself_through_others() -> None:
    refuse_circle({dotted(path): inner(path) for path in sources()})


def test_no_folder_imports_itself_through_others() -> None:
    graph: dict[str, set[str]] = {}
    for path in sources():
        here = folder(dotted(path))
        graph.setdefault(here, set()).update({folder(module) for module in inner(path)} - {here})
    refuse_circle(graph)


def refuse_circle(graph: Mapping[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(reversed(error.args[1]))}", pytrace=False)


def test_values_need_nothing_but_the_standard_library() -> None:
    assert not needed("values")


def needed(layer: str) -> dict[str, set[str]]:
    found = {dotted(path): outer(path) for path in sources() if folder(dotted(path)) in LAYERS[layer]}
    return {module: packages for module, packages in found.items() if packages}


def test_protocols_do_no_input_or_output() -> None:
    doors = {"asyncio", "http", "httpx2", "io", "os", "pathlib", "socket", "ssl", "threading"}
    used = {dotted(path): {name[0] for name in imported(path)} & doors for path in in_folder("protocols")}
    assert not any(used.values()), used


def in_folder(name: str) -> Iterable[Path]:
    return (path for path in sources() if folder(dotted(path)) == name)


def test_the_sandbox_is_not_the_client_turned_round() -> None:
    """It would agree with every mistake of ours."""
    shared = {"core.image_headers", "core.models"}
    for path in in_folder("sandbox"):
        assert {module for module in inner(path) if folder(module) != "sandbox"} <= shared, path.name


def test_every_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    others = ("examples", "lab", "test")  # for notebooks and tests: the package itself imports none of them
    extras = {name: needs for name, needs in project["optional-dependencies"].items() if name not in others}
    declared = {distribution(need) for needs in (project["dependencies"], *extras.values()) for need in needs}
    distributions = packages_distributions()
    found = set().union(*map(outer, sources())) - NOT_ON_THE_INDEX
    names = {name: {canonical(each) for each in distributions.get(name, [name])} for name in found}
    assert not {name for name, each in names.items() if not each & declared}


def distribution(requirement: str) -> str:
    return canonical(requirement.partition("[")[0].partition(">")[0])


def canonical(name: str) -> str:
    return name.strip().lower().replace("_", "-")
