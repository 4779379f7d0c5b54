"""The shapes of what is sent: operations that one request carries, and the rows behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from backfill.records import Block, Bools, Int64s, UInt64s

Slice = bytes | memoryview

#: A request's body, in pieces to be sent one behind the other.
Body = tuple[Slice, ...]

BATCH_OPEN, BATCH_CLOSE = b'{"batch":[', b"]}"

#: Bytes of a body that are not operations; the last operation's comma is not sent.
ENVELOPE_BYTES = len(BATCH_OPEN) + len(BATCH_CLOSE) - 1


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
