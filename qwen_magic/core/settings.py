"""The configuration as a value. Where it comes from (traits, profile files) is up to the surfaces."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Defaults for every question; an option of the cell wins over each.

    Empty names mean "choose for me". `prices` are per million tokens (in, out). Times are in seconds,
    but `engine_idle` is in minutes. A map of more than `ask_above` rows is agreed to first. In one answer the model may
    call functions in `tool_rounds` rounds.
    """

    endpoint: str = ""
    protocol: str = ""
    model: str = ""
    vision_model: str = "qwen3-vl-plus"
    document_model: str = "qwen-long"
    system: str = ""
    think: bool | None = None
    show_reasoning: bool = False
    append: bool = False
    connect_timeout: float = 10.0
    idle_timeout: float = 310.0
    engine_idle: float = 15.0
    prices: dict[str, tuple[float, float]] = field(default_factory=dict)
    currency: str = ""
    language: str = ""
    ask_above: int = 200
    tool_rounds: int = 10

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings where nothing is configured, in a notebook and in a script."""
        environment = os.environ if environment is None else environment
        return cls(endpoint=environment.get("QWEN_BASE_URL", ""), model=environment.get("QWEN_MODEL", ""))
