"""`%%qwen --map FRAME`: the cell's question asked of each row. What a map does is in `qwen_magic.mapping`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..assistant.assistant import Assistant
from ..assistant.question import Question
from ..core.errors import InputError
from ..core.languages import translated
from ..core.translatable import _
from ..mapping.mapper import MapDryRun, MapOptions, Published
from ..mapping.views import MapView
from ..mapping.ways import dry_run_map, is_client, run_map
from ..rendering.command_output import say
from ..structured.schema import Schema
from .commands.answers import dry_run_text
from .commands.progress import confirm
from .options import OF_MAP, option_of, typed

__all__ = ["map_cell"]

# What a map takes: it has no conversation, calls no functions, and its rows attach nothing but images.
TAKEN = {"map", "model", "system", "think", "search", "fields", "out", "schema", "many", "force", "dry_run", *OF_MAP}


def map_cell(
    assistant: Assistant,
    given: dict[str, Any],
    template: str,
    schema: Schema[Any] | None,
    namespace: Mapping[str, Any],
    view: MapView,
    published: Published,
) -> None:
    """Ask of each row of what `--map` names in `namespace`; `given` are the options of the cell's line, and `schema` is
    the form of the answers that they ask for.

    The result is published, not returned: its record is shown.
    """
    unused = next((name for name in given if name not in TAKEN), None)
    if unused is not None:
        raise InputError(_("--map takes no {option}.", option=option_of(unused)), _("Leave out one of the two."))
    question = Question(
        template,
        model=given.get("model", ""),
        system=given.get("system"),
        think=given.get("think"),
        search=given.get("search"),
        fields=typed(given.get("fields", [])),
        alone=True,
        schema=schema,
    )
    options = MapOptions(
        where=_where_of(given.get("where", "live"), namespace),
        images=given.get("image_column", ""),
        concurrency=_number(given, "concurrency"),
        rpm=_number(given, "rpm"),
        tpm=_number(given, "tpm"),
        cache=not given.get("no_cache", False),
        agreed=given.get("yes", False),
        force=given.get("force", False),
        column=given.get("column", "answer"),
        namespace=namespace,
    )
    frame = _variable(given["map"], namespace)
    if given.get("dry_run"):
        _show_map_dry_run(dry_run_map(assistant, frame, question, options))
        return
    run_map(assistant, frame, question, options, view, confirm, published)


def _where_of(name: str, namespace: Mapping[str, Any]) -> Any:
    """What `--where` names: a client of a dask cluster in the notebook, or a way to ask."""
    found = namespace.get(name)
    return found if is_client(found) else name


def _variable(name: str, namespace: Mapping[str, Any]) -> Any:
    """The value of an expression in the notebook, such as the name of a frame."""
    try:
        return eval(name, dict(namespace))  # the person's own, as in {{ }}
    except Exception as error:
        raise InputError(
            _("--map {name} failed: {kind}: {error}.", name=name, kind=type(error).__name__, error=error),
            _("Name a frame of the notebook."),
        ) from None


def _number(given: dict[str, Any], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not text.isdecimal() or not int(text):
        raise InputError(
            _("--{name} {text} is not a whole number greater than 0.", name=name, text=text),
            _("Such as --{name} 8.", name=name),
        )
    return int(text)


def _show_map_dry_run(dry: MapDryRun) -> None:
    """Print the first requests and the estimate."""
    shown = [dry_run_text(request) for request in dry.requests]
    estimate = "\n".join(map(translated, dry.estimate.lines(dry.prices)))
    say("\n\n".join([*shown, estimate, translated(_("Nothing was sent."))]))
