"""Where a map runs: in this process, or on a dask cluster. What each does is in `mapper` and `cluster_map`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from ..assistant.assistant import Assistant
from ..assistant.question import Question
from ..core.errors import ConfigurationError, InputError
from ..core.translatable import _
from .mapper import Agree, MapOptions, Published, map_rows
from .views import MapView

__all__ = ["is_client", "run_map"]


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
    client = options.where if is_client(options.where) else None
    if client is None and _is_of_dask(given):
        client = _client_for(options)
    if client is None:
        return map_rows(assistant, given, question, options, view, agree, published)
    from .cluster_map import map_on_cluster

    options = replace(options, where="live")
    return map_on_cluster(assistant, client, given, question, options, view, agree, published)


def is_client(given: Any) -> bool:
    """Whether it is a client of a dask cluster. Imports nothing."""
    distributed = sys.modules.get("distributed")
    return distributed is not None and isinstance(given, distributed.Client)


def _is_of_dask(given: Any) -> bool:
    """Whether it is a DataFrame or Series of dask. Imports nothing."""
    frames = sys.modules.get("dask.dataframe")
    return frames is not None and isinstance(given, frames.DataFrame | frames.Series)


def _client_for(options: MapOptions) -> Any:
    """The client that is in use here. Raises `ConfigurationError` where there is none."""
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
