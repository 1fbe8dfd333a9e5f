"""The notebooks of this repository: each runs from top to bottom, offline, and gives what it shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from support.kernels import clean_environment
from support.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# What differs from run to run: times, ports, ids. The outputs are compared after this.
SANITISE = r"""
[seconds]
regex: \b\d+(\.\d+)?\s?m?s\b
replace: SECONDS

[port]
regex: 127\.0\.0\.1:\d+
replace: 127.0.0.1:PORT

[request]
regex: \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b
replace: ID

[rate]
regex: \b\d+(\.\d+)? (tokens|characters)/s
replace: RATE

[address]
regex: 0x[0-9a-f]+
replace: ADDRESS
"""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_gives_what_it_shows(path: Path, tmp_path: Path) -> None:
    rules = tmp_path / "sanitise.cfg"
    rules.write_text(SANITISE, encoding="utf-8")
    # Of pytest's plugins only the one that is needed: others take seconds to load.
    environment = clean_environment(tmp_path) | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    options = (
        "-p",
        "nbval.plugin",
        "--nbval",
        f"--nbval-sanitize-with={rules}",
        "--nbval-current-env",
        "-p",
        "no:cacheprovider",
        "-q",
    )
    command = [sys.executable, "-m", "pytest", *options, f"--rootdir={tmp_path}", str(path)]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", errors="replace"
    )
    assert run.returncode == 0, run.stdout[-8_000:] + run.stderr[-2_000:]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_key_and_no_place_of_this_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    nbformat.validate(json.loads(text))
    assert str(Path.home()) not in text
    assert not re.search(r"\bsk-\w{4}", text)
