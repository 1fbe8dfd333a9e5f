"""The code of an answer, as the sources of cells: in the kernel's language, in order, without prose and prompts.

Python is checked: what does not parse is commented out. Nothing is executed. Not for where the code goes.
"""

from __future__ import annotations

import ast
import doctest
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..core.code_blocks import code_blocks
from ..core.languages import translated
from ..core.translatable import _

if TYPE_CHECKING:
    from IPython.core.inputtransformer2 import TransformerManager

__all__ = ["PYTHON", "cells_of"]

PYTHON = "python"

# Tags of Python that Pygments has for something else, or not at all.
_PYTHON_TAGS = {
    "jupyter",
    "notebook",
    "py-console",
    "python-repl",
    "pyrepl",
    "python2",
    "py2",
    "python3.11",
    "python3.12",
}
_PYTHON_LEXERS = {"PythonLexer", "PythonConsoleLexer", "Python2Lexer"}

# What IPython's prompts look like to Python: `In [3]: x` annotates an item of `In`.
_PROMPT_NAMES = ("In", "Out")

# What compiling foreign text can raise beside SyntaxError: null characters, halves of characters, deep nesting, and
# IPython where it has transformed too many lines.
_UNREADABLE = (ValueError, RecursionError, MemoryError, RuntimeError)


def cells_of(answer: str, language: str = PYTHON, *, each: bool = False) -> tuple[str, ...]:
    """The code of an answer in markdown: all of it as the source of one cell, or as one cell for `each` block.

    `language` is the kernel's, as its `language_info` names it. Python is what is tagged so; in an answer without such
    a tag, what has no tag and parses. Empty for an answer without code.
    """
    sources = [source for source in _blocks_of(answer, language) if source.strip()]
    if language == PYTHON:
        sources = [_checked(source, alone=each or len(sources) == 1) for source in sources]
    return tuple(sources) if each or not sources else ("\n\n".join(sources),)


def _blocks_of(answer: str, language: str) -> list[str]:
    """The source of each block of code in the language."""
    blocks = code_blocks(answer)
    tagged = [block for block in blocks if block.language and _is_language(block.language, language)]
    if language != PYTHON:
        return [_trimmed(block) for block in tagged]
    if tagged:
        return [_without_prompts(block) for block in tagged]
    # A model that was asked for nothing but code may leave out the fence.
    untagged = [block for block in blocks if not block.language] if blocks else [answer]
    return [source for source in map(_without_prompts, untagged) if _acts(source)]


def _is_language(tag: str, language: str) -> bool:
    """Whether a fence's tag names the language: two names are the same language if Pygments reads them alike."""
    tag, language = tag.casefold(), language.casefold()
    if tag == language or (language == PYTHON and tag in _PYTHON_TAGS):
        return True
    found = _lexer_name(tag)
    if language == PYTHON:
        return found in _PYTHON_LEXERS or found.startswith("IPython")
    return bool(found) and found == _lexer_name(language)


def _lexer_name(tag: str) -> str:
    """The name of Pygments' lexer for a tag; empty where it has none."""
    from pygments.lexers import find_lexer_class_by_name  # type: ignore[import-untyped]  # it has no types
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]  # it has no types

    with suppress(ClassNotFound):
        return str(find_lexer_class_by_name(tag).__name__)
    return ""


def _checked(source: str, *, alone: bool) -> str:
    """Python's source as it may be inserted; `alone` is whether it is all that is in its cell."""
    if not alone and source.startswith("%%"):
        return _commented(_("A cell magic needs a cell of its own: --code=each makes one."), source)
    error = _error_in(source)
    if error is None:
        return source
    return _commented(_("This code does not parse ({error}), so it is commented out.", error=error), source)


