"""The Chinese of this package's errors and notes: all have it, none is left over, and the values stay as they are."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from qwen_magic.rendering.i18n.chinese import in_chinese
from support.paths import PACKAGE
from unit.test_layers import LAYERS, dotted, folder, sources

from qwen_magic.assistant import answer_builder, assistant, request_builder
from qwen_magic.core import errors
from qwen_magic.core.errors import QwenError
from qwen_magic.protocols import compatible

PHRASES: dict[str, str] = json.loads((PACKAGE / "rendering" / "i18n" / "chinese.json").read_text(encoding="utf-8"))

# What the other surfaces refuse (an option, a command, a template in a cell) is said in a cell or in a terminal, where
# nobody knows of a browser's language. The panel never passes through them: it stands beside them.
SURFACES = {*LAYERS["surfaces"]} - {"panel"}
# A model is downloaded after a question in a cell, and nowhere else.
DOWNLOADS = ("downloads", "download_sources")

VALUE = "{}"
# Two values that touch cannot be told apart: `404 Not Found` is one.
TOUCHING = re.compile(r"\{\}( ?\{\})+")
# A variable that holds something like this is a part of the sentence; what holds no words is a value.
WORDS = re.compile("[A-Za-z] ")
# As many names as `difflib` finds near ones.
MOST_NAMES = 3


class Source:
    """Reads from the source of a module what its errors say, with `{}` for every value that is put in.

    `names` are those of the module, `function` is where we are. All that a sentence may be is found: both arms of a
    conditional, variables and constants that hold words, what a function returns that is called for a sentence.
    """

    def __init__(self, names: Mapping[str, Any], function: ast.FunctionDef | None = None) -> None:
        self.names = names
        self.function = function

    def errors(self, node: ast.AST) -> Iterator[str]:
        """What the errors say that are made in `node`."""
        if isinstance(node, ast.FunctionDef):
            self = Source(self.names, node)
        yield from (TOUCHING.sub(VALUE, text) for text in self.made(node) if text.strip(" {}"))
        for child in ast.iter_child_nodes(node):
            yield from self.errors(child)

    def made(self, node: ast.AST) -> Iterator[str]:
        match node:
            case ast.Call(_, [ast.Starred(ast.Subscript(_, ast.Constant("refused")))]):
                pass  # passed on from the process that reads a file: read where the task refuses
            case ast.Call(called, arguments, named) if error := self.error(called):
                by_name = {str(each.arg): each.value for each in named}
                yield from self.given(error, inspect.signature(error).bind_partial(*arguments, **by_name).arguments)
            case ast.Raise(ast.Name("error")):
                pass
            case ast.Raise(ast.Name() as name) if error := self.error(name):
                yield from self.given(error, {})
            case ast.Tuple([*_, before, remedy]) if self.error(before):  # a row of the tables of `error_mapping`
                yield from self.english(remedy)

    def given(self, error: type[QwenError], given: Mapping[Any, ast.expr]) -> Iterator[str]:
        defaults = inspect.signature(error).parameters
        for name in ("happened", "remedy"):
            match given.get(name):
                case None:
                    yield escaped(defaults[name].default)
                case ast.Call(ast.Name() as called) if inspect.isfunction(function := self.value(called)):
                    yield from returned(function)
                case sentence:
                    found, source = self.english(sentence), ast.unparse(sentence)
                    # The one remedy that is not known where it is used comes from the tables of `error_mapping`.
                    assert found != {VALUE} or source == "remedy", f"cannot be read here: {source}"
                    yield from found

    def error(self, node: ast.expr) -> type[QwenError] | None:
        """The class that an expression names; a variable called `error` holds one of the service's."""
        if isinstance(node, ast.Name) and node.id == "error":
            return errors.ServiceError
        found = self.value(node)
        return found if isinstance(found, type) and issubclass(found, QwenError) else None

    def value(self, node: ast.expr) -> Any:
        """What stands behind a name of the module."""
        match node:
            case ast.Name(name):
                return self.names.get(name)
            case ast.Attribute(of, name):
                return getattr(self.value(of), name, None)
        return None

    def english(self, node: ast.expr) -> set[str]:
        match node:
            case ast.Constant(str(text)):
                return {escaped(text)}
            case ast.JoinedStr(parts):
                return combined(*map(self.put_in, parts))
            case ast.BinOp(left, ast.Add(), right):
                return combined(self.english(left), self.english(right))
            case ast.IfExp(_, one, other):
                return self.english(one) | self.english(other)
            case ast.BoolOp(_, values):
                return set().union(*map(self.english, values))
            case ast.Call(ast.Attribute(ast.JoinedStr() as text, "replace")):
                return self.english(text)
            case ast.Name(name) if found := set().union(*self.assigned(name)):
                return found
        value = self.value(node)
        return {escaped(value)} if isinstance(value, str) else {VALUE}

    def put_in(self, part: ast.expr) -> set[str]:
        """What a part of an f-string may be."""
        match part:
            case ast.FormattedValue(ast.Call(ast.Attribute(ast.Constant(str(between)), "join"))) if between.strip(", "):
                return {between.join([VALUE] * names) for names in range(1, MOST_NAMES + 1)}
            case ast.FormattedValue(value, -1, None):
                found = self.english(value)
                return found if any(map(WORDS.search, found)) else {VALUE}
            case ast.Constant():
                return self.english(part)
        return {VALUE}

    def assigned(self, name: str) -> Iterator[set[str]]:
        """What a variable of the function may be: what it is set to, or runs through in a table of the module."""
        for node in ast.walk(self.function) if self.function else ():
            match node:
                case ast.Assign([ast.Name(target)], value) if target == name:
                    yield self.english(value)
                case ast.For(ast.Tuple(targets), table):
                    for at, column in enumerate(targets):
                        if isinstance(column, ast.Name) and column.id == name:
                            yield {escaped(row[at]) for row in self.value(table) or ()}


