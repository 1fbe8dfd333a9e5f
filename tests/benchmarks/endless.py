"""What answers cost that no model should give and some model will: brackets, endless lines, deep nesting.

    python tests/benchmarks/endless.py [--chunk CHARACTERS]

Each answer arrives in chunks (default 100 characters), and every chunk is shown, as the live view would with all the
time in the world. Prints a table: characters, CPU seconds, microseconds a character beside those of ordinary markdown,
characters sent to the page for each one that arrived, and how both grow when the answer is twice as long (2 is linear).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from qwen_magic.rendering.markdown import Blocks

TESTS = Path(__file__).resolve().parents[1]
ORDINARY = "ordinary markdown"


@dataclass(frozen=True)
class Cost:
    """`cpu` is in seconds, the others in characters."""

    cpu: float
    arrived: int
    sent: int


def cost(text: str, chunk: int) -> Cost:
    """What it takes to show every chunk of `text`."""
    blocks, sent = Blocks(), 0
    began = time.process_time()
    for start in range(0, len(text), chunk):
        blocks.feed(text[start : start + chunk])
        patch = blocks.patch()
        sent += sum(map(len, patch.blocks)) + len(patch.tail or "") + len(patch.append)
    sent += sum(map(len, blocks.close().blocks))
    return Cost(time.process_time() - began, len(text), sent)


def main() -> None:
    sys.path.insert(0, str(TESTS))
    from support.long_answers import LONG
    from support.paths import CORPUS

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--chunk", type=int, default=100)
    chunk = options.parse_args().chunk
    corpus = "\n".join(path.read_text(encoding="utf-8") for path in sorted(CORPUS.glob("*.md")))
    kinds: dict[str, tuple[Callable[[int], str], int]] = {ORDINARY: (lambda n: corpus * n, 24), **LONG}
    print(f"{'':<22}{'chars':>9}{'CPU s':>8}{'µs/char':>9}{'× ordinary':>12}{'sent/char':>11}{'CPU ×':>8}{'sent ×':>8}")
    usual = 0.0
    for kind, (make, times) in kinds.items():
        half, whole = cost(make(times // 2), chunk), cost(make(times), chunk)
        each = whole.cpu / whole.arrived
        usual = usual or each
        print(
            f"{kind:<22}{whole.arrived:>9,}{whole.cpu:>8.2f}{each * 1e6:>9.1f}{each / usual:>12.2f}"
            f"{whole.sent / whole.arrived:>11.1f}{whole.cpu / half.cpu:>8.2f}{whole.sent / max(1, half.sent):>8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
