"""The operations of one block while they are put together: values, refusals and text pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa

from backfill.arrays import texts
from backfill.coerce import Policy, convert
from backfill.columns import Column, Json, json_string
from backfill.mapping import Field, Stream
from backfill.records import Form, Int64s
from backfill.timestamps import Problem

#: What an operation's text is put together from: fixed text, or an expression over the values.
Text = str | pl.Expr


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the operations of a block depend on besides its rows.

    now_s:          the time of the run, unix seconds.
    content_digest: digest of the file's content.
    origins:        label to digest of the files that its rows were refused from, for a rejects file
                    that was mended.
    since_min:      the lowest value of `since` that takes part; None: all do.
    """

    now_s: int
    content_digest: str
    origins: Mapping[str, str] = field(default_factory=dict)
    since_min: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A limit in bytes on a column of texts. name: how reasons name the value."""

    text: pl.Series
    most: int
    rule: str
    name: str

    def problem(self) -> Problem:
        """The rows that pass it."""
        sizes = self.text.str.len_bytes()
        reason = f"{self.name} is {{}} bytes; the limit is {self.most:,}"
        return Problem((sizes > self.most).fill_null(False), self.rule, reason, sizes)


@dataclass(slots=True)
class Draft:
    """What is known so far of a block's operations, one row an operation.

    columns:     the source's columns.
    rows:        int64[height]: the number of each row in its file.
    values:      named columns the pieces refer to.
    problems:    the rules that rows break, in the order in which they are reported.
    keys:        uint64 columns that name the entities whose order an operation takes part in.
    counted:     attributes of one object and how reasons name them, where they may be too many.
    event_times: unix seconds, null where unreadable; None for what is no event.
    event_ids:   the name of the values that hold the events' ids; None for what is no event.
    apart:       text in which rows must be equal to be folded; None: no such text.
    """

    stream: Stream
    columns: dict[str, Column]
    rows: Int64s
    surroundings: Surroundings
    values: dict[str, pl.Series] = field(default_factory=dict)
    problems: list[Problem | Bound] = field(default_factory=list)
    keys: list[pl.Series] = field(default_factory=list)
    counted: list[tuple[list[pl.Expr], str]] = field(default_factory=list)
    event_times: pl.Series | None = None
    event_ids: str | None = None
    apart: pl.Expr | None = None

    @property
    def height(self) -> int:
        """How many rows."""
        return len(self.rows)

    def column(self, source: Field) -> Column:
        """The source column of a field; a constant, or a key no record of the block has, too."""
        if source.column is None:
            return self._repeated(json_string(source.value))
        return self.columns.get(source.column) or self._repeated(None)

    def _repeated(self, raw: str | None) -> Column:
        if raw is None:
            return Column("", pa.nulls(self.height, pa.string()), Form.JSON)
        return Column("", pa.repeat(texts([raw])[0], self.height), Form.JSON)

    def converted(self, source: Field, name: str, policy: Policy | None = None) -> Json:
        """A field's values; the rows that break a rule are noted as problems."""
        value = convert(self.column(source), source, name, policy or self.policy(source))
        self.problems += value.problems
        return value.json

    def policy(self, source: Field) -> Policy:
        """What becomes of a field's blanks and misfits."""
        return Policy(source.blank or self.stream.blank, source.on_error or self.stream.on_error)

    def refuse(
        self, broken: pl.Series, rule: str, reason: str, measured: pl.Series | None = None
    ) -> None:
        """Note the rows that break a rule; `{}` in the reason is filled with what was measured."""
        if broken.any():
            self.problems.append(Problem(broken, rule, reason, measured))

    def limit(self, text: pl.Series, most: int, rule: str, name: str) -> None:
        """Refuse rows whose text has more bytes than a limit."""
        self.problems.append(Bound(text, most, rule, name))

    def broken_rules(self) -> list[Problem]:
        """The rules that rows break, limits measured, in the order in which they were noted."""
        widest = [
            pl.lit(each.text).str.len_bytes().max().alias(str(i))
            for i, each in enumerate(self.problems)
            if isinstance(each, Bound)
        ]
        found = pl.select(widest).row(0, named=True) if widest else {}
        return [
            each if isinstance(each, Problem) else each.problem()
            for i, each in enumerate(self.problems)
            if isinstance(each, Problem) or (found[str(i)] or 0) > each.most
        ]

    def hold(self, values: pl.Series) -> pl.Expr:
        """Keep a column of values and name it for use in pieces."""
        name = str(len(self.values))
        self.values[name] = values
        return pl.col(name)


def write(pieces: list[Text]) -> pl.Expr:
    """One text a row from its pieces; adjacent fixed texts are joined beforehand."""
    merged: list[Text] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    return pl.concat_str([pl.lit(p) if isinstance(p, str) else p for p in merged])
