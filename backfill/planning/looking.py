"""What is looked at of each block, and what is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from backfill.columns import Column, columns_of
from backfill.mapping import Field, Stream
from backfill.masks import BLANK, masked
from backfill.operations import Encoded, binding
from backfill.operations.draft import Draft, Surroundings
from backfill.phrases import counted
from backfill.planning import naming
from backfill.planning.naming import Named
from backfill.records import Bools, Int64s, SourceFile

#: How many rows a finding names.
SAMPLES_MAX = 3

#: A place is the number of a file, above these bits, and a row, below them.
_ROW_BITS = 40


class Sample(NamedTuple):
    """A row that shows what is meant.

    row: as people count, the first data record of the file is 1. value: its shape, or empty.
    """

    file: str
    row: int
    value: str = ""


#: Kinds of findings with which a run stops before it sends anything.
STOPPING = frozenset({"not_as_expected", "too_many_vanished"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a person should know before the run.

    kind:   a name that stays the same, for programs. text: a sentence without its full stop.
    stream: whose it is; None: the job's.
    rows:   how many it concerns; 0 where it is not about rows.
    """

    kind: str
    text: str
    stream: str | None = None
    rows: int = 0
    samples: tuple[Sample, ...] = ()

    def __str__(self) -> str:
        whose = f"{self.stream}: " if self.stream else ""
        where = f" ({listed(self.samples)})" if self.samples else ""
        return f"{whose}{self.text}{where}"


@dataclass(frozen=True)
class Seen:
    """A block and what becomes of its rows.

    number: of the file, over all streams. encoded: of the block.
    """

    stream: Stream
    number: int
    encoded: Encoded
    now_s: int

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns of the rows that could be read."""
        return columns_of(self.encoded.block)

    @property
    def rows(self) -> Int64s:
        """int64[n]: the number of each of these rows."""
        return self.encoded.block.rows

    @cached_property
    def goes(self) -> Bools:
        """bool[n]: which of them become an operation, or part of one."""
        return np.isin(self.rows, self.encoded.piece.rows)

    @cached_property
    def is_refused(self) -> Bools:
        """bool[n]: which of them are refused."""
        return np.isin(self.rows, self.encoded.rejected.rows)

    @cached_property
    def draft(self) -> Draft:
        """The rows as the encoder has them, to read fields of."""
        return Draft(self.stream, self.columns, self.rows, Surroundings(self.now_s, ""))

    @cached_property
    def named(self) -> list[Named]:
        """Everybody whom they name."""
        return list(naming.named(self))

    @cached_property
    def attributes(self) -> dict[str, Field]:
        """The attributes that they have, "*" spelled out."""
        return binding.attributes(self.stream, list(self.columns), are_known=False)

    @property
    def places(self) -> Int64s:
        """int64[n]: where each row stands, over all files."""
        return placed(self.number, self.rows)

    def samples(self, wanted: Bools, source: Field | None = None) -> list[Sample]:
        """The first rows that are wanted, with the shape of what stands in a field."""
        at = np.flatnonzero(wanted)[:SAMPLES_MAX]
        label = self.encoded.block.file.label
        column = self.draft.column(source) if source else None
        return [
            Sample(label, int(self.rows[i]) + 1, _shape(column, i) if column else "")
            for i in at.tolist()
        ]


class Look(Protocol):
    """Looks at every block for one kind of thing."""

    def look(self, seen: Seen) -> None:
        """Note what is in a block."""

    def found(self, files: Sequence[SourceFile]) -> Iterator[Finding]:
        """What was there; files: by their number."""


@dataclass(slots=True)
class Tally:
    """How many rows, and the first of them."""

    rows: int = 0
    samples: list[Sample] = field(default_factory=list)

    def add(self, seen: Seen, wanted: Bools | pl.Series, source: Field | None = None) -> None:
        """Count the rows of a block that are wanted."""
        flags = wanted.to_numpy() if isinstance(wanted, pl.Series) else wanted
        count = int(np.count_nonzero(flags))
        self.rows += count
        if count and len(self.samples) < SAMPLES_MAX:
            self.samples = [*self.samples, *seen.samples(flags, source)][:SAMPLES_MAX]

    def finding(self, kind: str, text: str, stream: str) -> Finding:
        """What is to be said of it."""
        return Finding(kind, text, stream, self.rows, tuple(self.samples))


def _shape(column: Column, i: int) -> str:
    """The shape of a value; empty for one that has no text, such as a list."""
    text = column.text[i]
    return masked(text or "") if text is not None or column.is_blank[i] else ""


def placed(number: int, rows: Int64s) -> Int64s:
    """Rows of a file as places."""
    return rows + (number << _ROW_BITS)


def sample(place: int, files: Sequence[SourceFile]) -> Sample:
    """The row at a place."""
    row = place & ((1 << _ROW_BITS) - 1)
    return Sample(files[place >> _ROW_BITS].label, row + 1)


def listed(samples: Sequence[Sample]) -> str:
    """Where rows stand, and the shapes there: "rows 3 (aa99), 7 of people.csv"."""
    by_file: dict[str, list[str]] = {}
    for one in samples:
        by_file.setdefault(one.file, []).append(f"{one.row:,}{_bracketed(one.value)}")
    return "; ".join(
        f"row{'' if len(rows) == 1 else 's'} {', '.join(rows)} of {file}"
        for file, rows in by_file.items()
    )


def _bracketed(shape: str) -> str:
    if shape in ("", BLANK):
        return f" {shape}" if shape else ""
    return f" ({shape})" if shape.strip() else f" ({counted(len(shape), 'space')})"
