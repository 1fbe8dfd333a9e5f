"""What colours cost at worst, for every lexer that Pygments has: code that no program has, made to be slow.

    python tests/benchmarks/lexers.py [--characters N] [--lexer NAME …] [--all]

Each piece of code repeats a few characters with which comments, strings, tags or blanks begin. It is coloured as a
code block of an answer would be, in a process of its own that is given up after PATIENCE seconds, at the largest size
that its lexer is given. Most pieces are too quick at a small part of that size to be slow at all of it, even if they
took time with the cube of their length: they are not measured at all of it. Prints the lexers that take longer than
they are allowed (`--all` prints all of them), each with its worst code; then how many do.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

from pygments.lexers import get_all_lexers  # type: ignore[import-untyped]  # it has no types

from qwen_magic.rendering.highlight import (
    ALLOWED,
    ALLOWED_PER_CHARACTER,
    MEASURED,
    MOST_CHARACTERS,
    MOST_OF_OTHERS,
    code_html,
    lexer_of,
)

# Seconds for one piece of code.
PATIENCE = 20
# Times what is allowed: the deadline is looked at between two tokens.
TOO_SLOW = 1.5
# What is measured first: so small a part of a code, and what is too quick there to matter even as the cube of it.
PART, CUBE = 4, 3

LINE = 900
ONE_LINE = (
    *("a", "1", " ", "(", "[", "{", "<", '"', "'", "`", "\\", "/", "*", "-", "=", "#", "$", ":", ".", "@", "%"),
    *("a ", "a.", "a,", "a:", "a=", "(a", "<a ", "{{", "{%", "[[", "${", "$(", "/*", "--", "<!--", "<?", '"a', "\\a"),
)
LINES = (
    *("\n", " \n", "\t\n", "a\n", " a\n", "a \n", "a\n\n", "# a\n", "/*\n", "<!--\n", '"""\n', "'''\n", "{\n", "(\n"),
    *("<a\n", "a:\n", "- a\n", "a = \n", "=begin\n", "<<a\n", "@a\n", "#if\n", "\\\n", "a\\\n", "[[\n", "<?\n", "%{\n"),
)


def hostile(characters: int) -> Iterator[tuple[str, str]]:
    """Code of so many characters, and what it repeats: within lines of a length that is given to lexers, and beyond."""
    yield from ((piece, piece * (characters // len(piece))) for piece in (*ONE_LINE, *LINES))
    for piece in (*ONE_LINE, *LINES):
        # No run of blanks is as long as what is refused.
        broken = piece * (180 // len(piece)) + "x"
        line = (broken * (LINE // len(broken)) + "\n") if "\n" not in piece else broken
        yield f"{piece}, broken", line * (characters // len(line))


def work(connection: Connection) -> None:
    """Colour what comes, and say how long it took, until nothing comes."""
    while True:
        name, source = connection.recv()
        lexer_of(name)
        code_html("a = 1\n", name)
        began = time.process_time()
        code_html(source, name)
        connection.send(time.process_time() - began)


class Worker:
    """A process that colours code, and is replaced when it takes too long."""

    def __init__(self) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=work, args=(theirs,), daemon=True)
        self._process.start()

    def seconds(self, name: str, source: str) -> float:
        self._connection.send((name, source))
        if self._connection.poll(PATIENCE):
            return float(self._connection.recv())
        self.stop()
        self.__init__()  # type: ignore[misc]  # the next one begins anew
        return float(PATIENCE)

    def stop(self) -> None:
        self._process.kill()
        self._process.join()


def worst(worker: Worker, name: str, characters: int) -> tuple[float, str]:
    """The seconds that the lexer takes for its worst code of so many characters, and what that code repeats.

    0 when every code is quick.
    """
    part, whole = dict(hostile(characters // PART)), dict(hostile(characters))
    slow = [piece for piece, code in part.items() if worker.seconds(name, code) * PART**CUBE > allowed(characters)]
    return max(((worker.seconds(name, whole[piece]), piece) for piece in slow), default=(0.0, ""))


def allowed(characters: int) -> float:
    """Seconds that so much code may take."""
    return ALLOWED + ALLOWED_PER_CHARACTER * characters


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--characters", type=int, help="of one code; by default what the lexer is given at most")
    options.add_argument("--lexer", nargs="+", default=[aliases[0] for _, aliases, _, _ in get_all_lexers() if aliases])
    options.add_argument("--all", action="store_true")
    chosen = options.parse_args()
    worker, slow = Worker(), 0
    for name in chosen.lexer:
        most = MOST_CHARACTERS if lexer_of(name).name in MEASURED else MOST_OF_OTHERS
        characters = chosen.characters or most
        seconds, code = worst(worker, name, characters)
        ratio = seconds / allowed(characters)
        slow += ratio > TOO_SLOW
        if chosen.all or ratio > TOO_SLOW:
            print(f"{name:<24}{characters:>8,} characters {seconds:>6.2f} s  × {ratio:>5.1f}  {code!r}", flush=True)
    worker.stop()
    print(f"{slow} of {len(chosen.lexer)} lexers take more than {TOO_SLOW} times what they are allowed.")


if __name__ == "__main__":
    main()
