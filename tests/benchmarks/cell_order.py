"""What it costs to read the order of the cells from a large notebook, beside parsing all of it.

    python tests/benchmarks/cell_order.py [--megabytes 50]

`changed` is the first question after the notebook was saved, `unchanged` each one after it; both as CPU time.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from qwen_magic.magics.cells import CellOrder

OUTPUTS: dict[str, Callable[[], dict[str, Any]]] = {
    "pictures": lambda: {"image/png": b64encode(random.randbytes(300_000)).decode()},
    "numbers": lambda: {"application/json": [random.random() for _ in range(20_000)]},
    "lines of text": lambda: {"text/plain": [f"line {number}\n" for number in range(20_000)]},
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--megabytes", type=int, default=50)
    size = options.parse_args().megabytes * 1_000_000
    print(
        "| outputs | size | json.loads | changed | unchanged | json.loads / changed |\n|---|---:|---:|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory() as place:
        for name, output in OUTPUTS.items():
            path = Path(place) / "large.ipynb"
            path.write_text(notebook(output, size), encoding="utf-8")
            order = CellOrder(SimpleNamespace(user_ns={"__vsc_ipynb_file__": path}), Path(place))  # type: ignore[arg-type]  # all it asks a shell for
            parsed = seconds(lambda path=path: json.loads(path.read_bytes()))  # type: ignore[misc]  # bound at once
            changed, unchanged = seconds(order), seconds(order)
            times = f"{parsed:.3f} s | {changed:.3f} s | {unchanged * 1e6:.0f} µs | {parsed / changed:.0f}"
            print(f"| {name} | {path.stat().st_size / 1e6:.0f} MB | {times} |", flush=True)


def notebook(output: Callable[[], dict[str, Any]], size: int) -> str:
    """A notebook of about this size, as nbformat writes it."""
    cells: list[dict[str, Any]] = []
    written = 0
    while written < size:
        shown = {"output_type": "display_data", "metadata": {}, "data": output()}
        cell = {"id": f"{len(cells):08x}", "metadata": {}, "outputs": [shown], "source": []}
        cells.append({"cell_type": "code", "execution_count": 1} | cell)
        written += len(json.dumps(cells[-1], indent=1))
    whole = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, sort_keys=True) + "\n"


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
