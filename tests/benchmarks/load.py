"""What `%load_ext` and the way to the first request cost, as ratios beside `import httpx2` and whatever peers are here.

    python tests/benchmarks/load.py [--runs RUNS]

CPU seconds for imports, because they do not depend on the disk's mood; wall-clock seconds from a kernel's beginning to
run the cell, as it says itself, until the request has arrived at a sandbox in another process. Each figure is the
median of RUNS (default 7) fresh processes, bytecode cached.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]

TIMED = """
import time
import ipykernel.zmqshell, IPython.core.interactiveshell as base
shell = base.InteractiveShell.instance()
begun = time.process_time()
{statement}
print(time.process_time() - begun)
"""

# Questions to one kernel; all but the first find everything imported.
QUESTIONS = 4
ROWS = {
    "import httpx2": "import httpx2",
    "%load_ext qwen_magic": "shell.run_line_magic('load_ext', 'qwen_magic')",
}
PEERS = ("openai", "dashscope", "chatlab", "chatlas", "jupyter_ai_magics")


def cpu(statement: str, runs: int) -> float:
    """Seconds of CPU that `statement` takes over an ipykernel in which nothing of it is imported yet."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-c", TIMED.format(statement=statement)]
    said = [subprocess.check_output(command, env=environment, encoding="utf-8") for _ in range(runs + 1)]
    return median(float(seconds) for seconds in said[1:])  # the first one writes the bytecode


def asking() -> tuple[float, float]:
    """Seconds until the first request of a kernel is there, and until the later ones are (their median)."""
    from support.kernels import running

    from qwen_magic.sandbox import Sandbox

    place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with Sandbox() as sandbox, place as folder, running(Path(folder)) as kernel:
        kernel.use(sandbox.compatible_url, sandbox.key)
        took = []
        for number in range(QUESTIONS):
            result = kernel.run(f"%%qwen\nQuestion {number}", cell_id=f"cell-{number}")
            begun = next(message.at for message in result.messages if message.type == "execute_input")
            took.append(sandbox.requests[-1].time - begun)
    return took[0], median(took[1:])


def main() -> None:
    sys.path.insert(0, str(ROOT / "tests"))
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=7)
    runs = options.parse_args().runs
    peers = {f"import {name}": f"import {name}" for name in PEERS if importlib.util.find_spec(name)}
    costs = {name: cpu(statement, runs) for name, statement in (ROWS | peers).items()}
    unit = costs["import httpx2"]
    print(f"{'CPU':<28}{'ms':>8}{'× import httpx2':>18}")
    for name, cost in costs.items():
        print(f"{name:<28}{cost * 1000:>8.1f}{cost / unit:>18.2f}")
    first, later = (median(column) for column in zip(*(asking() for _ in range(runs)), strict=True))
    print(f"\n{'cell run → request there':<28}{'ms':>8}")
    print(f"{'the first time':<28}{first * 1000:>8.1f}\n{'afterwards':<28}{later * 1000:>8.1f}")


if __name__ == "__main__":
    main()
