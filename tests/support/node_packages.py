"""The npm packages that a `package.json` names, installed once a version into the user's cache.

Without Node the tests that need them are skipped; with QWEN_MAGIC_REQUIRE_NODE set, they fail instead.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

__all__ = ["SOURCES", "installed", "node"]

SOURCES = Path(__file__).parent / "node"
CACHE = Path.home() / ".cache" / "qwen_magic-tests"


def node() -> str:
    """The path of Node."""
    found = shutil.which("node")
    return missing() if found is None else found


def installed(manifest: Path = SOURCES / "package.json") -> Path:
    """The folder that has the `node_modules` of `manifest` in it."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        missing()
    folder = CACHE / hashlib.sha256(manifest.read_bytes()).hexdigest()[:16]
    if folder.exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        shutil.copy(manifest, work)
        command = [str(npm), "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        subprocess.run(command, cwd=work, check=True, capture_output=True, timeout=600)
        try:
            Path(work).rename(folder)
        except OSError:  # another worker was faster
            if not folder.exists():
                raise
        else:
            Path(work).mkdir()
    return folder


def missing() -> NoReturn:
    message = "Node and npm are needed."
    if os.environ.get("QWEN_MAGIC_REQUIRE_NODE"):
        pytest.fail(message)
    pytest.skip(message)
