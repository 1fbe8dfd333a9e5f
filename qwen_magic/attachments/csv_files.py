"""CSV and its relatives, of any size: a small one is read whole, of a large one only samples at fixed places.

Of a file of gigabytes about two megabytes are read: its beginning, its end, and some blocks between them. The number
of its rows is then an estimate, and marked as one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import BinaryIO

from ..core.errors import InputError
from ..core.sizes import readable_size
from ..core.translatable import _
from .attachment import Attachment
from .file_access import sized
from .size_limits import MB
from .table_summary import TableSummary, column, markdown
from .text_encoding import encoding_of

__all__ = ["filled_columns", "headed", "read_delimited"]

# Ours: a file of up to so many bytes is read whole, and of a larger one so much.
WHOLE = 16 * MB
HEAD, BLOCK, BLOCKS = MB, 64 * 1024, 16
# Values that a description is made of.
MAX_VALUES = 400_000

DELIMITERS = ",\t;|"
YEAR = re.compile(r"(?:19|20)\d\d", re.ASCII)
# Rows that show whether years are a column's values.
LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class _Sample:
    """Rows of a file: from its beginning, its end, and for the facts. `rows` is the count of all of them."""

    header: Sequence[str]
    first: Sequence[Sequence[str]]
    last: Sequence[Sequence[str]]
    seen: Sequence[Sequence[str]]
    rows: int
    estimated: bool


def read_delimited(file: BinaryIO, name: str, rows: int | None) -> Attachment:
    """The description of a file of delimited values, with so many of its first and last rows; of `None`, no values.

    Raises `InputError` for what has no rows, or cannot be read.
    """
    size = sized(file)
    head = file.read(HEAD)
    encoding = encoding_of(head, whole=size <= HEAD)
    if encoding.startswith(("utf-16", "utf-32")):
        file, encoding = _as_utf8(file, name, encoding, size), "utf-8"
        size = sized(file)
        head = file.read(HEAD)
    delimiter = _delimiter_of(head.decode(encoding, "replace"))
    reader = _Reader(file, size, encoding, delimiter)
    try:
        sample = (reader.whole if size <= WHOLE else reader.parts)(rows or 0)
    except csv.Error as error:
        raise InputError(
            _("{name} cannot be read as CSV ({error}).", name=name, error=error),
            _("Load it, and attach the variable (-v NAME)."),
        ) from None
    if not sample.header:
        raise InputError(_("{name} has no rows.", name=name))
    table = _described(sample, name, readable_size(size))
    note = f"described: {readable_size(size)}, {table.shape}" + f", {encoding.upper()}" * (
        encoding not in ("utf-8", "utf-8-sig")
    )
    text = markdown(table, values=rows is not None)
    return Attachment(name, "table", "description", text.encode(), "text/markdown", note)


def _as_utf8(file: BinaryIO, name: str, encoding: str, size: int) -> BinaryIO:
    """UTF-16 cannot be cut at a line's end without being decoded from its beginning."""
    if size > 4 * WHOLE:
        raise InputError(
            _("{name} is in {upper} and {size} large.", name=name, upper=encoding.upper(), size=readable_size(size)),
            _("Save it as UTF-8."),
        )
    file.seek(0)
    return BytesIO(file.read().decode(encoding, "replace").encode())


