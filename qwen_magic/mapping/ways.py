"""Where a map runs: in this process, or on a dask cluster. What each does is in `mapper` and `cluster_map`."""

from __future__ import annotations

import sys
from typing import Any

from ..assistant.assistant import Assistant
from ..assistant.question import Question
from ..core.errors import ConfigurationError, InputError
from ..core.translatable import _
from .mapper import Agree, MapDryRun, MapOptions, Published, dry_map, map_rows
from .views import MapView

__all__ = ["dry_run_map", "is_client", "run_map"]


def run_map(
    assistant: Assistant,
    given: Any,
    question: Question,
    options: MapOptions,
    view: MapView,
    agree: Agree,
    published: Published,
) -> Any:
    """`map_rows`, or the same on the cluster of the client that `options.where` is, or that has a dask DataFrame.

    Raises as `map_rows`, and `ConfigurationError` for a dask DataFrame where there is no cluster.
    """
    client = _client_for(given, options)
    if client is None:
        return map_rows(assistant, given, question, options, view, agree, published)
    from .cluster_map import map_on_cluster

    return map_on_cluster(assistant, client, given, question, options, view, agree, published)


def dry_run_map(assistant: Assistant, given: Any, question: Question, options: MapOptions) -> MapDryRun:
    """The first requests that `run_map` would send, and the estimate. Nothing is sent. Raises as `run_map`."""
    client = _client_for(given, options)
    if client is None:
        return dry_map(assistant, given, question, options)
    from .cluster_map import dry_map_on_cluster

    return dry_map_on_cluster(assistant, client, given, question, options)


def is_client(given: Any) -> bool:
    """Whether it is a client of a dask cluster. Imports nothing."""
    distributed = sys.modules.get("distributed")
    return distributed is not None and isinstance(given, distributed.Client)


def _is_of_dask(given: Any) -> bool:
    """Whether it is a DataFrame or Series of dask. Imports nothing."""
    frames = sys.modules.get("dask.dataframe")
    return frames is not None and isinstance(given, frames.DataFrame | frames.Series)


def _client_for(given: Any, options: MapOptions) -> Any:
    """The client of the cluster that is to be asked; `None` for this process.

    Raises `ConfigurationError` where a dask DataFrame has no cluster.
    """
    if is_client(options.where):
        return options.where
    if not _is_of_dask(given):
        return None
    if options.where != "live":
        raise InputError(
            _("A dask DataFrame is asked live, on its cluster."), _("Leave out --where (where=…), or compute it first.")
        )
    start = _("Start one first: client = distributed.Client(). Or compute the frame: map(frame.compute(), …).")
    try:
        from distributed import default_client

        return default_client()
    except (ImportError, ValueError):
        raise ConfigurationError(_("A dask DataFrame is mapped on a cluster, and there is none."), start) from None
