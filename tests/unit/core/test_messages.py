"""The catalogues: every message of the package is in each of them, with its values, and nothing else is.

What to do about a failure is said in it; the command that it names brings the catalogues up to date.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Message
from support.messages import KEYWORDS, PACKAGE, WORD_TABLE, catalogue, in_source, languages, singular, word_table

from qwen_magic.core import errors
from qwen_magic.core import languages as known
from qwen_magic.rendering.page_words import EXTENSION

# Chinese with other letters beside it has a space between them; its punctuation is full-width, with none.
HAN, OTHER, STOP = "[\u4e00-\u9fff]", "[A-Za-z0-9{}%]", "[，。；：！？（）、]"
# These values are Chinese, or none, themselves.
CHINESE = re.compile(r"\{(first|second|what|who|how|said|happened|source|gone|key_page|kind)\}")
WRONGLY_SET = re.compile(f"{HAN}[,.;:!?()]|{HAN}{OTHER}|{OTHER}{HAN}| {STOP}|{STOP} ")
COMMAND = "`.venv/bin/python tests/support/messages.py`"


def ids(language: str) -> set[str]:
    return {singular(message) for message in catalogue(language) if message.id}


def source() -> dict[str, Message]:
    return {singular(message): message for message in in_source() if message.id}


def places(template: str) -> set[tuple[str, str, str]]:
    return {(name, form or "", how or "") for _, name, form, how in Formatter().parse(template) if name is not None}


def strings(message: Message) -> tuple[str, ...]:
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ())


@pytest.fixture(params=languages())
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_each_catalogue_is_offered_as_a_language() -> None:
    assert set(languages()) | {known.ENGLISH} == set(known.LANGUAGES)


def test_every_message_is_translated(language: str) -> None:
    missing = source().keys() - ids(language)
    where = [f"{text!r} ({source()[text].locations[0][0]})" for text in sorted(missing)]
    assert not missing, f"new messages: run {COMMAND}, and write their {language} into the catalogue: {where}"
    empty = sorted(singular(message) for message in catalogue(language) if message.id and not all(strings(message)))
    assert not empty, f"write the {language} of these into qwen_magic/locale/{language}/…/qwen_magic.po: {empty}"


def test_no_translation_is_left_over(language: str) -> None:
    left = ids(language) - source().keys()
    assert not left, f"nothing says this any more: run {COMMAND}, which takes it out: {sorted(left)}"
    assert not catalogue(language).obsolete, f"run {COMMAND}, which takes out what is commented out"


def test_the_extension_of_jupyterlab_has_the_words_of_the_catalogues() -> None:
    assert WORD_TABLE.read_text(encoding="utf-8") == word_table(), f"run {COMMAND}"
    used = "".join(path.read_text(encoding="utf-8") for path in sorted(WORD_TABLE.parent.glob("*.js")))
    said = re.findall(r'\bsay\("(\w+)"(?:, \{(.*?)\})?\)', used)
    assert {key for key, _ in said} == set(EXTENSION)
    for key, values in said:
        given = {value.split(":")[0].strip() for value in values.split(",") if value}
        assert given == {name for name, *rest in places(EXTENSION[key])}, key


def test_no_translation_is_a_guess(language: str) -> None:
    fuzzy = sorted(singular(message) for message in catalogue(language) if message.id and message.fuzzy)
    assert not fuzzy, f"check the {language} of these, and take out `fuzzy`: {fuzzy}"


def test_translations_have_the_values_of_their_messages(language: str) -> None:
    """Also in the same format: `{count:,}` stays `{count:,}`."""
    wrong = [
        (singular(message), text)
        for message in catalogue(language)
        if message.id
        for text in strings(message)
        if text and places(text) != places(message.id if isinstance(message.id, str) else message.id[1])
    ]
    assert not wrong, "the {places} of a translation differ from those of its message"


def test_singular_and_plural_have_the_same_values() -> None:
    forms = [message.id for message in in_source() if isinstance(message.id, tuple)]
    named = [[{name for name, *rest in places(form)} - {"count"} for form in each] for each in forms]
    assert all(one == many for one, many in named)


def test_the_catalogue_that_is_read_at_run_time_is_the_one_that_babel_reads(language: str) -> None:
    by_babel = {singular(message): strings(message)[0] for message in catalogue(language) if message.id}
    assert known.catalogue(language) == by_babel


def test_babel_finds_every_message() -> None:
    """It looks for literals: not for variables, and not into f-strings."""
    missed = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(ast.Name(name), [first, *_]) if name in KEYWORDS and not isinstance(first, ast.Name):
                    if not isinstance(first, ast.Constant) or first.value not in source():
                        missed.append((path.relative_to(PACKAGE).as_posix(), node.lineno, ast.unparse(node)))
    assert not missed, "give _() a literal, outside of f-strings"


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_path(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def assigned(path: Path) -> dict[str, list[tuple[ast.expr, Path]]]:
    """What is assigned to each name anywhere in a module, and where that is written: a constant may be imported."""
    found: dict[str, list[tuple[ast.expr, Path]]] = {}
    package = ".".join(path.relative_to(PACKAGE.parent).parts[:-1])
    for node in ast.walk(tree(path)):
        match node:
            case ast.Assign(targets, value):
                for target in targets:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, []).append((value, path))
            case ast.AnnAssign(ast.Name(name), _, ast.expr() as value) | ast.NamedExpr(ast.Name(name), value):
                found.setdefault(name, []).append((value, path))
            case ast.ImportFrom(module, names, level) if level:
                source = module_path(resolve_name("." * level + (module or ""), package))
                if source.is_file():
                    for each in names:
                        found.setdefault(each.asname or each.name, []).append((ast.Name(each.name), source))
    return found


def bare(node: ast.expr, path: Path, seen: frozenset[object] = frozenset()) -> Iterator[str]:
    """The texts in `node` that no catalogue can translate; arguments and results of functions are not followed."""
    match node:
        case ast.Constant(str(text)) if text:
            yield ast.unparse(node)
        case ast.JoinedStr() | ast.BinOp() | ast.Call(ast.Attribute(ast.Constant(str()))):
            yield ast.unparse(node)
        case ast.IfExp(_, yes, no):
            yield from [*bare(yes, path, seen), *bare(no, path, seen)]
        case ast.BoolOp(_, values):
            yield from (text for value in values for text in bare(value, path, seen))
        case ast.Call(ast.Name("sentences" | "listed" | "applied"), values):
            yield from (text for value in values for text in bare(value, path, seen))
        case ast.Name(name) if (name, path) not in seen:
            for value, where in assigned(path).get(name, []):
                yield from bare(value, where, seen | {(name, path)})


def is_error(name: str, classes: dict[str, list[str]]) -> bool:
    """Whether a class is one of the package's exceptions: those of `core.errors`, and what is derived from them."""
    named = vars(errors).get(name)
    if isinstance(named, type):
        return issubclass(named, (errors.QwenError, errors.Stopped))
    return any(is_error(base, classes) for base in classes.get(name, []) if base != name)


