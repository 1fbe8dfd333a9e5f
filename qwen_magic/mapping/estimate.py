"""What a map will cost, before anything is sent: tokens, and money at the person's own prices.

An estimate: tokens are counted from characters, and how long the answers are is not known. Prices are the person's to
name (`%config QwenMagics.prices`); this package has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..conversations.usage import Prices
from ..core.events import Usage
from ..core.translatable import _, _n, listed

__all__ = ["Estimate", "estimated", "money"]

# What input costs that the service has in its context cache without being asked, as a share of the price; and the least
# tokens that a shared beginning must have (the service's docs, "Context cache", Nov 2026).
CACHE_SHARE, CACHE_LEAST = 0.2, 1_024
# A batch costs half, and does not get the context cache (its docs, "Batch", Nov 2026).
BATCH_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a map asks: `rows` of `total`, the others have answers; tokens of all of them together.

    `shared` is the tokens at the beginning of each request that are the same in all of them. `output` is a guess: so
    many tokens an answer for each row (`answer`).
    """

    total: int
    rows: int
    input: int
    shared: int
    answer: int
    model: str

    @property
    def output(self) -> int:
        """Tokens of the answers."""
        return self.rows * self.answer

    def live(self, prices: Prices) -> float | None:
        """What asking now costs; `None` where no price is known for the model."""
        return prices.cost(self.model, Usage(self.input, self.output))

    def live_cached(self, prices: Prices) -> float | None:
        """The same, where the service finds the shared beginning in its context cache; `None` also where it cannot."""
        if self.shared < CACHE_LEAST or self.rows < 2:
            return None
        hits = self.shared * (self.rows - 1)
        cost = self.live(prices)
        saved = prices.cost(self.model, Usage(hits, 0))
        return None if cost is None or saved is None else cost - saved * (1 - CACHE_SHARE)

    def batch(self, prices: Prices) -> float | None:
        """What a batch costs."""
        cost = self.live(prices)
        return None if cost is None else cost * BATCH_SHARE

    def lines(self, prices: Prices) -> list[str]:
        """The estimate for a person."""
        lines: list[str] = [
            _(
                "{rows:,} of {total:,} rows to ask {model}: about {input:,} tokens in, and {output:,} out "
                "if an answer has {answer:,}.",
                rows=self.rows,
                total=self.total,
                model=self.model,
                input=self.input,
                output=self.output,
                answer=self.answer,
            )
        ]
        if kept := self.total - self.rows:
            lines.append(
                _n(
                    "{count:,} row is not asked: it has an answer, says the same as another one, or cannot be asked.",
                    "{count:,} rows are not asked: they have answers, say the same as others, or cannot be asked.",
                    count=kept,
                )
            )
        return [*lines, self._costs(prices)]

    def _costs(self, prices: Prices) -> str:
        ways = (
            (_("live"), self.live(prices)),
            (_("live with the context cache"), self.live_cached(prices)),
            (_("as a batch"), self.batch(prices)),
        )
        costs = listed(
            _("{how} about {cost}", how=way, cost=money(cost, prices.currency))
            for way, cost in ways
            if cost is not None
        )
        if costs:
            return _("Cost: {what}.", what=costs)
        return _("{model} has no price: set it with %config QwenMagics.prices.", model=self.model)


def estimated(total: int, tokens: Iterable[int], shared: int, answer: int, model: str) -> Estimate:
    """The estimate for rows whose requests have so many tokens each."""
    counts = list(tokens)
    return Estimate(total, len(counts), sum(counts), shared, answer, model)


def money(cost: float, currency: str) -> str:
    """An amount for people."""
    return " ".join(filter(None, (f"{cost:,.2f}" if cost >= 0.01 or not cost else f"{cost:.2g}", currency)))
