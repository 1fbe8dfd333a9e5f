"""Every benchmark still finds what it imports, and explains its arguments. None is measured here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", BENCHMARKS, ids=lambda script: script.stem)
def test_a_benchmark_explains_its_arguments(script: Path) -> None:
    shown = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("usage:")


def test_none_hides_a_module_of_the_standard_library_from_those_beside_it() -> None:
    assert not {script.stem for script in BENCHMARKS} & set(sys.stdlib_module_names)
