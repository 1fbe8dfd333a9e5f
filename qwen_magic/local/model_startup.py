"""Prepares a local model: chooses it, checks that it fits, asks before a download.

Not for downloading (`downloads`) and running it (`engine_client`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from ..core.errors import ConfigurationError
from ..core.sizes import readable_size
from ..core.translatable import _
from ..service.credentials import Credentials
from .catalogue import CATALOGUE, VISION, LocalModel, choose, named
from .downloads import download, is_here, weights_of
from .engine_client import IDLE, LocalEngine
from .gguf import PROJECTOR
from .interaction import Confirm, Dialogue
from .memory import available

__all__ = ["engine", "projector_beside"]

# The names of llama.cpp's files end with how they are quantised.
QUANTISED = re.compile(r"[-_.](?:I?Q\d\w*|B?F16|F32|MXFP4)$", re.IGNORECASE)


def engine(wanted: str, credentials: Credentials, dialogue: Dialogue, idle: float = IDLE) -> LocalEngine:
    """The engine for a model; it does not run yet.

    Args:
        wanted: a file's path, a name of the table, `vision`, or "" for the best model that fits.
        credentials: gets the key of the engine.
        dialogue: confirms a download, and shows the progress of downloading and loading.
        idle: seconds without a question after which the engine stops.

    Raises:
        ConfigurationError: there is no such model, it does not fit, or it may not be downloaded.
        ConnectionFailed, NotTheService: the errors of `download`.
    """
    if find_spec("xllamacpp") is None:
        raise ConfigurationError(
            _("The engine for models on this machine is not installed."),
            _("pip install 'qwen_magic[local]', and try again."),
        )
    own = Path(wanted).expanduser()
    if own.suffix.lower() == ".gguf" or own.is_file():
        return LocalEngine(own, projector_beside(own), own.stem, credentials, idle, dialogue.loading)
    model = _wanted_model(wanted, lambda model: _served(model, credentials, idle, dialogue).is_running())
    if not is_here(model):
        _permit(model, dialogue.confirm)
        download(model, dialogue.progress)
    return _served(model, credentials, idle, dialogue)


def _served(model: LocalModel, credentials: Credentials, idle: float, dialogue: Dialogue) -> LocalEngine:
    """The engine of a model that has been downloaded."""
    weights = weights_of(model)
    projector = weights.with_name(model.files[1].name) if model.sees else None
    return LocalEngine(weights, projector, model.name, credentials, idle, dialogue.loading)


def _wanted_model(wanted: str, runs: Callable[[LocalModel], bool]) -> LocalModel:
    """The model that `wanted` names; without a name, one that runs, else one that is downloaded, else one that fits."""
    free, sees = available(), wanted == VISION
    possible = [model for model in CATALOGUE if model.sees == sees] if wanted in ("", VISION) else [named(wanted)]
    running = [model for model in possible if is_here(model) and runs(model)]
    return running[-1] if running else choose(free, possible, is_here)


def _permit(model: LocalModel, confirm: Confirm) -> None:
    """Ask the user whether to download. Raises `ConfigurationError` if not."""
    what = f"{model.name} ({readable_size(model.bytes)})"
    agreed = confirm(
        _("{what} has to be downloaded once, to {folder}. Download it?", what=what, folder=weights_of(model).parent)
    )
    if agreed is None:
        raise ConfigurationError(
            _("{what} has to be downloaded first, and nobody can be asked here.", what=what),
            _("%qwen use local:{name} --yes downloads it without asking.", name=model.name),
        )
    if not agreed:
        raise ConfigurationError(
            _("{name} was not downloaded.", name=model.name), _("%qwen use local:NAME takes another one.")
        )


def projector_beside(model: Path) -> Path | None:
    """The projector for images in the folder of a model file: by its name, or the only one."""
    files = [path for path in model.parent.glob("*") if path.suffix.lower() == ".gguf"]
    projectors = [path for path in files if PROJECTOR.match(path.name)]
    own = [path for path in projectors if _kind(path) == _kind(model)]
    alone = len(projectors) == 1 and len(files) == 2
    return min(own or projectors) if own or alone else None


def _kind(path: Path) -> str:
    """A file's name without the marks of a projector and of a quantisation, to match models with projectors."""
    return QUANTISED.sub("", PROJECTOR.sub("", path.stem)).lower()
