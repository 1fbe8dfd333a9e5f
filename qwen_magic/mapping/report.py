"""What is said of a map: while it runs, and for good at its end. Values and words; what draws them is in `views`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from ..conversations.usage import Prices
from ..core.control_characters import one_line
from ..core.events import Usage
from ..core.languages import translated
from ..core.translatable import _, _n, applied, listed
from ..rendering.fact_table import Listing
from .engine import RowResult, Tally
from .estimate import money

__all__ = ["Digest", "MapProgress", "MapReport", "digest", "progress", "report", "report_of"]

# Rows that are shown: as they come, and in the record; characters of each, and kinds of errors.
FIRST_ROWS, SHOWN, ERRORS = 5, 160, 10
# A rate that is known so early says nothing, in seconds.
MOMENT = 1.0


@dataclass(frozen=True, slots=True)
class MapProgress:
    """How far a map is at a moment: `line` for people, and the first rows that have answers."""

    done: int
    total: int
    line: str
    rows: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Digest:
    """What a report says of results: the first answers, the errors, and how many answers were cut off.

    `sample` has rows and texts; `errors` messages with their count and the first such row, the most frequent first.
    """

    sample: tuple[tuple[int, str], ...] = ()
    errors: tuple[tuple[int, str, int], ...] = ()
    cut: int = 0


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
        errors = Listing((_("rows"), _("error"), _("first row")), self.errors)
        answers = Listing((_("row"), _("first answers")), self.sample)
        return tuple(listing for listing in (errors, answers) if listing.rows)

    @property
    def mimebundle(self) -> dict[str, str]:
        """The record as plain text and as HTML, without a widget and without script."""
        lines = [translated(line) for line in (self.summary, *self.notes)]
        tables = self.listings
        html = "".join(f"<p>{escape(line)}</p>" for line in lines) + "".join(each._repr_html_() for each in tables)
        return {"text/plain": "\n\n".join(["\n".join(lines), *map(repr, tables)]), "text/html": html}


def progress(
    tally: Tally, seconds: float, prices: Prices, model: str, results: Sequence[RowResult | None]
) -> MapProgress:
    """How far a map is after so many seconds."""
    return MapProgress(tally.done, tally.total, progress_line(tally, seconds, prices, model), sample(results))


def progress_line(tally: Tally, seconds: float, prices: Prices, model: str) -> str:
    facts = [_("{done:,} of {total:,} rows", done=tally.done, total=tally.total), *exceptions(tally)]
    asked = tally.done - tally.cached
    if asked and seconds > MOMENT:
        rate = asked / seconds
        facts.append(_("{rate:,.0f} a second", rate=rate) if rate >= 2 else _("{rate:,.0f} a minute", rate=rate * 60))
        facts.append(_("{how} left", how=duration((tally.total - tally.done) / rate)))
    return listed(facts + spent(tally.usage, prices, model))


def exceptions(tally: Tally) -> list[str]:
    """How many rows have failed, and how many were not asked because they had answers."""
    return [
        *[_("{count:,} failed", count=tally.failed)] * bool(tally.failed),
        *[_("{count:,} from the cache", count=tally.cached)] * bool(tally.cached),
    ]


def spent(usage: Usage, prices: Prices, model: str) -> list[str]:
    """The tokens that were asked for, and their cost where there is a price."""
    if not usage.total:
        return []
    cost = prices.cost(model, usage)
    tokens = _("{input:,} tokens in, {output:,} out", input=usage.input, output=usage.output)
    return [tokens] if cost is None else [tokens, _("cost {amount}", amount=money(cost, prices.currency))]


def report(
    tally: Tally, seconds: float, prices: Prices, model: str, results: Sequence[RowResult | None], ended: str = ""
) -> MapReport:
    """What to say at the end; `ended` is what ended it before all rows had a result."""
    return report_of(tally, seconds, prices, model, digest(results), ended)


def report_of(tally: Tally, seconds: float, prices: Prices, model: str, found: Digest, ended: str = "") -> MapReport:
    """The same, of results that are elsewhere."""
    answered = _(
        "{model}: {good:,} of {total:,} rows answered in {how}",
        model=model,
        good=tally.done - tally.failed,
        total=tally.total,
        how=duration(seconds),
    )
    left = tally.total - tally.done
    not_asked = _("{count:,} not asked", count=left) if left else ""
    summary = _("{what}.", what=listed([answered, not_asked, *exceptions(tally), *spent(tally.usage, prices, model)]))
    notes = [applied(one_line, note) for note in (ended, *tally.notes) if note]
    if found.cut:
        notes.append(
            _n(
                "{count:,} answer was cut off at the token limit.",
                "{count:,} answers were cut off at the token limit.",
                count=found.cut,
            )
        )
    return MapReport(summary, tuple(notes), found.sample, found.errors)


def digest(results: Sequence[RowResult | None], whole: bool = True) -> Digest:
    """What a report says of these results; unless `whole`, only the first answers, which is quick."""
    if not whole:
        return Digest(sample(results))
    cut = sum(result is not None and result.finish_reason == "length" for result in results)
    return Digest(sample(results), grouped(results), cut)


def grouped(results: Sequence[RowResult | None]) -> tuple[tuple[int, str, int], ...]:
    counts: Counter[str] = Counter()
    first: dict[str, int] = {}
    for row, result in enumerate(results):
        if result is not None and result.error:
            counts[result.error] += 1
            first.setdefault(result.error, row)
    return tuple((count, applied(shortened, error), first[error]) for error, count in counts.most_common(ERRORS))


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
        return _("{seconds:.1f} s", seconds=seconds) if seconds < 10 else _("{seconds:.0f} s", seconds=seconds)
    if seconds < 5400:
        return _("{minutes:.0f} min", minutes=seconds / 60)
    return _("{hours:.1f} h", hours=seconds / 3600)
