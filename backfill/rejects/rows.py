"""Refused rows as text in the source's own format, each with its file, row, rule and reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from backfill import dialect
from backfill.arrays import flags
from backfill.dialect import RAW_COLUMN, REJECT_COLUMNS, Dialect
from backfill.mapping import Source
from backfill.records import Block, Fault, Rejected


class _Refused(NamedTuple):
    """One refused row; found: its place among the rows taken, or the fault it is."""

    found: int | Fault
    row: int
    rule: str
    reason: str


def taken(block: Block, rows: np.ndarray[Any, np.dtype[np.int64]]) -> pa.RecordBatch:
    """Those of the rows that could be read, in order, without columns of our own names."""
    table = block.table
    names = [name for name in table.schema.names if name not in REJECT_COLUMNS]
    return table.select(names).filter(flags(np.isin(block.rows, rows)))


def csv_cells(
    rejected: Rejected, columns: list[str], form: Dialect, source: Source
) -> Iterator[list[str]]:
    """The cells of each refused row, in the order of `columns`, then our own.

    columns: those of the file that is written, at least the block's; form: how it is written.
    """
    read_form = dialect.dialect_of(source, rejected.block.file.path)
    sound = taken(rejected.block, rejected.rows)
    values = [
        sound.column(name).to_pylist() if name in sound.schema.names else None for name in columns
    ]
    for refused in _each(rejected):
        if isinstance(refused.found, Fault):
            found = read_form.cells(dialect.decode(refused.found.raw, source.encoding))
            cells = _placed(found, rejected.block.table.schema.names, columns, form)
        else:
            cells = [(column[refused.found] or "") if column else "" for column in values]
        own = [rejected.block.file.label, str(refused.row + 1), refused.rule, refused.reason]
        yield cells + (own if form.quote else [_unquoted(cell, form) for cell in own])


def json_lines(rejected: Rejected, encoding: str) -> Iterator[str]:
    """Each refused row as one JSON object: its members as they were, then our own."""
    sound = taken(rejected.block, rejected.rows)
    keys = [json.dumps(name, ensure_ascii=False) for name in sound.schema.names]
    marks = ['"' if name in rejected.block.unquoted else "" for name in sound.schema.names]
    values = [column.to_pylist() for column in sound.columns]
    is_ascii = not encoding.lower().startswith("utf")
    for refused in _each(rejected):
        label = rejected.block.file.label
        own: dict[str, str | int] = dict(
            zip(REJECT_COLUMNS, (label, refused.row + 1, refused.rule, refused.reason), strict=True)
        )
        members = []
        if isinstance(refused.found, Fault):
            own = {RAW_COLUMN: refused.found.raw.decode(encoding, "backslashreplace"), **own}
        else:
            members = [
                f"{key}:{mark}{raw}{mark}"
                for key, mark, column in zip(keys, marks, values, strict=True)
                if (raw := column[refused.found]) is not None
            ]
        members.append(json.dumps(own, ensure_ascii=is_ascii, separators=(",", ":"))[1:-1])
        yield f"{{{','.join(members)}}}"


def _each(rejected: Rejected) -> Iterator[_Refused]:
    faults = {fault.row: fault for fault in rejected.block.faults}
    place = 0
    for row, rule, reason in zip(
        rejected.rows.tolist(), rejected.rules, rejected.reasons, strict=True
    ):
        fault = faults.get(row)
        yield _Refused(place if fault is None else fault, row, rule, reason)
        place += fault is None


def _placed(cells: list[str], names: list[str], columns: list[str], form: Dialect) -> list[str]:
    """The cells of a broken record in our order; a surplus is joined into the last column."""
    by_name = dict(zip(names, cells, strict=False))
    surplus = cells[len(names) :]
    last = [name for name in names if name not in REJECT_COLUMNS][-1]
    if surplus:
        by_name[last] = form.delimiter.join([by_name[last], *surplus])
    return [by_name.get(name, "") for name in columns]


def _unquoted(cell: str, form: Dialect) -> str:
    """Our own words without what would need a quote, where there is none."""
    return " ".join(cell.replace(form.delimiter, " ").splitlines())
