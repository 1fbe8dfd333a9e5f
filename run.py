"""Sets everything up on a machine that has only Python, and runs it.

    python3 run.py notebook             opens notebooks/quickstart.ipynb in JupyterLab, against the offline sandbox
    python3 run.py notebook --headless  runs that notebook without a browser, and prints where its result is
    python3 run.py tests [ARGUMENTS]    runs all tests; the arguments are pytest's

What is needed is installed into .venv, beside this file, and nowhere else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
NOTEBOOK = ROOT / "notebooks" / "quickstart.ipynb"
RESULTS = ROOT / "build"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OLDEST = (3, 11)
# Each worker may have a kernel, an engine or a browser beside it.
MOST_WORKERS = 4


def main(arguments: list[str]) -> None:
    if sys.version_info < OLDEST:
        sys.exit(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}.")
    if arguments == ["notebook"]:
        install("examples")
        open_notebook()
    elif arguments == ["notebook", "--headless"]:
        install("examples")
        run_notebook()
    elif arguments[:1] == ["tests"]:
        install("test")
        run_tests(arguments[1:])
    else:
        sys.exit(__doc__)


def install(extra: str) -> None:
    """The package and its extra in .venv, unless they are there already."""
    stamp = VENV / f"installed-{extra}"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print(f"Installing into {VENV}; the first time this takes a few minutes …", flush=True)
    if not PYTHON.exists() and subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False).returncode:
        sys.exit("Python could not make a virtual environment (on Debian and Ubuntu: apt install python3-venv).")
    do("pip", "install", "--quiet", "--quiet", "--editable", f"{ROOT}[{extra}]")
    stamp.write_text(wanted, encoding="utf-8")


def open_notebook() -> None:
    print(f"The notebook asks the offline sandbox. {offer()}")
    print("JupyterLab opens in your browser; the address is also below. Ctrl-C ends it.", flush=True)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    do("jupyterlab", str(NOTEBOOK), *(["--allow-root"] if root else []))


def offer() -> str:
    """The way to a real Qwen on this machine, which needs no key."""
    check = [str(PYTHON), "-c", "import xllamacpp"]
    if subprocess.run(check, check=False, capture_output=True).returncode:
        return f"For a real Qwen on this machine: {PYTHON} -m pip install -e '.[local]', then %qwen use local."
    return "The local engine is installed: %qwen use local, in any cell, asks a real Qwen on this machine."


def run_notebook() -> None:
    run = RESULTS / NOTEBOOK.name
    do("nbconvert", "--execute", "--to=notebook", f"--output-dir={RESULTS}", str(NOTEBOOK))
    do("nbconvert", "--to=html", str(run))
    print(f"The notebook with its answers: {run}\nThe same as a page: {run.with_suffix('.html')}")


def run_tests(arguments: list[str]) -> None:
    if not any(map(shutil.which, BROWSERS)):
        print("There is no Chromium here: the tests in a real browser will be skipped.", flush=True)
    if not shutil.which("npm"):
        print(
            "There is no Node here: the tests of the page's JavaScript, and those with the markdown readers of other "
            "front-ends, will be skipped.",
            flush=True,
        )
    workers = min(os.cpu_count() or 1, MOST_WORKERS)
    # The tests of a file share a kernel, an engine or a browser.
    do("pytest", f"--numprocesses={workers}", "--dist=loadfile", *arguments)


def do(module: str, *arguments: str) -> None:
    """Run a module of the virtual environment; ends with it when it fails. Ctrl-C is for the module to answer."""
    process = subprocess.Popen([str(PYTHON), "-m", module, *arguments], cwd=ROOT)
    while process.returncode is None:
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()
    if process.returncode:
        sys.exit(process.returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
