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
from ..structured.table import cell
from .engine import Tally
from .estimate import money
from .row_question import RowResult

__all__ = [
    "Digest",
    "FirstRows",
    "MapProgress",
    "MapReport",
    "digest",
    "progress",
    "progress_line",
    "report",
    "report_of",
]

# Rows that are shown: as they come, and in the record; characters of each cell, and kinds of errors.
FIRST_ROWS, SHOWN, ERRORS = 5, 160, 10
# Fields of a row that are shown.
FIRST_FIELDS = 8
# A rate that is known so early says nothing, in seconds.
MOMENT = 1.0


@dataclass(frozen=True, slots=True)
class FirstRows:
    """The first rows that have answers: the number of each, and its cells, one for each of `fields` or its text."""

    fields: tuple[str, ...] = ()
    rows: tuple[tuple[int, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class MapProgress:
    """How far a map is at a moment: `line` for people, and the first rows that have answers."""

    done: int
    total: int
    line: str
    first: FirstRows = FirstRows()


@dataclass(frozen=True)
class Digest:
    """What a report says of results: the first answers, the errors, and how many answers were cut off.

    `errors` are messages with their count and the first such row, the most frequent first.
    """

    first: FirstRows = FirstRows()
    errors: tuple[tuple[int, str, int], ...] = ()
    cut: int = 0


@dataclass(frozen=True)
class MapReport:
    """What became of a map. `summary` is one line; `errors` are messages with their count and the first such row."""

    summary: str
    notes: tuple[str, ...]
    first: FirstRows
    errors: tuple[tuple[int, str, int], ...]

    @property
    def listings(self) -> tuple[Listing, ...]:
        """The tables of the record: the errors, most frequent first, and the first answers."""
        errors = Listing((_("rows"), _("error"), _("first row")), self.errors)
        names = self.first.fields or (_("first answers"),)
        answers = Listing((_("row"), *names), [(row, *cells) for row, cells in self.first.rows])
        return tuple(listing for listing in (errors, answers) if listing.rows)

    @property
    def mimebundle(self) -> dict[str, str]:
        """The record as plain text and as HTML, without a widget and without script."""
        lines = [translated(line) for line in (self.summary, *self.notes)]
        tables = self.listings
        html = "".join(f"<p>{escape(line)}</p>" for line in lines) + "".join(each._repr_html_() for each in tables)
        return {"text/plain": "\n\n".join(["\n".join(lines), *map(repr, tables)]), "text/html": html}


def progress(
    tally: Tally,
    seconds: float,
    prices: Prices,
    model: str,
    results: Sequence[RowResult | None],
    fields: tuple[str, ...] = (),
) -> MapProgress:
    """How far a map is after so many seconds; `fields` are those of its schema."""
    line = progress_line(tally, seconds, prices, model)
    return MapProgress(tally.done, tally.total, line, _first_rows(results, fields))


def progress_line(tally: Tally, seconds: float, prices: Prices, model: str) -> str:
    facts = [_("{done:,} of {total:,} rows", done=tally.done, total=tally.total), *_exceptions(tally)]
    asked = tally.done - tally.cached
    if asked and seconds > MOMENT:
        rate = asked / seconds
        facts.append(_("{rate:,.0f} a second", rate=rate) if rate >= 2 else _("{rate:,.0f} a minute", rate=rate * 60))
        facts.append(_("{how} left", how=_duration((tally.total - tally.done) / rate)))
    return listed(facts + _spent(tally.usage, prices, model))


def _exceptions(tally: Tally) -> list[str]:
    """How many rows have failed, and how many were not asked because they had answers."""
    return [
        *[_("{count:,} failed", count=tally.failed)] * bool(tally.failed),
        *[_("{count:,} from the cache", count=tally.cached)] * bool(tally.cached),
    ]


def _spent(usage: Usage, prices: Prices, model: str) -> list[str]:
    """The tokens that were asked for, and their cost where there is a price."""
    if not usage.total:
        return []
    cost = prices.cost(model, usage)
    tokens = _("{input:,} tokens in, {output:,} out", input=usage.input, output=usage.output)
    return [tokens] if cost is None else [tokens, _("cost {amount}", amount=money(cost, prices.currency))]


def report(
    tally: Tally,
    seconds: float,
    prices: Prices,
    model: str,
    results: Sequence[RowResult | None],
    fields: tuple[str, ...] = (),
    ended: str = "",
) -> MapReport:
    """What to say at the end; `ended` is what ended it before all rows had a result."""
    return report_of(tally, seconds, prices, model, digest(results, fields), ended)


def report_of(tally: Tally, seconds: float, prices: Prices, model: str, found: Digest, ended: str = "") -> MapReport:
    """The same, of results that are elsewhere."""
    answered = _(
        "{model}: {good:,} of {total:,} rows answered in {how}",
        model=model,
        good=tally.done - tally.failed,
        total=tally.total,
        how=_duration(seconds),
    )
    left = tally.total - tally.done
    not_asked = _("{count:,} not asked", count=left) if left else ""
    summary = _("{what}.", what=listed([answered, not_asked, *_exceptions(tally), *_spent(tally.usage, prices, model)]))
    notes = [applied(one_line, note) for note in (ended, *tally.notes) if note]
    if tally.repaired:
        notes.append(
            _n(
                "{count:,} row was asked once more, because its answer did not fit the schema.",
                "{count:,} rows were asked once more, because their answers did not fit the schema.",
                count=tally.repaired,
            )
        )
    if found.cut:
        notes.append(
            _n(
                "{count:,} answer was cut off at the token limit.",
                "{count:,} answers were cut off at the token limit.",
                count=found.cut,
            )
        )
    return MapReport(summary, tuple(notes), found.first, found.errors)


def digest(results: Sequence[RowResult | None], fields: tuple[str, ...], whole: bool = True) -> Digest:
    """What a report says of these results; unless `whole`, only the first answers, which is quick."""
    first = _first_rows(results, fields)
    if not whole:
        return Digest(first)
    cut = sum(result is not None and result.finish_reason == "length" for result in results)
    return Digest(first, _grouped(results), cut)


def _grouped(results: Sequence[RowResult | None]) -> tuple[tuple[int, str, int], ...]:
    counts: Counter[str] = Counter()
    first: dict[str, int] = {}
    for row, result in enumerate(results):
        if result is not None and result.error:
            counts[result.error] += 1
            first.setdefault(result.error, row)
    return tuple((count, applied(_shortened, error), first[error]) for error, count in counts.most_common(ERRORS))


def _first_rows(results: Sequence[RowResult | None], fields: tuple[str, ...]) -> FirstRows:
    fields = fields[:FIRST_FIELDS]
    found: list[tuple[int, tuple[str, ...]]] = []
    for row, result in enumerate(results[: FIRST_ROWS * 100]):
        if result is not None and not result.error:
            found.append((row, _cells_of(result, fields)))
            if len(found) == FIRST_ROWS:
                break
    return FirstRows(fields, tuple(found))


def _cells_of(result: RowResult, fields: tuple[str, ...]) -> tuple[str, ...]:
    if fields:
        values = result.data or {}
        return tuple(_shortened(cell(values.get(name))) for name in fields)
    return (_shortened(cell(result.data) if result.text is None else result.text),)


def _shortened(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"


def _duration(seconds: float) -> str:
    """A time for people."""
    if seconds < 90:
        return _("{seconds:.1f} s", seconds=seconds) if seconds < 10 else _("{seconds:.0f} s", seconds=seconds)
    if seconds < 5400:
        return _("{minutes:.0f} min", minutes=seconds / 60)
    return _("{hours:.1f} h", hours=seconds / 3600)
