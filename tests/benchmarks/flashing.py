"""How often an answer shows, while it grows, a marker that will vanish: `**`, a backtick, `](` with half a URL.

    python tests/benchmarks/flashing.py [FOLDER] [--chunk CHARACTERS] [--most DOCUMENTS] [--examples N]

The answers are the .md files of FOLDER, or without one the descriptions of the installed distributions. Each arrives in
chunks, and every chunk is a frame. In a frame, the words of the open end are laid beside those of the finished blocks
that it becomes: a marker in the first that is not in the second will vanish. Prints the share of the frames with any,
with each one, and what part of the text that had arrived was not shown yet.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.metadata import distributions
from pathlib import Path

from qwen_magic.rendering.markdown import Blocks
from qwen_magic.rendering.parser import html_blocks, normalised

MARKERS = ("](", "[", "**", "*", "__", "_", "`", "~", "$", "\\(", "\\)", "\\[", "\\]", "<http", "<br")
GOAL = 3


class Shown(HTMLParser):
    """The text of HTML; formulas are without what is around them for the typesetter."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self._in_formula = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_formula = "math" in (dict(attrs).get("class") or "")

    def handle_endtag(self, tag: str) -> None:
        self._in_formula = False

    def handle_data(self, data: str) -> None:
        self.text += data[2:-2] if self._in_formula else data


def readmes(folder: str | None) -> Iterator[str]:
    if folder:
        yield from (path.read_text(encoding="utf-8") for path in sorted(Path(folder).rglob("*.md")))
        return
    for found in sorted(distributions(), key=lambda one: one.metadata["Name"].lower()):
        if (found.metadata["Description-Content-Type"] or "").startswith("text/markdown"):
            yield (found.read_text("METADATA") or "").partition("\n\n")[2] or found.metadata["Description"] or ""


def vanishing(frame: str, final: str) -> set[str]:
    """The markers of `frame` that are not where it ends in `final`."""
    shown = iter(range(len(final)))
    end = 0
    for char in filter(str.isalnum, frame):
        end = next((place + 1 for place in shown if final[place].isalnum()), len(final))
        if end == len(final) or final[end - 1] != char:
            break
    rest = re.match(r"[\W_]*", final[end:])
    before = final[: end + rest.end()] if rest else final[:end]
    return {marker for marker in MARKERS if frame.count(marker) > before.count(marker)}


def frames(text: str, chunk: int) -> Iterator[tuple[set[str], int, str]]:
    """For each frame: what will vanish of it, how many characters it lacks, and how it ends."""
    final = list(html_blocks(normalised(text), {}))
    blocks, count, tail, append = Blocks(), 0, "", ""
    rest, rest_of = "", -1
    arrived = 0
    for start in range(0, len(text), chunk):
        blocks.feed(text[start : start + chunk])
        patch = blocks.patch()
        count = patch.base + len(patch.blocks)
        append = patch.append if patch.tail is not None else append + patch.append
        tail = tail if patch.tail is None else patch.tail
        if rest_of != count:
            rest, rest_of = Shown("".join(final[count:])).text, count
        shown = Shown(tail).text.rstrip("\n") + append
        yield vanishing(shown, rest), arrived, shown[-60:]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", nargs="?")
    options.add_argument("--chunk", type=int, default=10)
    options.add_argument("--most", type=int, default=50)
    options.add_argument("--examples", type=int, default=0)
    chosen = options.parse_args()
    total, bad, each, documents = 0, 0, Counter[str](), 0
    for text in readmes(chosen.folder):
        if documents == chosen.most or not text:
            continue
        documents += 1
        for markers, _, end in frames(text[:20_000], chosen.chunk):
            total += 1
            bad += bool(markers)
            each.update(markers)
            if markers and chosen.examples:
                chosen.examples -= 1
                print(sorted(markers), repr(end), flush=True)
    print(f"{total:,} frames of {documents} documents in chunks of {chosen.chunk} characters")
    print(f"with a marker that will vanish: {100 * bad / total:.1f} % (goal: at most {GOAL} %)")
    for marker, count in each.most_common():
        print(f"  {marker:<6}{100 * count / total:>6.2f} %")


if __name__ == "__main__":
    main()
