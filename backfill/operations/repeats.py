"""Several rows of a block about one entity: their order, or their folding into one operation.

Facts: the order in which the API processes the operations of one batch is not documented, so
operations on one entity whose order matters must not share a batch.
Rules: first come the first operations of every entity in the block, then the second ones, and
so on, each time in the order of the source: a batch cut from that order is full, and repeats
stand apart. Folding lets later values win; rows with other relationships are not folded.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from backfill.batches import Piece
from backfill.operations.draft import Draft
from backfill.records import Block, Bools, Int64s, UInt64s

#: Columns beside the values: the row, or the rows folded together, and the entity keys.
ROW, ROWS = "row", "rows"
_RUN, _RANK = "run", "rank"


def arranged(draft: Draft, kept: Bools, policy: Literal["each", "fold"]) -> pl.DataFrame:
    """The values of the rows that are kept, in the order in which they are to be sent.

    Beside the values the frame has the keys and either ROW or, where rows were folded, ROWS.
    """
    frame = pl.DataFrame({ROW: draft.rows, **draft.values, **_keys(draft)})
    if not kept.all():
        frame = frame.filter(pl.Series(kept))
    names = list(_keys(draft))
    if not has_repeats(frame.select(names).to_numpy()):
        return frame
    if policy == "fold":
        frame = _folded(frame, names[0], draft.apart)
    return _ranked(frame, names)


def has_repeats(keys: UInt64s) -> bool:
    """Whether any key stands in more than one row of uint64[n, k]."""
    ordered = np.sort(keys, axis=None)  # a seventh of the time of counting the distinct ones
    return bool((ordered[1:] == ordered[:-1]).any())


def keys(draft: Draft, frame: pl.DataFrame) -> UInt64s:
    """The keys of an arranged frame: uint64[n, k]."""
    return frame.select(list(_keys(draft))).to_numpy().reshape(len(frame), len(draft.keys))


def piece(block: Block, frame: pl.DataFrame) -> Piece:
    """The rows behind an arranged frame's operations."""
    behind, _ = rows(frame)
    block = _slim(block, behind)
    if ROW in frame.columns:
        return Piece(block, behind)
    return Piece(block, behind, np.concatenate([np.zeros(1, np.int64), np.cumsum(_counts(frame))]))


def _slim(block: Block, behind: Int64s) -> Block:
    """The block, less the other rows where they are most of it: a batch keeps its blocks alive."""
    if 2 * len(behind) >= len(block.rows):
        return block
    is_out = np.ones(block.stop.row - block.start.row, np.bool_)
    is_out[behind - block.start.row] = False
    return block.without(is_out)


def rows(frame: pl.DataFrame) -> tuple[Int64s, Int64s]:
    """Every row behind an arranged frame, and which operation each belongs to."""
    if ROW in frame.columns:
        return frame[ROW].to_numpy(), np.arange(len(frame))
    return _flat(frame), np.repeat(np.arange(len(frame)), _counts(frame))


def _counts(frame: pl.DataFrame) -> Int64s:
    return frame[ROWS].list.len().to_numpy().astype(np.int64)


def _flat(frame: pl.DataFrame) -> Int64s:
    return frame[ROWS].explode(empty_as_null=False).to_numpy()


def _keys(draft: Draft) -> dict[str, pl.Series]:
    return {f"key{i}": key for i, key in enumerate(draft.keys)}


def _folded(frame: pl.DataFrame, key: str, apart: pl.Expr | None) -> pl.DataFrame:
    """Successive rows of one entity as one, later values winning; ROW becomes ROWS."""
    run = pl.lit(0)
    if apart is not None:
        changed = apart.ne_missing(apart.shift()).cast(pl.Int64)
        run = changed.cum_sum().over(key)
    values = [name for name in frame.columns if name not in (ROW, key)]
    grouped = frame.with_columns(run.alias(_RUN)).group_by(key, _RUN, maintain_order=True)
    return (
        grouped.agg(pl.col(ROW).alias(ROWS), pl.col(values).drop_nulls().last())
        .sort(pl.col(ROWS).list.last())
        .drop(_RUN)
    )


def _ranked(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    if len(names) == 1:
        rank = pl.int_range(pl.len()).over(names[0])
    else:
        rank = pl.lit(pl.Series(_levels(frame.select(names).to_numpy())))
    return frame.with_columns(rank.alias(_RANK)).sort(_RANK, maintain_order=True).drop(_RANK)


def _levels(keys: UInt64s) -> Int64s:
    """One more than the highest level of an earlier row that shares a key."""
    level: dict[int, int] = {}
    levels = np.empty(len(keys), np.int64)
    for i, row in enumerate(keys.tolist()):
        levels[i] = 1 + max(level.get(key, -1) for key in row)
        level.update(dict.fromkeys(row, int(levels[i])))
    return levels
