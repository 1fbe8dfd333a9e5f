"""What a surface does for a download: asks the person, and shows how far it is. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Confirm", "Dialogue", "Progress"]

# Asks a yes-or-no question; `None` says that nobody can be asked.
Confirm = Callable[[str], bool | None]
# Told how many bytes of how many are there; often, so whoever draws does it now and then only.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Dialogue:
    """Without a surface nobody is asked, and nothing is shown."""

    confirm: Confirm = lambda question: None
    progress: Progress = lambda done, total: None
