"""One block: rows that do not take part set aside, the others written as operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backfill import trackapi
from backfill.arrays import contiguous
from backfill.batches import Marks, Piece
from backfill.columns import Column, columns_of
from backfill.mapping import Stream
from backfill.operations import binding, repeats, shapes, since
from backfill.operations.draft import Draft, Surroundings, Text, write
from backfill.records import Block, Bools, Extremes, Int64s, Part, Rejected, UInt64s
from backfill.timestamps import Problem

if TYPE_CHECKING:
    from backfill.filters import Where


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What became of the rows of one block; each is in exactly one of the four.

    piece:      the rows behind the operations, in the operations' order.
    operations: the operations, each ended by a comma, in one buffer.
    ends:       int64[n], ascending: where operation i ends, its comma included.
    keys:       uint64[n, k]: the entities each operation takes part in the order of; k = 0
                where order does not matter.
    rejected:   the rows refused, and why.
    filtered:   by reason, the rows left out.
    held:       rows kept for a later run: events still young enough to start campaigns.
    young, future: how many of the operations are events younger than 72 hours, or not yet due.
    event_ids:  the id of each event; None for what is no event.
    extremes:   of the values that `since` goes by.
    confirmed:  rows that say what was acknowledged before in other words: what is to be remembered
                of them; None: there are none.
    """

    piece: Piece
    operations: memoryview
    ends: Int64s
    keys: UInt64s
    rejected: Rejected
    filtered: dict[Part, Int64s] = field(default_factory=dict)
    held: Int64s = field(default_factory=lambda: np.empty(0, np.int64))
    young: int = 0
    future: int = 0
    event_ids: pl.Series | None = None
    extremes: Extremes = field(default_factory=Extremes)
    confirmed: Marks | None = None

    @property
    def block(self) -> Block:
        """The block it was made of."""
        return self.rejected.block

    def each(self) -> Iterator[memoryview]:
        """Each operation, without the comma behind it."""
        start = 0
        for end in self.ends.tolist():
            yield self.operations[start : end - 1]
            start = end


def encode(
    block: Block, stream: Stream, where: Where | None, surroundings: Surroundings
) -> Encoded:
    """Turn the rows of a block into operations."""
    refusals = _Refusals(block)
    taking = _taking_part(block, stream, where, surroundings, refusals)
    draft = Draft(stream, taking.columns, taking.rows, surroundings)
    pieces = shapes.operation(draft) if draft.height else []
    shapes.refuse_without_key(draft)
    kept = ~refusals.add(taking.rows, draft.broken_rules())
    ages = _ages(draft, kept)
    frame = repeats.arranged(draft, kept & ~ages.held, stream.repeats)
    frame = _within_counts(frame, draft, refusals)
    frame, buffer, ends = _written(frame, pieces, refusals)
    rejected = refusals.rejected()
    return Encoded(
        piece=repeats.piece(block, frame),
        operations=buffer,
        ends=ends,
        keys=repeats.keys(draft, frame),
        rejected=rejected,
        filtered={**block.sieved, **taking.filtered},
        held=taking.rows[ages.held],
        young=ages.young,
        future=ages.future,
        event_ids=frame[draft.event_ids] if draft.event_ids else None,
        extremes=_extremes(taking, rejected, draft),
    )


def bare(stream: Stream) -> Stream:
    """The stream with no more than tells whom its rows are about."""
    return stream.model_copy(update={"attributes": {}, "relationships": [], "timestamp": None})


def naming_columns(stream: Stream) -> list[str]:
    """The columns that `entities` reads."""
    named = (field.column for _, field in binding.fields(bare(stream)))
    return list(dict.fromkeys(column for column in named if column is not None))


def entities(block: Block, stream: Stream, surroundings: Surroundings) -> UInt64s:
    """uint64[len(block.rows), k]: whom each row is about, as of `Encoded.keys`; 0: nobody.

    Says it also of rows that are refused or left out, and costs a part of `encode`.
    """
    draft = Draft(bare(stream), columns_of(block), block.rows, surroundings)
    if draft.height:
        shapes.operation(draft)
    keys = [key.fill_null(0).to_numpy() for key in draft.keys]
    return np.stack(keys, axis=1) if keys else np.empty((draft.height, 0), np.uint64)


class _Refusals:
    """The first rule that each refused row of a block breaks."""

    def __init__(self, block: Block) -> None:
        self._block = block
        self._found = {fault.row: (fault.rule, fault.reason) for fault in block.faults}

    def add(self, rows: Int64s, problems: list[Problem]) -> Bools:
        """Note the rows that break a rule; returns which of `rows` do."""
        refused = np.zeros(len(rows), np.bool_)
        for problem in problems:
            at = problem.broken.arg_true().to_numpy()
            measured = problem.measured.gather(at) if problem.measured is not None else None
            for i, row in enumerate(rows[at].tolist()):
                reason = problem.reason
                if measured is not None:
                    before, after = reason.rsplit("{}", 1)
                    reason = f"{before}{measured[i]:,}{after}"
                self._found.setdefault(row, (problem.rule, reason))
            refused[at] = True
        return refused

    def rejected(self) -> Rejected:
        """All that was noted, by row."""
        found = sorted(self._found.items())
        return Rejected(
            self._block,
            np.array([row for row, _ in found], np.int64),
            [rule for _, (rule, _) in found],
            [reason for _, (_, reason) in found],
        )


