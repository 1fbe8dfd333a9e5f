"""What a map on a dask cluster is cut into: rows that are sent to the workers, or the partitions that they have.

A frame or list is cut into parts, whose answers come back here. A dask DataFrame stays where it is: its partitions get
their columns on the workers, once, and are held there. Not for what is asked, nor for progress (`cluster_map`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Protocol

from ..core.errors import ConfigurationError
from ..core.translatable import _, sentences
from .frames import VALUE, Rows, frame_rows, rows_of
from .mapper import MapDryRun
from .partitions import ClusterJob, answered_frame, answered_rows, dry_frame, dry_rows, length_of
from .row_question import RowResult

__all__ = ["GO_ON", "Parts", "error_of", "parts_of", "threads"]

# Parts for each thread of the workers, so that the last ones end together; and rows of a part at the most. Ours.
PARTS, PART_ROWS = 2, 5_000
# Parts at once where no worker is there yet, such as on a cluster that grows by itself; ours.
THREADS = 8

GO_ON = _("What was answered is kept: run it again to go on.")


class Parts(Protocol):
    """What is mapped, in parts. Only the columns `sent` leave for the workers, or are read by them for an estimate."""

    names: tuple[str, ...]

    def lengths(self, client: Any, sent: tuple[str, ...]) -> list[int]:
        """The rows of each part."""

    def dry_runs(self, client: Any, job: ClusterJob, sent: tuple[str, ...]) -> list[MapDryRun]:
        """What each part would send, and costs, found out on the workers. Nothing is asked."""

    def start(self, client: Any, job: ClusterJob, sent: tuple[str, ...]) -> list[Any]:
        """Start to ask; returns the futures of the parts."""

    def result(self, job: ClusterJob, futures: Sequence[Any]) -> Any:
        """What was given, with columns added; `None` where there is nothing to give before all of it is done."""


def parts_of(given: Any, client: Any) -> Parts:
    """The parts of what is mapped. Raises `InputError` for what has no rows."""
    if hasattr(given, "dask"):
        return _FrameParts(given)
    rows = rows_of(given)
    return _RowParts(rows, min(PART_ROWS, math.ceil(len(rows) / (PARTS * threads(client)))))


def threads(client: Any) -> int:
    """How many parts run at once."""
    return sum(client.nthreads().values()) or THREADS


class _RowParts:
    """Parts of a frame, Series or list of this process, of `size` rows; their answers come back to it."""

    def __init__(self, rows: Rows, size: int) -> None:
        self.names = rows.names
        self._rows = rows
        self._starts = range(0, len(rows), size)

    def lengths(self, client: Any, sent: tuple[str, ...]) -> list[int]:
        return [min(self._starts.step, len(self._rows) - start) for start in self._starts]

    def dry_runs(self, client: Any, job: ClusterJob, sent: tuple[str, ...]) -> list[MapDryRun]:
        return _gathered(client, [client.submit(dry_rows, part, job, pure=False) for part in self._parts(sent)])

    def start(self, client: Any, job: ClusterJob, sent: tuple[str, ...]) -> list[Any]:
        parts = enumerate(self._parts(sent))
        return [client.submit(answered_rows, part, job, number, pure=False) for number, part in parts]

    def result(self, job: ClusterJob, futures: Sequence[Any]) -> Any:
        lengths, results = self.lengths(None, ()), list[RowResult | None]()
        for future, length in zip(futures, lengths, strict=True):
            results += future.result() if future.status == "finished" else [None] * length
        return self._rows.with_columns(job.columns.filled(results))

    def _parts(self, sent: tuple[str, ...]) -> Iterator[list[dict[str, Any]]]:
        rows = self._rows.values(sent)
        return (list(islice(rows, self._starts.step)) for _start in self._starts)


class _FrameParts:
    """The partitions of a dask DataFrame, or of a Series, which become those of a DataFrame."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame.to_frame(name=VALUE) if frame.ndim == 1 else frame
        self._meta = frame_rows(self._frame._meta)
        self.names = self._meta.names

    def lengths(self, client: Any, sent: tuple[str, ...]) -> list[int]:
        return _gathered(client, self._each(client, length_of, sent))

    def dry_runs(self, client: Any, job: ClusterJob, sent: tuple[str, ...]) -> list[MapDryRun]:
        return _gathered(client, self._each(client, partial(dry_frame, job=job), sent))

    def start(self, client: Any, job: ClusterJob, sent: tuple[str, ...]) -> list[Any]:
        from distributed import futures_of

        meta = self._meta.with_columns(job.columns.filled([]))
        answered = partial(answered_frame, job=job)
        self._mapped = client.persist(self._frame.map_partitions(answered, meta=meta, enforce_metadata=False))
        return sorted(futures_of(self._mapped), key=lambda future: int(future.key[-1]))

    def result(self, job: ClusterJob, futures: Sequence[Any]) -> Any:
        return self._mapped if all(future.status == "finished" for future in futures) else None

    def _each(self, client: Any, function: Callable[[Any], Any], sent: tuple[str, ...]) -> list[Any]:
        """The futures of a function of each partition that needs no other columns than these."""
        from dask.delayed import delayed

        frame = self._frame[[name for name in self._frame.columns if str(name) in sent]]
        return list(client.compute([delayed(function)(part) for part in frame.to_delayed()]))


def _gathered(client: Any, futures: list[Any]) -> list[Any]:
    """The results of the futures. Raises what one of them has raised."""
    try:
        found: list[Any] = client.gather(futures)
    except Exception as error:
        raise error_of(error) from None
    return found


def error_of(error: BaseException | None) -> BaseException:
    """What ended a map on a cluster, in this package's words where it was the cluster."""
    from distributed import CancelledError, KilledWorker

    if error is None or isinstance(error, CancelledError):
        return ConfigurationError(_("The cluster has dropped the map."), GO_ON)
    if isinstance(error, KilledWorker):
        return ConfigurationError(
            _("The cluster has given a part of the map up, because worker after worker died of it."),
            sentences(_("The workers' logs say why; often it is their memory."), GO_ON),
        )
    return error
