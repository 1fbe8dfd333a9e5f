"""A question as a surface hands it over: what a cell's line and body say, before anything is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..attachments import Attach
    from ..code_cells.unified_diff import CellSource
    from ..conversations import CellRef, Conversation, Turn
    from ..structured.schema import Schema
    from ..tools.toolset import Toolset

__all__ = ["Question"]


@dataclass(frozen=True)
class Question:
    """One question. `None` and empty values leave the choice to the conversation, and then to the settings.

    Made by a surface (a cell, `ask()`, the chat panel), taken by `Assistant.ask`. What a new option asks of the model,
    such as a schema for the answer, is a field here and in `ChatRequest`; where the answer goes is the view's business.

    `endpoint` is a name or a URL, asked in its own protocol unless `protocol` names one.
    `conversation` is one, or the name of one of the shell's. `fields` go into the request's body as they are. `alone`
    asks without context, and keeps nothing. `cell` is the run of the cell that asks; `append` asks at the end all the
    same. `again` is the turn whose place this one takes. `attach` is what goes along, and `snapshots` what goes along
    as it was sent before: names, by the sha256 of it. With a `schema` the answer is data. It `rewrites` one of these
    cells, where there are any, and has the change as a diff. The model may call the functions in `tools`. An
    `instruction` on the form of the answer stands behind the prompt, and is not kept with it.
    """

    prompt: str
    endpoint: str = ""
    protocol: str = ""
    model: str = ""
    system: str | None = None
    think: bool | None = None
    search: bool | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    alone: bool = False
    conversation: str | Conversation = "default"
    cell: CellRef | None = None
    append: bool | None = None
    pin: bool = False
    again: Turn | None = None
    attach: Attach | None = None
    snapshots: Mapping[str, str] = field(default_factory=dict)
    schema: Schema[Any] | None = None
    tools: Toolset | None = None
    rewrites: tuple[CellSource, ...] = ()
    instruction: str = ""
