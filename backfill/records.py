"""The shapes that pass between the stages: files, blocks, batches and rejects.

Rows are counted from 0 within their file, and ranges are half-open; only what a person reads
(`_row`, messages) counts from 1: the first data record of a file is row 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
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
Slice = bytes | memoryview

#: A request's body, in pieces to be sent one behind the other.
Body = tuple[Slice, ...]

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


BATCH_OPEN, BATCH_CLOSE = b'{"batch":[', b"]}"

#: Bytes of a body that are not operations; the last operation's comma is not sent.
ENVELOPE_BYTES = len(BATCH_OPEN) + len(BATCH_CLOSE) - 1


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


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What change detection is to remember of operations once they are acknowledged.

    records: one an operation, as `backfill.changes` keeps them.
    entries: int64[n]: where the entity stands among those it knows; -1: it is new.
    texts:   what it keeps of each as text, None for one that is no more; None: nothing.
    """

    records: npt.NDArray[np.void]
    entries: Int64s
    texts: tuple[bytes | None, ...] | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def part(self, wanted: slice | Int64s | Bools) -> Marks:
        """Some of them."""
        texts = self.texts
        if texts is not None:
            chosen = np.arange(len(self))[wanted].tolist()
            texts = tuple(texts[i] for i in chosen)
        return Marks(self.records[wanted], self.entries[wanted], texts)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Consecutive operations that come from one block.

    block:  less the other rows where it takes only few of them.
    rows:   int64[k]: the rows behind the operations, in the operations' order.
    firsts: int64[n + 1]: operation i stands for rows[firsts[i] : firsts[i + 1]], the last of
            which gave it its place, the others having been folded into it; None: one row each.
    marks:  of the operations, where changes are looked for.
    """

    block: Block
    rows: Int64s
    firsts: Int64s | None = None
    marks: Marks | None = None

    def __len__(self) -> int:
        return len(self.rows) if self.firsts is None else len(self.firsts) - 1

    def part(self, first: int, stop: int) -> Piece:
        """Operations [first, stop) of this piece."""
        marks = self.marks and self.marks.part(slice(first, stop))
        if self.firsts is None:
            return Piece(self.block, self.rows[first:stop], None, marks)
        firsts = self.firsts[first : stop + 1]
        return Piece(self.block, self.rows[firsts[0] : firsts[-1]], firsts - firsts[0], marks)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What one request carries.

    stream: the stream's name.
    slices: the encoded operations, each ended by a comma, as slices of the blocks' buffers.
    ends:   int64[n], n > 0: where operation i ends in the slices put together, comma included.
    pieces: where the operations come from, in order; their lengths add up to n.
    keys:   uint64[m]: the entities whose order this batch takes part in; empty where order
            does not matter.
    """

    stream: str
    slices: tuple[Slice, ...]
    ends: Int64s
    pieces: tuple[Piece, ...]
    keys: UInt64s = field(default_factory=lambda: np.empty(0, np.uint64))

    def __len__(self) -> int:
        return len(self.ends)

    def hollow(self) -> Batch:
        """Which rows it carries and how long it is, without the rows and the operations."""
        pieces = tuple(Piece(one.block.hollow(), one.rows, one.firsts) for one in self.pieces)
        return Batch(self.stream, (), self.ends, pieces)

    @property
    def size(self) -> int:
        """Bytes of the operations with their commas."""
        return int(self.ends[-1])

    @property
    def body_bytes(self) -> int:
        """Bytes of the request's body."""
        return self.size + ENVELOPE_BYTES

    def body(self) -> Body:
        """The request's body, {"batch":[…]}; nothing is copied."""
        *slices, last = self.slices
        return (BATCH_OPEN, *slices, memoryview(last)[:-1], BATCH_CLOSE)

    def part(self, first: int, stop: int) -> Batch:
        """Operations [first, stop) as a batch of their own."""
        begin = int(self.ends[first - 1]) if first else 0
        end = int(self.ends[stop - 1])
        return Batch(
            self.stream,
            tuple(self.slices[i][a:b] for i, a, b in _within(self.slices, begin, end)),
            self.ends[first:stop] - begin,
            tuple(self.pieces[i].part(a, b) for i, a, b in _within(self.pieces, first, stop)),
            self.keys,
        )


def _within(parts: Sequence[Sized], first: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """What [first, stop) of all parts takes of each of them: which one, from where to where."""
    at = 0
    for i, part in enumerate(parts):
        begin, end = max(first - at, 0), min(stop - at, len(part))
        if begin < end:
            yield i, begin, end
        at += len(part)
