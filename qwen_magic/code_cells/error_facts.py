"""What a person would send of an error: the cell, the trimmed traceback, what the failing line used, the versions.

Gathered when it is asked for, and not before; nothing is sent here. No value of a variable goes along but numbers; what
the error's own message quotes does.
"""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ..attachments.message_parts import fenced
from .trimmed_traceback import CodeFrame, Origins, chain, frames, trimmed
from .unified_diff import CellSource
from .used_names import described_names, secrets_among, used_names

__all__ = ["ErrorFacts", "Failure", "code_of", "error_facts"]

# Cells beside the one that failed, whose code is in the traceback. Ours.
MAX_CELLS = 3
# Stands for a value that is not sent.
HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that failed, as it was when it ran, and its error."""

    cell: CellSource
    error: BaseException = field(repr=False)


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """The facts of one error, as texts for a model.

    `cells` are the one that failed, and others whose code is in the traceback. `names` are descriptions in markdown.
    """

    cells: tuple[CellSource, ...]
    traceback: str
    names: tuple[str, ...]
    versions: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in markdown."""
        failed, *others = self.cells
        parts = [f"The cell that failed, {code_of(failed)}", f"The error:\n\n{fenced(self.traceback, 'text')}"]
        parts += [f"Code in the traceback is from another cell, {code_of(cell)}" for cell in others]
        parts += ["The names that the failing line used:\n\n" + "\n".join(self.names)] if self.names else []
        return "\n\n".join((*parts, f"Versions: {', '.join(self.versions)}."))


def code_of(cell: CellSource) -> str:
    """A cell's name and source in markdown. A cell's own magics tell its language; most have none, and are Python."""
    return f"{cell.name}:\n\n{fenced(cell.source, 'python')}"


def error_facts(failure: Failure, origins: Origins) -> ErrorFacts:
    """The facts of an error. `origins` tells the person's own code from libraries'."""
    found = [frame for error, _ in chain(failure.error) for frame in frames(error, origins)]
    names = _names_used(failure.error, origins)
    text = trimmed(failure.error, origins)
    for secret in secrets_among(names):
        text = text.replace(secret, HIDDEN)
    return ErrorFacts(
        cells=tuple(_cells_in(failure.cell, found)),
        traceback=text,
        names=tuple(described_names(names)),
        versions=tuple(_versions(found, names)),
    )


def _names_used(error: BaseException, origins: Origins) -> dict[str, Any]:
    """The names of the lines that failed: the person's innermost one and the cell's, of the last error first."""
    found: dict[str, Any] = {}
    for each, _link in reversed(chain(error)):
        own = [frame for frame in frames(each, origins) if frame.own]
        for frame in (*own[-1:], *own[:1]):
            for name, value in used_names(frame.traceback).items():
                found.setdefault(name, value)
    return found


def _cells_in(failed: CellSource, found: Sequence[CodeFrame]) -> Iterator[CellSource]:
    """The cell that failed, and the others that are nearest to where it did."""
    yield failed
    others = {frame.cell.name: frame.cell for frame in reversed(found) if frame.cell and frame.cell.name != failed.name}
    yield from list(others.values())[:MAX_CELLS]


def _versions(found: Iterable[CodeFrame], names: dict[str, Any]) -> Iterator[str]:
    """Of Python, and of the libraries in the traceback and on the failing lines."""
    yield f"Python {platform.python_version()}"
    modules = [str(frame.traceback.tb_frame.f_globals.get("__name__", "")) for frame in found if not frame.own]
    modules += [value.__name__ if isinstance(value, ModuleType) else type(value).__module__ for value in names.values()]
    for package in dict.fromkeys(module.partition(".")[0] for module in modules):
        if package not in sys.stdlib_module_names and (version := _version_of(package)):
            yield f"{package} {version}"


def _version_of(package: str) -> str:
    """The version of what installed this package; empty where nothing did."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        distributions = importlib.metadata.packages_distributions().get(package, [])
    except ValueError:  # no name that anything can have
        return ""
    return importlib.metadata.version(distributions[0]) if distributions else ""
