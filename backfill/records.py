"""The shapes that pass between the stages: files, blocks, batches and rejects.

Rows are counted from 0 within their file, and ranges are half-open; only what a person reads
(`_row`, messages) counts from 1: the first data record of a file is row 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from backfill.arrays import flags
from backfill.remote import AnyPath

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]
#: Why a row that nothing is wrong with is not sent: `where` leaves it out, it lies before the
#: stream's cursor, it did not change since it was last sent, a later row has its key, or it was
#: folded into a later row of the same entity.
Part = Literal["where", "since", "unchanged", "superseded", "folded"]


class Extremes(NamedTuple):
    """Of the values that `since` goes by, in rows of a stream; None: there is none.

    highest: of those that take part. open: the lowest of a row that was refused.
    """

    highest: int | None = None
    open: int | None = None


class Form(Enum):
    """How the values of a block are held."""

    TEXT = "text"  #: every column is text; null is a cell of no characters (CSV)
    JSON = "json"  #: every column is the member's raw JSON text; null is an absent member (JSONL)
    JSON_TEXT = "json text"  #: of one column of JSONL: strings alone, as text; null is absent
    TYPED = "typed"  #: Arrow types as the file has them; null is null (Parquet)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a stream's source.

    index:  its place in the stream's ordered list of files.
    path:   where it is read from; label: how messages and rejects name it.
    format: "csv", "jsonl" or "parquet".
    root:   the folder from which a folder or a glob found it; None: it was named by its path.
    bytes_max: how much of it there is to read: of a rejects file that is being written, or of what
            a shard takes of an uncompressed file; None: all.
    shard:  the number of the shard that it is read as a part of; 0: of none.
    """

    stream: str
    index: int
    path: AnyPath
    label: str
    format: str
    bytes_max: int | None = None
    root: AnyPath | None = None
    shard: int = 0


class BlockStart(NamedTuple):
    """Where a block begins, so that reading can go on there.

    row:    number of its first record.
    offset: CSV and JSONL: bytes from the start of the decoded (decompressed) file; Parquet:
            index of the row group.
    line:   CSV and JSONL: lines before it in the file, for messages.
    """

    row: int
    offset: int
    line: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """A record that could not be read; the rows around it could.

    raw: the record as it stands in the file, without its line end.
    """

    row: int
    rule: str
    reason: str
    raw: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Records read together, with their place in the source.

    start:  where the block begins; stop: where the next one will.
    table:  the records that could be read, one column a source column.
    rows:   int64[table.num_rows], ascending: the number of each record in its file.
    faults: the records in between that could not be read, ascending.
    unquoted: the columns that are held as JSON_TEXT, for strings without an escape need no more.
    sieved: by reason, the rows that a sieve left out, int64[n] each, ascending: nothing more is
            known of them.
    hashes: uint64[table.num_rows]: what the sieve made of each row of `rows`; None: there was none.
    Every row of [start.row, stop.row) is in exactly one of `rows`, `faults` and `sieved`.
    """

    file: SourceFile
    form: Form
    start: BlockStart
    stop: BlockStart
    table: pa.RecordBatch
    rows: Int64s
    faults: tuple[Fault, ...] = ()
    unquoted: frozenset[str] = frozenset()
    sieved: Mapping[Part, Int64s] = field(default_factory=dict)
    hashes: UInt64s | None = None

    @property
    def row_count(self) -> int:
        """How many rows it has, whatever is known of them."""
        return len(self.rows) + len(self.faults) + sum(map(len, self.sieved.values()))

    def without(self, is_done: Bools) -> Block:
        """The same block less the rows that are done.

        is_done: bool[stop.row - start.row], by row.
        """
        keep = ~is_done[self.rows - self.start.row]
        table = self.table
        if table.num_columns:  # Arrow cannot filter rows that have no columns
            table = table.filter(flags(keep))
        return Block(
            self.file,
            self.form,
            self.start,
            self.stop,
            table,
            self.rows[keep],
            tuple(fault for fault in self.faults if not is_done[fault.row - self.start.row]),
            self.unquoted,
            {part: rows[~is_done[rows - self.start.row]] for part, rows in self.sieved.items()},
            None if self.hashes is None else self.hashes[keep],
        )

    def only(self, rows: Int64s) -> Block:
        """The same block with some of its rows alone."""
        if not len(rows):
            return self.hollow()
        is_out = np.ones(self.stop.row - self.start.row, np.bool_)
        is_out[rows - self.start.row] = False
        return self.without(is_out)

    def hollow(self) -> Block:
        """Its place alone: for who has no use for the rows."""
        return Block(self.file, self.form, self.start, self.stop, _NO_TABLE, _NO_ROWS)


_NO_TABLE = pa.RecordBatch.from_arrays([], names=[])
_NO_ROWS: Int64s = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Rejected:
    """Rows of one block that were refused, and why.

    rows:    int64[n], ascending.
    rules:   the rule each broke, a name from the documentation ("value_too_long", …), or "api".
    reasons: for the person who mends the row; never holds a value of it.
    """

    block: Block
    rows: Int64s
    rules: list[str]
    reasons: list[str]

    def alone(self) -> Rejected:
        """The same with no other row in its block."""
        return Rejected(self.block.only(self.rows), self.rows, self.rules, self.reasons)
