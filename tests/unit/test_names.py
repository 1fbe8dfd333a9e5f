"""One name for one thing: what a reader finds by a class's or a file's name is the only one of that name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping

from support.paths import PACKAGE, TESTS

# File names that stand in two folders, each with the reason.
SAME_FILES = {
    "__init__.py": "Python's name for a package",
}
# Public classes of the same name, each with the reason.
SAME_CLASSES: dict[str, str] = {}

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# What IPython calls by its name.
HOOKS = {"__init__.py: load_ipython_extension", "__init__.py: unload_ipython_extension"}


def test_no_file_name_stands_in_two_folders() -> None:
    places = defaultdict(list)
    for path in PACKAGE.rglob("*"):
        if path.suffix in (".py", ".js"):
            places[path.name].append(path.relative_to(PACKAGE).as_posix())
    assert repeated(places, SAME_FILES) == {}
    assert set(SAME_FILES) <= set(repeated(places)), "no longer in two folders: take it out of the list"


def test_no_two_files_of_tests_have_the_same_name() -> None:
    """pytest takes the second one for the first, and collects neither."""
    places = defaultdict(list)
    for path in TESTS.rglob("test_*.py"):
        places[path.name].append(path.relative_to(TESTS).as_posix())
    assert repeated(places) == {}


def test_no_class_name_is_used_for_two_things() -> None:
    places = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path.relative_to(PACKAGE).as_posix())
    assert repeated(places, SAME_CLASSES) == {}
    assert set(SAME_CLASSES) <= set(repeated(places)), "no longer used twice: take it out of the list"


def repeated(places: Mapping[str, list[str]], allowed: Iterable[str] = ()) -> dict[str, list[str]]:
    return {name: sorted(where) for name, where in places.items() if len(where) > 1 and name not in set(allowed)}


def test_a_name_without_an_underscore_is_for_other_modules() -> None:
    """Functions and classes: whatever only its own module uses begins with an underscore, all else is in `__all__`."""
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        public = [each.name for each in body if isinstance(each, DEFINITIONS) and not each.name.startswith("_")]
        lists = [each for each in body if is_all(each)]
        exported = {text.value for each in lists for text in ast.walk(each) if isinstance(text, ast.Constant)}
        wrong += [f"{path.relative_to(PACKAGE).as_posix()}: {name}" for name in public if name not in exported]
    assert set(wrong) == HOOKS


def is_all(node: ast.stmt) -> bool:
    """Whether a statement gives or extends `__all__`, also within `if` and `try`."""
    return any(isinstance(each, ast.Name) and each.id == "__all__" for each in ast.walk(node))
