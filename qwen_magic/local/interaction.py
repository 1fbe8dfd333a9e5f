"""What a surface does for a model on its way: asks the person, and shows how far it is. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

__all__ = ["Confirm", "Dialogue", "Loading", "ReportProgress"]

# Asks a yes-or-no question; `None` says that nobody can be asked.
Confirm = Callable[[str], bool | None]
# Told how many bytes of how many are there; often, so whoever draws does it now and then only.
ReportProgress = Callable[[int, int], None]
# For as long as the model of this name is being loaded; what it yields is called again and again meanwhile.
Loading = Callable[[str], AbstractContextManager[Callable[[], None]]]


@dataclass(frozen=True)
class Dialogue:
    """Without a surface nobody is asked, and nothing is shown."""

    confirm: Confirm = lambda question: None
    progress: ReportProgress = lambda done, total: None
    loading: Loading = lambda name: nullcontext(lambda: None)
