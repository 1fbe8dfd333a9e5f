"""The callbacks of a surface for downloading and loading a model: confirm, show progress. Types only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

__all__ = ["Confirm", "Dialogue", "Loading", "ReportProgress"]

# Asks the user a yes-or-no question; returns `None` where no user can be asked.
Confirm = Callable[[str], bool | None]
# Called with the bytes that are done and the bytes in total; often, so it should draw at intervals only.
ReportProgress = Callable[[int, int], None]
# A context for the loading of the model of this name; the function that it yields is called repeatedly meanwhile.
Loading = Callable[[str], AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True)
class Dialogue:
    """The callbacks of one surface. The defaults confirm nothing and show nothing."""

    confirm: Confirm = lambda question: None
    progress: ReportProgress = lambda done, total: None
    loading: Loading = lambda name: nullcontext(lambda: None)