def _commented(reason: str, source: str) -> str:
    """The source as a comment, below a line with the reason."""
    lines = (translated(reason), *source.split("\n"))
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _error_in(source: str) -> str | None:
    """What is wrong with the source of a cell, in Python's words; `None` where nothing is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in strings, which are still code
            compile(_transformed(source), "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        place = translated(_("line {number}", number=error.lineno)) + ": " if error.lineno else ""
        return f"{place}{error.msg}"
    except _UNREADABLE as error:
        return " ".join(str(error).split()) or type(error).__name__
    return None


def _acts(source: str) -> bool:
    """Whether the source is code that does something: no prose, and no output that happens to be an expression."""
    tree = _parsed(source)
    return tree is not None and any(map(_is_action, tree.body))


def _parsed(source: str) -> ast.Module | None:
    """The source of a cell as Python reads it once its magics are calls; `None` if it does not parse.

    A prompt does not, and neither does a line that asks for help: prose with a question mark would be one.
    """
    from IPython.core.inputtransformer2 import HelpEnd, PromptStripper

    manager = _transformers()
    manager.token_transformers.remove(HelpEnd)
    manager.cleanup_transforms = [each for each in manager.cleanup_transforms if not isinstance(each, PromptStripper)]
    with suppress(SyntaxError, *_UNREADABLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(manager.transform_cell(source))
    return None


def _transformed(source: str) -> str:
    """The source as IPython hands it to Python: magics and `!` are calls."""
    return _transformers().transform_cell(source)


def _transformers() -> TransformerManager:
    """IPython's, without those that a notebook's extensions have added."""
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()


def _is_action(statement: ast.stmt) -> bool:
    """Whether a statement is more than an expression that is only shown."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Call | ast.Await)
    return not _is_prompt(statement)


def _is_prompt(statement: ast.stmt) -> bool:
    """Whether a statement is a line of an IPython session, read as Python."""
    target = statement.target if isinstance(statement, ast.AnnAssign) else None
    named = target.value if isinstance(target, ast.Subscript) else None
    return isinstance(named, ast.Name) and named.id in _PROMPT_NAMES


def _without_prompts(source: str) -> str:
    """The code of a block that may be a session: without its prompts, and without what it printed."""
    from IPython.core.inputtransformer2 import leading_indent

    source = "".join(leading_indent(_trimmed(source).splitlines(keepends=True)))
    tree = _parsed(source)
    if tree is not None and not any(map(_is_prompt, tree.body)):
        return source
    stripped = "".join(_cleaned(source.splitlines(keepends=True)))
    typed = _trimmed("\n".join(_typed_in(source)))
    if not typed:
        return _trimmed(stripped)
    # A model may put a prompt before its first line only: what follows is code then, and not what was printed.
    shown = "\n".join(_minus(stripped.splitlines(), typed.splitlines()))
    tree = _parsed(shown)
    whole = tree is not None and any(_is_action(each) and not isinstance(each, ast.Expr) for each in tree.body)
    return _trimmed(stripped) if whole else typed


def _cleaned(lines: list[str]) -> list[str]:
    """The lines as IPython takes them when they are pasted: without prompts and without their indentation."""
    transforms: Any = _transformers().cleanup_transforms
    for transform in transforms:
        lines = transform(lines)
    return lines


def _typed_in(session: str) -> Iterator[str]:
    """What was typed in a session of Python, as doctest reads it, or of IPython, as its lexer does."""
    with suppress(ValueError):
        for example in doctest.DocTestParser().get_examples(session):
            yield example.source.rstrip("\n")
    if re.search(r"^[ \t]*In \[\d+\]:", session, re.MULTILINE):
        from pygments.lexers import get_lexer_by_name
        from pygments.token import Generic  # type: ignore[import-untyped]  # it has no types

        tokens = get_lexer_by_name("ipythonconsole").get_tokens(session)
        yield "".join(text for kind, text in tokens if kind not in Generic)


def _minus(lines: Iterable[str], others: list[str]) -> Iterator[str]:
    """The lines without the others, which stand among them in the same order."""
    left = iter(others)
    following = next(left, None)
    for line in lines:
        if following is not None and line.rstrip() == following.rstrip():
            following = next(left, None)
        else:
            yield line


def _trimmed(source: str) -> str:
    """The source without empty lines around it."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", source).rstrip()
