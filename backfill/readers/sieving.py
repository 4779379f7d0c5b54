"""Records looked at before they are read: those that a sieve leaves out cost no parsing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from backfill.arrays import integers
from backfill.columns import Column
from backfill.records import KEPT, SIEVED, Form, Int64s, Part, Sieve, UInt64s


class Kept(NamedTuple):
    """What a sieve leaves of some records.

    rows:   int64[k]: the numbers of those that are to be read.
    sieved: the numbers of the others, by reason.
    hashes: uint64[n], of all of them.
    """

    rows: Int64s
    sieved: dict[Part, Int64s]
    hashes: UInt64s


def sifted(sieve: Sieve, first: int, text: bytes, starts: Int64s) -> tuple[Kept, bytes]:
    """Ask a sieve about records of text; returns also the text of those that are to be read.

    first:  the number of the first one.
    starts: int64[n]: where each begins; it goes on to the next, line ends included.
    """
    bounds = np.append(starts, len(text))
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(text)]
    records = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(starts), buffers)
    kept = _asked(sieve, first, _of_texts(records))
    if len(kept.rows) == len(starts):
        return kept, text
    return kept, b"".join(records.take(integers(kept.rows - first)).to_pylist())


def sifted_table(sieve: Sieve, first: int, table: pa.RecordBatch) -> tuple[Kept, pa.RecordBatch]:
    """The same of records that have Arrow types."""
    kept = _asked(sieve, first, _of_table(table))
    if len(kept.rows) == table.num_rows:
        return kept, table
    return kept, table.take(integers(kept.rows - first))


def _asked(sieve: Sieve, first: int, hashes: UInt64s) -> Kept:
    said = sieve(first, hashes)
    sieved: dict[Part, Int64s] = {}
    for code, part in enumerate(SIEVED):
        if part is not None and (found := np.flatnonzero(said.parts == code)).size:
            sieved[part] = found + first
    return Kept(np.flatnonzero(said.parts == KEPT) + first, sieved, said.hashes)


def _of_texts(records: pa.LargeBinaryArray) -> UInt64s:
    found = pl.from_arrow(records)
    assert isinstance(found, pl.Series)
    return found.hash().to_numpy()


def _of_table(table: pa.RecordBatch) -> UInt64s:
    """Of the values as polars has them; nested and binary ones by their JSON."""
    columns = []
    for i, (name, array) in enumerate(zip(table.schema.names, table.columns, strict=True)):
        column = Column(name, array, Form.TYPED)
        is_flat = not (column.dtype.is_nested() or column.dtype == pl.Binary)
        columns.append((column.series if is_flat else column.json.text).alias(str(i)))
    if not columns:
        return np.zeros(table.num_rows, np.uint64)
    return pl.DataFrame(columns).hash_rows().to_numpy()
