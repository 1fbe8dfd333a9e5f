"""Where models and running engines are kept: in the system's cache, or where QWEN_MAGIC_CACHE says."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["VARIABLE", "engines", "models"]

VARIABLE = "QWEN_MAGIC_CACHE"


def models() -> Path:
    """The folder of the models that were downloaded."""
    return cache() / "models"


def engines() -> Path:
    """The folder of what is known of running engines, their keys among it: nobody else may look into it."""
    folder = cache() / "engines"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def cache() -> Path:
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("qwen_magic", appauthor=False)