@dataclass(frozen=True, slots=True)
class _Ages:
    held: Bools
    young: int
    future: int


@dataclass(frozen=True, slots=True)
class _Taking:
    """The rows that take part, and those that are left out.

    values: what `since` reads of each; None where the stream has none.
    """

    rows: Int64s
    columns: dict[str, Column]
    filtered: dict[Part, Int64s]
    values: Int64s | None = None


def _taking_part(
    block: Block,
    stream: Stream,
    where: Where | None,
    surroundings: Surroundings,
    refusals: _Refusals,
) -> _Taking:
    """The rows that the stream's condition matches and its cursor has not passed."""
    columns, rows = columns_of(block), block.rows
    if not len(rows):
        return _Taking(rows, columns, {})
    kept, filtered, values = np.ones(len(rows), np.bool_), dict[Part, Int64s](), None
    if where is not None:
        matches = where.judge(columns, len(rows))
        reason = "a value that `where` casts is not a number"
        refusals.add(rows, [Problem(matches.is_null(), "where_unreadable", reason)])
        kept = matches.fill_null(False).to_numpy()
        filtered["where"] = rows[(~matches).fill_null(False).to_numpy()]
    if stream.since is not None:
        numbers, problems = since.read(columns, stream.since, kept)
        refusals.add(rows, problems)
        values = numbers.fill_null(0).to_numpy()
        kept = kept & numbers.is_not_null().to_numpy()
        if surroundings.since_min is not None:
            is_old = kept & (values < surroundings.since_min)
            filtered["since"] = rows[is_old]
            kept = kept & ~is_old
        values = values[kept]
    filtered = {part: left_out for part, left_out in filtered.items() if len(left_out)}
    if kept.all():
        return _Taking(rows, columns, filtered, values)
    return _Taking(rows[kept], columns_of(block, kept), filtered, values)


def _extremes(taking: _Taking, rejected: Rejected, draft: Draft) -> Extremes:
    if taking.values is None or draft.stream.since is None:
        return Extremes()
    is_refused = np.isin(taking.rows, rejected.rows)
    return since.extremes(taking.values, is_refused, draft.stream.since, draft.surroundings.now_s)


def _ages(draft: Draft, kept: Bools) -> _Ages:
    held = np.zeros(draft.height, np.bool_)
    if draft.event_times is None:
        return _Ages(held, 0, 0)
    now_s = draft.surroundings.now_s
    times = draft.event_times.fill_null(0).to_numpy()
    young = kept & (times > now_s - trackapi.CAMPAIGN_WINDOW_S)
    if draft.stream.campaigns == "hold":
        held = young
    return _Ages(held, int((young & ~held).sum()), int((kept & ~held & (times > now_s)).sum()))


def _within_counts(frame: pl.DataFrame, draft: Draft, refusals: _Refusals) -> pl.DataFrame:
    """The operations that have no more attributes than allowed, after folding."""
    for values, name in draft.counted:
        there = pl.sum_horizontal([value.is_not_null() for value in values])
        count = frame.select(there.alias("")).to_series()
        reason = f"{name}: {{}}; the limit is {trackapi.ATTRIBUTES_MAX}"
        too_many = Problem(count > trackapi.ATTRIBUTES_MAX, "too_many_attributes", reason, count)
        frame = _less(frame, too_many, refusals)
    return frame


def _less(frame: pl.DataFrame, problem: Problem, refusals: _Refusals) -> pl.DataFrame:
    """The operations that do not have a problem; the rows behind the others are refused."""
    if not problem.broken.any():
        return frame
    assert problem.measured is not None
    rows, of_operation = repeats.rows(frame)
    broken, measured = problem.broken.gather(of_operation), problem.measured.gather(of_operation)
    refusals.add(rows, [Problem(broken, problem.rule, problem.reason, measured)])
    return frame.filter(~problem.broken)


def _written(
    frame: pl.DataFrame, pieces: list[Text], refusals: _Refusals
) -> tuple[pl.DataFrame, memoryview, Int64s]:
    """The operations as one buffer with their ends; those over the limit are refused."""
    if frame.is_empty():
        return frame, memoryview(b""), np.empty(0, np.int64)
    text = frame.select(write([*pieces, ","]).alias("")).to_series()
    if text.null_count():
        raise AssertionError("an operation was put together from a value that is not there")
    buffer, ends = _contiguous(text)
    sizes = np.diff(ends, prepend=0) - 1
    is_too_long = sizes > trackapi.OPERATION_BYTES_MAX
    if is_too_long.any():
        too_long, measured = pl.Series(is_too_long), pl.Series(sizes)
        reason = f"the operation is {{}} bytes; the limit is {trackapi.OPERATION_BYTES_MAX:,}"
        frame = _less(frame, Problem(too_long, "operation_too_long", reason, measured), refusals)
        buffer, ends = _contiguous(text.filter(~too_long))
    return frame, buffer, ends


def _contiguous(text: pl.Series) -> tuple[memoryview, Int64s]:
    """Texts one behind the other in one buffer, and where each ends."""
    return contiguous(text.to_arrow(compat_level=pl.CompatLevel.oldest()))
