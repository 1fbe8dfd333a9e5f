"""Where things are: the checkout, the package, and the captured streams that may lie beside the checkout."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CAPTURES", "CORPUS", "PACKAGE", "ROOT", "TESTS"]

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
PACKAGE = ROOT / "qwen_magic"
CORPUS = TESTS / "support" / "corpus"
# Real streams of the service and of local servers; not part of this repository.
CAPTURES = ROOT.parent / "shared" / "captures"
