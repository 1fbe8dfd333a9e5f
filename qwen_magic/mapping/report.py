"""What is said of a map: while it runs, and for good at its end. Values and words; what draws them is in `views`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ..conversations.usage import Prices
from ..core.control_characters import one_line
from ..core.events import Usage
from ..rendering.fact_table import Listing
from .engine import RowResult, Tally
from .estimate import money

__all__ = ["MapReport", "Progress", "progress", "report"]

# Rows that are shown: as they come, and in the record; characters of each, and kinds of errors.
FIRST_ROWS, SHOWN, ERRORS = 5, 160, 10
# A rate that is known so early says nothing, in seconds.
MOMENT = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a map is at a moment: `line` for people, and the first rows that have answers."""

    done: int
    total: int
    line: str
    rows: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class MapReport:
    """What became of a map. `summary` is one line; `errors` are messages with their count and the first such row."""

    summary: str
    notes: tuple[str, ...]
    sample: tuple[tuple[int, str], ...]
    errors: tuple[tuple[int, str, int], ...]

    @property
    def listings(self) -> tuple[Listing, ...]:
        """The tables of the record: the errors, most frequent first, and the first answers."""
        errors = Listing(("rows", "error", "first row"), self.errors)
        answers = Listing(("row", "answer"), self.sample)
        return tuple(listing for listing in (errors, answers) if listing.rows)

    @property
    def mimebundle(self) -> dict[str, str]:
        """The record as plain text and as HTML, without a widget and without script."""
        lines = [self.summary, *self.notes]
        tables = self.listings
        html = "".join(f"<p>{escape(line)}</p>" for line in lines) + "".join(each._repr_html_() for each in tables)
        return {"text/plain": "\n\n".join(["\n".join(lines), *map(repr, tables)]), "text/html": html}


def progress(tally: Tally, seconds: float, prices: Prices, model: str, results: Sequence[RowResult | None]) -> Progress:
    """How far a map is after so many seconds."""
    return Progress(tally.done, tally.total, progress_line(tally, seconds, prices, model), sample(results))


def progress_line(tally: Tally, seconds: float, prices: Prices, model: str) -> str:
    facts = [f"{tally.done:,} of {tally.total:,} rows"]
    facts += [f"{tally.failed:,} failed"] * bool(tally.failed)
    facts += [f"{tally.cached:,} from the cache"] * bool(tally.cached)
    asked = tally.done - tally.cached
    if asked and seconds > MOMENT:
        rate = asked / seconds
        facts.append(f"{rate:,.0f} a second" if rate >= 2 else f"{rate * 60:,.0f} a minute")
        facts.append(f"{duration((tally.total - tally.done) / rate)} left")
    return ", ".join(facts + spent(tally.usage, prices, model))


def spent(usage: Usage, prices: Prices, model: str) -> list[str]:
    """The tokens that were asked for, and their cost where there is a price."""
    if not usage.total:
        return []
    cost = prices.cost(model, usage)
    tokens = [f"{usage.input:,} tokens in", f"{usage.output:,} out"]
    return tokens if cost is None else [*tokens, f"cost {money(cost, prices.currency)}"]


def report(
    tally: Tally, seconds: float, prices: Prices, model: str, results: Sequence[RowResult | None], ended: str = ""
) -> MapReport:
    """What to say at the end; `ended` is what ended it before all rows had a result."""
    good = tally.done - tally.failed
    facts = [f"{model}: {good:,} of {tally.total:,} rows answered in {duration(seconds)}"]
    facts += [f"{tally.failed:,} failed"] * bool(tally.failed)
    facts += [f"{tally.total - tally.done:,} not asked"] * (tally.done < tally.total)
    facts += [f"{tally.cached:,} from the cache"] * bool(tally.cached)
    summary = ", ".join(facts + spent(tally.usage, prices, model)) + "."
    cut = sum(result is not None and result.finish_reason == "length" for result in results)
    notes = [one_line(note) for note in (ended, *tally.notes) if note]
    notes += [f"{cut:,} answers reached the largest length, and are cut there."] * bool(cut)
    return MapReport(summary, tuple(notes), sample(results), grouped(results))


def grouped(results: Sequence[RowResult | None]) -> tuple[tuple[int, str, int], ...]:
    counts: Counter[str] = Counter()
    first: dict[str, int] = {}
    for row, result in enumerate(results):
        if result is not None and result.error:
            counts[result.error] += 1
            first.setdefault(result.error, row)
    return tuple((count, shortened(error), first[error]) for error, count in counts.most_common(ERRORS))


def sample(results: Sequence[RowResult | None]) -> tuple[tuple[int, str], ...]:
    found: list[tuple[int, str]] = []
    for row, result in enumerate(results[: FIRST_ROWS * 100]):
        if result is not None and result.text is not None:
            found.append((row, shortened(result.text)))
            if len(found) == FIRST_ROWS:
                break
    return tuple(found)


def shortened(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def duration(seconds: float) -> str:
    """A time for people."""
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