def _delimiter_of(text: str) -> str:
    """The delimiter that cuts the first lines into the same number of fields, and of these the most fields."""
    lines = text.splitlines()[:50]

    def score(delimiter: str) -> tuple[bool, int, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        usual = max(set(counts), key=counts.count) if counts else 0
        return usual > 1 and counts.count(usual) * 2 > len(counts), counts.count(usual), usual

    try:
        return max(DELIMITERS, key=score)
    except csv.Error:
        return ","


class _Reader:
    """Rows at any place of an open file."""

    def __init__(self, file: BinaryIO, size: int, encoding: str, delimiter: str) -> None:
        self._file = file
        self._size = size
        self._encoding = encoding
        self._delimiter = delimiter

    def whole(self, rows: int) -> _Sample:
        """All rows, and every so many-th of them for the facts."""
        self._file.seek(0)
        table = list(self._rows(self._file.read()))
        header, body = headed(table)
        step = max(1, len(body) * max(len(header), 1) // MAX_VALUES)
        last = () if len(body) <= 2 * rows else body[-rows:] if rows else ()
        first = body[:rows] if last else body[: 2 * rows]
        return _Sample(header, first, last, body[::step], len(body), False)

    def parts(self, rows: int) -> _Sample:
        """Rows of the beginning, the end, and of blocks between them."""
        head = self._block(0, HEAD)
        header, body = headed(list(self._rows(head)))
        between: list[list[str]] = []
        used = 0
        for start in range(HEAD, self._size - BLOCK, (self._size - HEAD) // BLOCKS):
            block = self._block(start, BLOCK)
            between += self._alike(block, header)
            used += len(block)
        tail = self._alike(self._block(self._size - HEAD // 4, HEAD // 4), header)
        seen = [*body, *between]
        estimate = len(body) + round((self._size - len(head)) * len(between) / used)
        step = max(1, len(seen) * max(len(header), 1) // MAX_VALUES)
        return _Sample(header, body[:rows], tail[-rows:] if rows else (), seen[::step], estimate, True)

    def _alike(self, block: bytes, header: Sequence[str]) -> list[list[str]]:
        """The rows of a block that are like those of the beginning: others are halves of a value with line ends."""
        return [row for row in self._rows(block) if len(row) == len(header)]

    def _block(self, start: int, length: int) -> bytes:
        """The whole lines between two places of the file."""
        self._file.seek(start)
        data = self._file.read(length)
        if start:
            data = data[data.find(b"\n") + 1 :]
        return data if start + length >= self._size else data[: data.rfind(b"\n") + 1] or data

    def _rows(self, data: bytes) -> Iterator[list[str]]:
        text = data.decode(self._encoding, "replace")
        return (row for row in csv.reader(StringIO(text, newline=""), delimiter=self._delimiter) if row)


def filled_columns(text: str) -> Iterator[str]:
    """The names of the columns that have values in the first rows of a text of delimited values."""
    head = text[:HEAD]
    try:
        names, body = headed([row for row in csv.reader(StringIO(head), delimiter=_delimiter_of(head)) if row])
    except csv.Error:
        return
    yield from (
        name for index, name in enumerate(names) if any("".join(row[index : index + 1]).strip() for row in body)
    )


def headed(table: Sequence[list[str]]) -> tuple[list[str], Sequence[list[str]]]:
    """The names of the columns, and the rows. A column without a name is called by its number."""
    if not table:
        return [], []
    first = [each.strip() for each in table[0]]
    named = _is_header(first, table[1 : LOOKED_AT + 1])
    names = [each if each and named else f"column {number}" for number, each in enumerate(first, 1)]
    return names, table[1:] if named else table


def _is_header(first: list[str], below: Sequence[list[str]]) -> bool:
    """Whether a first row has names in it: some cells may be empty, and none is a number, with two exceptions.

    These are 0, 1, 2 behind an empty cell, as pandas writes a table without names, and years, all different, in columns
    that have other values than years.
    """
    if not first[0] and first[1:] == [str(number) for number in range(len(first) - 1)]:
        return len(first) > 1
    numbers = [at for at, each in enumerate(first) if column("", [each]).type in ("integer", "number")]
    values = [[row[at] for row in below if at < len(row)] for at in numbers]
    years = all(YEAR.fullmatch(first[at]) for at in numbers) and len({first[at] for at in numbers}) == len(numbers)
    return any(first) and years and not any(all(map(YEAR.fullmatch, each)) for each in values)


def _described(sample: _Sample, name: str, size: str) -> TableSummary:
    width = len(sample.header)
    columns = tuple(
        column(title, [row[index] if index < len(row) else "" for row in sample.seen])
        for index, title in enumerate(sample.header[:width])
    )
    remarks = [f"A file of {size}."]
    if len(sample.seen) < sample.rows:
        remarks.append(f"The facts on its columns are from a sample of {len(sample.seen):,} rows.")
    longer = sum(len(row) > width for row in sample.seen)
    if longer:
        remarks.append(f"Rows with more fields than the header has names: {longer:,}. What is beyond is left out.")
    return TableSummary(name, sample.rows, columns, sample.first, sample.last, sample.estimated, tuple(remarks))
