"""Records looked at before they are read: those that a sieve leaves out cost no parsing.

Plan: what a sieve leaves of a piece of text is put together with what it leaves of the next ones,
for parsing a hundred records takes as long as parsing a thousand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl
import pyarrow as pa
import xxhash

from backfill.arrays import integers, slices
from backfill.columns import Column
from backfill.records import Block, BlockStart, Form, Int64s, Part, UInt64s
from backfill.sieve import KEPT, SIEVED, Sieve

#: Rows that one block reaches over, at most: a byte and a hash of each are held.
REACH_ROWS = 1 << 18


class Kept(NamedTuple):
    """What a sieve leaves of some records.

    rows:   int64[k]: the numbers of those that are to be read.
    sieved: the numbers of the others, by reason.
    hashes: uint64[k]: those of `rows`.
    """

    rows: Int64s
    sieved: dict[Part, Int64s]
    hashes: UInt64s


class Grammar(Protocol):
    """What a text format knows of its records."""

    def record_starts(self, text: bytes) -> Int64s:
        """Where each record of whole records begins; it goes on to the next one."""
        ...

    def kept_blocks(self, at: BlockStart, text: bytes, rows: Int64s) -> Iterator[Block]:
        """Records as blocks that begin at `at`; rows: int64[n]: their numbers."""
        ...


@dataclass(slots=True)
class Sifter:
    """Asks a sieve about piece after piece of text, and reads what it leaves."""

    sieve: Sieve
    grammar: Grammar
    block_bytes: int
    _begin: BlockStart | None = None
    _kept: list[Kept] = field(default_factory=list)
    _texts: list[bytes] = field(default_factory=list)

    def add(self, at: BlockStart, text: bytes, lines: int) -> tuple[BlockStart, list[Block]]:
        """Take a piece of whole records; returns where the next begins, and blocks that are full.

        lines: how many line ends it holds.
        """
        self._begin = self._begin or at
        starts = self.grammar.record_starts(text)
        kept, left = sifted(self.sieve, at.row, text, starts)
        stop = BlockStart(at.row + len(starts), at.offset + len(text), at.line + lines)
        self._kept.append(kept)
        if left:
            self._texts.append(left if left.endswith(b"\n") else left + b"\n")
        # A piece that is kept whole falls short of a block, and two of them would be two blocks.
        is_full = sum(map(len, self._texts)) >= self.block_bytes // 2
        is_far = stop.row - self._begin.row >= REACH_ROWS
        return stop, list(self.flush(stop)) if is_full or is_far else []

    def flush(self, stop: BlockStart) -> Iterator[Block]:
        """The blocks of what was taken and not yet handed out; stop: where it ends."""
        if self._begin is None or stop.row == self._begin.row:
            return
        begin, text = self._begin, b"".join(self._texts)
        rows = np.concatenate([kept.rows for kept in self._kept])
        hashes = np.concatenate([kept.hashes for kept in self._kept])
        sieved = {
            part: np.concatenate([kept.sieved[part] for kept in self._kept if part in kept.sieved])
            for part in SIEVED
            if part is not None and any(part in kept.sieved for kept in self._kept)
        }
        self._begin, self._kept, self._texts = None, [], []
        for block in self.grammar.kept_blocks(begin, text, rows):
            of_block = hashes[np.searchsorted(rows, block.rows)]
            yield replace(block, stop=stop, sieved=sieved, hashes=of_block)
            sieved = {}


def sifted(sieve: Sieve, first: int, text: bytes, starts: Int64s) -> tuple[Kept, bytes]:
    """Ask a sieve about records of text; returns also the text of those that are to be read.

    first:  the number of the first one.
    starts: int64[n]: where each begins; it goes on to the next, line ends included.
    """
    records = slices(text, np.append(starts, len(text)))
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
    kept = np.flatnonzero(said.parts == KEPT)
    return Kept(kept + first, sieved, said.hashes[kept])


def _of_texts(records: pa.LargeBinaryArray) -> UInt64s:
    found = pl.from_arrow(records)
    assert isinstance(found, pl.Series)
    return found.hash().to_numpy()


def _of_table(table: pa.RecordBatch) -> UInt64s:
    """Of the values as polars has them, and of their types; nested and binary ones by their JSON.

    Equal bits of two types are two values: 1 and true, a number and a time, 1.00 and 100.
    """
    columns, kinds = [], list[str]()
    for i, (name, array) in enumerate(zip(table.schema.names, table.columns, strict=True)):
        column = Column(name, array, Form.TYPED)
        kinds.append(str(column.dtype))
        is_flat = not (column.dtype.is_nested() or column.dtype == pl.Binary)
        columns.append((column.series if is_flat else column.json.text).alias(str(i)))
    if not columns:
        return np.zeros(table.num_rows, np.uint64)
    of_types = np.uint64(xxhash.xxh3_64_intdigest("\n".join(kinds).encode()))
    found: UInt64s = pl.DataFrame(columns).hash_rows().to_numpy() ^ of_types
    return found
