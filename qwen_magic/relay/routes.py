"""The methods and paths that the relay passes on. It refuses all others."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

__all__ = ["GROUPS", "PATHS", "Form", "Route", "allowed", "form_of"]

Form = Literal["compatible", "native"]

COMPATIBLE, NATIVE = "compatible-mode/v1", "api/v1"
# The paths below the relay's base URL that it handles, if only with a refusal.
PATHS = rf"((?:{COMPATIBLE}|{NATIVE})/.*)"
AIGC = f"{NATIVE}/services/aigc"
# Names of files, batches and models, as the service gives them; no dots at the beginning, no escapes.
NAME = r"[A-Za-z0-9][\w.:-]*"


@dataclass(frozen=True, slots=True)
class Route:
    """Paths of one group. `upload`: the body may be as large as a file."""

    group: str
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    upload: bool = False


def _route(group: str, methods: str, path: str, *, upload: bool = False) -> Route:
    return Route(group, tuple(methods.split()), re.compile(path), upload)


ROUTES = (
    _route("chat", "POST", f"{COMPATIBLE}/chat/completions"),
    _route("chat", "POST", f"{AIGC}/(text|multimodal)-generation/generation"),
    _route("embeddings", "POST", f"{COMPATIBLE}/embeddings"),
    _route("models", "GET", f"({COMPATIBLE}|{NATIVE})/models"),
    _route("models", "GET", f"{COMPATIBLE}/models/{NAME}"),
    _route("files", "GET POST", f"({COMPATIBLE}|{NATIVE})/files", upload=True),
    _route("files", "GET DELETE", f"({COMPATIBLE}|{NATIVE})/files/{NAME}"),
    _route("files", "GET", f"{COMPATIBLE}/files/{NAME}/content"),
    _route("uploads", "GET", f"{NATIVE}/uploads"),
    _route("batches", "GET POST", f"{COMPATIBLE}/batches"),
    _route("batches", "GET", f"{COMPATIBLE}/batches/{NAME}"),
    _route("batches", "POST", f"{COMPATIBLE}/batches/{NAME}/cancel"),
)
GROUPS = tuple(dict.fromkeys(route.group for route in ROUTES))


def allowed(path: str, groups: Collection[str]) -> Route | None:
    """The route of `path` (relative to the relay, still encoded) in one of these groups; `None` without one."""
    return next((route for route in ROUTES if route.group in groups and route.pattern.fullmatch(path)), None)


def form_of(path: str) -> Form:
    """Which of the service's protocols a path belongs to."""
    return "native" if path.startswith(NATIVE) else "compatible"
