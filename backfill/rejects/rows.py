"""Refused rows as text in the source's own format, each with its file, row, rule and reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from backfill import dialect
from backfill.arrays import flags
from backfill.columns import columns_of
from backfill.dialect import FILE_COLUMN, RAW_COLUMN, REJECT_COLUMNS, ROW_COLUMN, Dialect
from backfill.mapping import Source
from backfill.records import Block, Fault, Rejected


class Place(NamedTuple):
    """Where a row stands: the label of its file, and its number from 1."""

    file: str
    row: int


class _Refused(NamedTuple):
    """One refused row; found: its place among the rows taken, or the fault it is."""

    found: int | Fault
    place: Place
    rule: str
    reason: str


def taken(block: Block, rows: np.ndarray[Any, np.dtype[np.int64]]) -> pa.RecordBatch:
    """Those of the rows that could be read, in order, without columns of our own names."""
    table = block.table
    names = [name for name in table.schema.names if name not in REJECT_COLUMNS]
    return table.select(names).filter(flags(np.isin(block.rows, rows)))


def places(rejected: Rejected) -> list[Place]:
    """Where each refused row stands: of one that was refused before, where it stood at first.

    So a row that is mended in two rounds is one row, and its event has one id.
    """
    block = rejected.block
    here = [Place(block.file.label, row + 1) for row in rejected.rows.tolist()]
    if not set(REJECT_COLUMNS) <= set(block.table.schema.names):
        return here
    columns = columns_of(block)
    files, numbers = (
        dict(zip(block.rows.tolist(), columns[name].text, strict=True))
        for name in (FILE_COLUMN, ROW_COLUMN)
    )
    return [
        Place(str(files[row]), int(numbers[row] or 0))
        if files.get(row) and str(numbers.get(row) or "").isdecimal()
        else place
        for row, place in zip(rejected.rows.tolist(), here, strict=True)
    ]


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
    names = rejected.block.table.schema.names
    for refused in _each(rejected):
        place = refused.place
        if isinstance(refused.found, Fault):
            found = read_form.cells(dialect.decode(refused.found.raw, source.encoding))
            place = _first_place(found, names) or place
            cells = _placed(found, names, columns)
        else:
            cells = [(column[refused.found] or "") if column else "" for column in values]
        own = [place.file, str(place.row), refused.rule, refused.reason]
        yield cells + (own if form.quote else [_unquoted(cell, form) for cell in own])


def json_lines(rejected: Rejected, encoding: str) -> Iterator[str]:
    """Each refused row as one JSON object: its members as they were, then our own."""
    sound = taken(rejected.block, rejected.rows)
    keys = [json.dumps(name, ensure_ascii=False) for name in sound.schema.names]
    marks = ['"' if name in rejected.block.unquoted else "" for name in sound.schema.names]
    values = [column.to_pylist() for column in sound.columns]
    is_ascii = not encoding.lower().startswith("utf")
    for refused in _each(rejected):
        own: dict[str, str | int] = dict(
            zip(REJECT_COLUMNS, (*refused.place, refused.rule, refused.reason), strict=True)
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
    taken_before = 0
    for row, place, rule, reason in zip(
        rejected.rows.tolist(), places(rejected), rejected.rules, rejected.reasons, strict=True
    ):
        fault = faults.get(row)
        yield _Refused(taken_before if fault is None else fault, place, rule, reason)
        taken_before += fault is None


def _first_place(cells: list[str], names: list[str]) -> Place | None:
    """Where a broken record stood that was refused before; None for one that was not."""
    if not set(REJECT_COLUMNS) <= set(names) or len(cells) < len(REJECT_COLUMNS):
        return None
    file, row = cells[-len(REJECT_COLUMNS) :][:2]
    return Place(file, int(row)) if file and row.isdecimal() else None


def _placed(cells: list[str], names: list[str], columns: list[str]) -> list[str]:
    """The cells of a broken record in our order, as many too many or too few as it had.

    So it is refused again as long as nobody has mended it, and never sent with its values shifted.
    """
    if set(REJECT_COLUMNS) <= set(names):  # refused before: it ends with cells of ours
        names = [name for name in names if name not in REJECT_COLUMNS]
        cells = cells[: -len(REJECT_COLUMNS)]
    by_name, missing = dict(zip(names, cells, strict=False)), max(len(names) - len(cells), 0)
    placed = [by_name.get(name, "") for name in columns]
    return [*placed[: len(placed) - missing], *cells[len(names) :]]


def _unquoted(cell: str, form: Dialect) -> str:
    """Our own words without what would need a quote, where there is none."""
    return " ".join(cell.replace(form.delimiter, " ").splitlines())
