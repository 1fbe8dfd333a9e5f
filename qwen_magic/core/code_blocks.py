"""The code blocks of an answer, for programs that run or save them.

Finding them takes the markdown parser that renders answers, which `core` must not import. So `qwen_magic/__init__.py`,
which is imported first, registers the function that reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["CodeBlock", "code_blocks", "read_fences_with"]

# Text in, the source and the language of each fenced block out.
_FenceReader = Callable[[str], Iterable[tuple[str, str]]]

# Set once, when the package is imported, and the same for every shell.
_readers: list[_FenceReader] = []


class CodeBlock(str):
    """The source of a code block, as a string that knows its `language` (as the fence names it; may be empty)."""

    language: str

    def __new__(cls, source: str, language: str = "") -> CodeBlock:
        block = super().__new__(cls, source)
        block.language = language
        return block


def read_fences_with(reader: _FenceReader) -> None:
    """Register the function that `code_blocks` uses; a later call replaces it."""
    _readers[:] = [reader]


def code_blocks(markdown: str) -> tuple[CodeBlock, ...]:
    """The fenced code blocks of a markdown text, in order."""
    (reader,) = _readers
    return tuple(CodeBlock(source, language) for source, language in reader(markdown))