def returned(function: Callable[..., Any]) -> Iterator[str]:
    """The sentences that a function may return."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(tree, ast.FunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value:
            yield from Source(inspect.unwrap(function).__globals__, tree).english(node.value)


def combined(*parts: set[str]) -> set[str]:
    return set(map("".join, product(*parts)))


def escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def said() -> dict[str, str]:
    """All that the errors of the package say, and where."""
    found: dict[str, str] = {}
    for path in sources():
        if folder(dotted(path)) not in SURFACES and path.stem not in DOWNLOADS:
            names = vars(errors) | vars(importlib.import_module(f"qwen_magic.{dotted(path)}"))
            texts = Source(names).errors(ast.parse(path.read_text(encoding="utf-8")))
            found |= dict.fromkeys(texts, path.relative_to(PACKAGE).as_posix())
    return found


def noted() -> dict[str, str]:
    """All notes on how a question was asked and answered, and where. They begin with a small letter or a value."""
    found: dict[str, str] = {}
    for module in (request_builder, assistant, answer_builder, compatible):
        source = Source(vars(module))
        for node in plain_strings(ast.parse(inspect.getsource(module))):
            texts = {TOUCHING.sub(VALUE, text) for text in source.english(node)}
            found |= {text: module.__name__ for text in texts if WORDS.search(text) and not text[0].isupper()}
    return found


def plain_strings(node: ast.AST) -> Iterator[ast.expr]:
    """The strings in `node`, but for docstrings and what errors say."""
    match node:
        case ast.JoinedStr() | ast.Constant(str()):
            yield node
        case ast.Expr(ast.Constant()) | ast.Raise():
            return
        case _:
            for child in ast.iter_child_nodes(node):
                yield from plain_strings(child)


def filled(template: str) -> tuple[str, list[str]]:
    """A template with a value in each place, and the values."""
    values = [f"<{number}>" for number in range(template.count(VALUE))]
    return template.format(*values), values


def test_all_that_is_said_has_its_chinese_and_no_chinese_is_left_over() -> None:
    refused, notes = said(), noted()
    assert len(notes) > 5
    texts = refused | notes
    assert not {text: where for text, where in texts.items() if text not in PHRASES}, "no entry in chinese.json"
    assert not PHRASES.keys() - texts.keys(), "nothing says this any more"


def test_each_error_is_found_with_all_its_values() -> None:
    for template, expected in PHRASES.items():
        english, values = filled(template)
        chinese = in_chinese(english)
        assert chinese == expected.format(*values)
        assert all(chinese.count(value) == 1 for value in values), template


def test_the_chinese_is_set_as_chinese_is() -> None:
    """Full-width punctuation behind Chinese, and a space between it and other letters, values among them."""
    han, other, stop = "[\u4e00-\u9fff]", "[A-Za-z0-9{}%]", "[，。；：！？（）、]"
    wrong = re.compile(f"{han}[,.;:!?()]|{han}{other}|{other}{han}| {stop}|{stop} ")
    assert not [chinese for chinese in PHRASES.values() if wrong.search(chinese) and "崩溃{}" not in chinese]


def test_values_stay_as_they_are_whatever_is_in_them() -> None:
    assert in_chinese("There is no file 没有 {} (1).txt.") == "没有文件 没有 {} (1).txt。"
    assert in_chinese("No connection to a:1 (two\nlines).") == "无法连接到 a:1（two\nlines）。"
    assert in_chinese("There is no file a is empty.") == "没有文件 a is empty。"


@pytest.mark.parametrize("text", ["", "Model access denied.", "There is no", "is empty", "(){}[" * 100_000])
def test_what_is_none_of_ours_has_no_chinese(text: str) -> None:
    assert in_chinese(text) == ""
