"""Tokens that were spent in this kernel, by conversation and model, and what they cost at the user's own prices.

Turns that were replaced, undone or reset still count. The user configures the prices; this package has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import NamedTuple

from ..core.events import Usage
from ..core.forks import renewed_in_children
from ..core.models import lookup

__all__ = ["Prices", "Spending", "Spent", "by_model"]


class Spent(NamedTuple):
    """Questions asked and tokens used. `cost` is `None` for a model without a price."""

    conversation: str
    model: str
    questions: int = 0
    usage: Usage = Usage()
    cost: float | None = None

    def plus(self, usage: Usage | None, questions: int = 1) -> Spent:
        """This row with more questions and their usage (`None`: the service did not report it)."""
        return self._replace(questions=self.questions + questions, usage=self.usage + (usage or Usage()))


class Spending:
    """What was spent in one conversation in this kernel, also for turns that are gone. Any thread may call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rows: dict[str, Spent] = {}
        renewed_in_children(self)

    def after_fork(self) -> None:
        """A forked child has a copy of its own."""
        self._lock = Lock()

    def count(self, model: str, usage: Usage | None, questions: int = 1) -> None:
        """Add questions to `model`, and their usage (`None`: the service did not report it)."""
        with self._lock:
            self._rows[model] = self._rows.get(model, Spent("", model)).plus(usage, questions)

    def rows(self, conversation: str) -> tuple[Spent, ...]:
        """A row for each model, under the name that the conversation has now."""
        with self._lock:
            return tuple(row._replace(conversation=conversation) for row in self._rows.values())


class Prices(NamedTuple):
    """What tokens cost: for each model a pair (in, out) per million tokens, in this currency.

    A dated snapshot of a model costs what the model does, unless it is named itself.
    """

    models: Mapping[str, tuple[float, float]]
    currency: str = ""

    def cost(self, model: str, usage: Usage) -> float | None:
        """The cost of this usage, in the currency; `None` for a model without a price."""
        price = self.models.get(model) or self.models.get(lookup(model).name)
        return None if price is None else (usage.input * price[0] + usage.output * price[1]) / 1_000_000

    def of(self, row: Spent) -> Spent:
        """The row with its cost."""
        return row._replace(cost=self.cost(row.model, row.usage))


def by_model(rows: Iterable[Spent]) -> tuple[Spent, ...]:
    """The rows of several conversations added up, one for each model."""
    totals: dict[str, Spent] = {}
    for row in rows:
        total = totals.get(row.model, Spent("", row.model))
        costs = [cost for cost in (total.cost, row.cost) if cost is not None]
        totals[row.model] = Spent(
            "",
            row.model,
            total.questions + row.questions,
            total.usage + row.usage,
            sum(costs) if costs else None,
        )
    return tuple(totals.values())
