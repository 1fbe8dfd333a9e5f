"""What `%load_ext` and the way to the first request cost, as ratios beside `import httpx` and whatever peers are here.

    python tests/benchmarks/load.py [RUNS]

CPU seconds for imports, because they do not depend on the disk's mood; wall-clock seconds from running the cell until
the request has arrived at a sandbox. Each figure is the median of RUNS (default 7) fresh processes, bytecode cached.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]

SHELL = """
import json, time, sys
import ipykernel.zmqshell, IPython.core.interactiveshell as base
shell = base.InteractiveShell.instance()
"""
TIMED = (
    SHELL
    + """
begun = time.process_time()
{statement}
print(json.dumps([time.process_time() - begun]))
"""
)
ASKING = (
    SHELL
    + """
from qwen_magic.sandbox import Sandbox
import os
sandbox = Sandbox().start()
os.environ["QWEN_API_KEY"] = sandbox.key
shell.run_line_magic("load_ext", "qwen_magic")
shell.run_line_magic("qwen", "use " + sandbox.compatible_url)
from contextlib import redirect_stdout
import io
took = []
for number in range(4):
    begun = time.time()
    with redirect_stdout(io.StringIO()):
        shell.run_cell_magic("qwen", "", f"Question {number}")
    took.append(sandbox.requests[-1].time - begun)
print(json.dumps([took[0], sorted(took[1:])[1]]))
"""
)

ROWS = {
    "import httpx": "import httpx",
    "%load_ext qwen_magic": "shell.run_line_magic('load_ext', 'qwen_magic')",
}
PEERS = ("openai", "dashscope", "chatlab", "chatlas", "jupyter_ai_magics")


def measured(code: str, runs: int) -> list[float]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    rows = []
    for _ in range(runs + 1):  # the first one writes the bytecode
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return [median(column) for column in zip(*rows[1:], strict=True)]


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    rows = dict(ROWS)
    rows |= {f"import {name}": f"import {name}" for name in PEERS if importlib.util.find_spec(name)}
    costs = {name: measured(TIMED.format(statement=statement), runs)[0] for name, statement in rows.items()}
    unit = costs["import httpx"]
    print(f"{'CPU':<28}{'ms':>8}{'× import httpx':>18}")
    for name, cost in costs.items():
        print(f"{name:<28}{cost * 1000:>8.1f}{cost / unit:>18.2f}")
    first, later = measured(ASKING, runs)
    print(f"\n{'cell run → request there':<28}{'ms':>8}")
    print(f"{'the first time':<28}{first * 1000:>8.1f}\n{'afterwards':<28}{later * 1000:>8.1f}")


if __name__ == "__main__":
    main()
