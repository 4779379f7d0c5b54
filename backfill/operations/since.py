"""The values that tell which rows of a growing export are new.

Rules: a row without a readable value is refused: whether it is new cannot be told. A time that lies
ahead says nothing of what was exported: it is sent, and the cursor does not go by it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
import pyarrow as pa

from backfill.coerce import Policy, convert
from backfill.columns import Column, columns_of
from backfill.mapping import Since
from backfill.records import Block, Bools, Extremes, Form, Int64s
from backfill.timestamps import Problem

_NAME = "since"
_POLICY = Policy("omit", "reject")
_BLANK = "since is blank: fill in the column, or leave such rows out by `where`"
_TOO_LARGE = "since is not an integer of at most 64 bits"


def read(
    columns: Mapping[str, Column], since: Since, wanted: Bools
) -> tuple[pl.Series, list[Problem]]:
    """The value of each row, unix seconds or integers, and the wanted rows that have none.

    Null where a problem is listed. wanted: bool[n], for n rows in each column.
    """
    column = columns.get(since.column) or Column(
        since.column, pa.nulls(len(wanted), pa.string()), Form.JSON
    )
    value = convert(column, since.field, _NAME, _POLICY)
    written = value.json.text
    numbers = written.cast(pl.Int64, strict=False)
    found = [
        Problem(column.is_blank, "no_since", _BLANK),
        *value.problems,
        Problem(numbers.is_null() & written.is_not_null(), "not_an_integer", _TOO_LARGE),
    ]
    asked = pl.Series(wanted)
    return numbers, [Problem(each.broken & asked, each.rule, each.reason) for each in found]


def extremes(values: Int64s, is_refused: Bools, since: Since, now_s: int) -> Extremes:
    """The highest of the values, and the lowest of those whose rows were refused.

    now_s: the time of the run. A later one is not taken for the highest, nor is that of a row that
    was refused: both may be nonsense, and would hide what comes after.
    """
    told, refused = values[~is_refused], values[is_refused]
    if since.type == "timestamp":
        told = told[told <= now_s]
    return Extremes(
        int(told.max()) if len(told) else None, int(refused.min()) if len(refused) else None
    )


def lowest(block: Block, since: Since, rows: Int64s) -> int:
    """The lowest value of some rows of a block, each of which has one."""
    wanted = np.isin(block.rows, rows)
    numbers, _ = read(columns_of(block), since, wanted)
    return int(numbers.filter(pl.Series(wanted)).to_numpy().min())
