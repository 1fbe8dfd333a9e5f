"""The code blocks of an answer, for whoever wants to run or save them.

Finding them takes a markdown parser, the one that renders answers, and a value in `core` cannot import it. So the
package's top, which is imported before anything in it, names the function that reads them.
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
    """Name the function that `code_blocks` reads with; the last one that was named is taken."""
    _readers[:] = [reader]


def code_blocks(markdown: str) -> tuple[CodeBlock, ...]:
    """The fenced code blocks of a markdown text, in order."""
    (reader,) = _readers
    return tuple(CodeBlock(source, language) for source, language in reader(markdown))