def test_every_error_can_be_translated() -> None:
    """Wherever one is made: with `_()`, with what is made of such messages, or with what a function was given."""
    paths = sorted(PACKAGE.rglob("*.py"))
    nodes = [(path, node) for path in paths for node in ast.walk(tree(path))]
    classes = {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for _, node in nodes
        if isinstance(node, ast.ClassDef)
    }
    wrong = []
    for path, node in nodes:
        match node:
            case ast.Call(ast.Name(name) | ast.Attribute(_, name), arguments, keywords) if is_error(name, classes):
                sentences = [*arguments, *(each.value for each in keywords if each.arg in ("happened", "remedy"))]
                found = [text for sentence in sentences for text in bare(sentence, path)]
                wrong += [f"{path.relative_to(PACKAGE).as_posix()}:{node.lineno}: {text}" for text in found]
    assert not wrong, "make each a message: _('…'), with values as keywords (core/translatable.py)"


def test_no_function_has_another_use_for_the_name() -> None:
    """`for _ in …` makes `_` a variable of the function, and `_(…)` there a call of a number."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        tables = [symtable.symtable(path.read_text(encoding="utf-8"), path.name, "exec")]
        while tables:
            table = tables.pop()
            tables += table.get_children()
            if table.get_type() == "function" and "_" in table.get_identifiers():
                name = table.lookup("_")
                if name.is_local() and name.is_referenced():
                    found.append(f"{path.name}: {table.get_name()}")
    assert not found, "give the loop's variable a name"


def test_chinese_is_set_as_chinese_is() -> None:
    """Full-width punctuation behind Chinese, and a space between it and other letters, values among them."""
    texts = {text for message in catalogue("zh_CN") if message.id for text in strings(message)}
    cells = {cell for text in texts for cell in re.split(" {2,}|\n", text)}  # of the tables of a help screen
    assert not sorted(cell for cell in cells if WRONGLY_SET.search(CHINESE.sub("文", cell.replace("{last_words}", ""))))
