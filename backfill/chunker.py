"""Encoded operations to batches: as few as fit, exact to the byte, in order.

Facts: a body is at most 500,000 bytes, envelope and commas included; the order inside a batch is
not documented.
Rules: a batch takes operations in order until the next one does not fit, would be one too many,
or is about an entity the batch already holds. What is left at the end of a block opens the next
batch of the stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backfill import trackapi
from backfill.batches import ENVELOPE_BYTES, Batch, Piece
from backfill.operations import Encoded, has_repeats
from backfill.records import Int64s, UInt64s

#: Bytes a body has left for operations and their commas once the envelope is paid for.
ROOM_BYTES = trackapi.BODY_BYTES_MAX - ENVELOPE_BYTES


@dataclass(frozen=True, slots=True)
class _Part:
    """Operations of one block that are in the open batch."""

    operations: memoryview
    ends: Int64s
    piece: Piece
    keys: UInt64s


class Chunker:
    """Cuts the operations of one stream into batches.

    stream:         the stream's name.
    operations_max: most operations a batch may hold.
    room_bytes:     bytes a batch has for operations with their commas.
    """

    def __init__(
        self, stream: str, operations_max: int | None = None, room_bytes: int = ROOM_BYTES
    ) -> None:
        self._stream = stream
        self._count_max = operations_max or room_bytes
        self._room = room_bytes
        self._open: list[_Part] = []

    def add(self, encoded: Encoded) -> Iterator[Batch]:
        """Yield the batches that the operations of a block fill; keep the rest."""
        ends, count = encoded.ends, len(encoded.ends)
        before = _previous(encoded.keys)
        first = 0
        while first < count:
            begin = int(ends[first - 1]) if first else 0
            stop = int(np.searchsorted(ends, begin + self._room_left(), side="right"))
            stop = min(stop, first + self._count_left(), count)
            stop = self._up_to_conflict(first, stop, encoded.keys, before)
            if stop > first:
                self._open.append(_part(encoded, first, stop))
            elif not self._open:
                raise AssertionError("the encoder let an oversized operation through")
            if stop < count:
                yield self._close()
            first = stop

    def flush(self) -> Iterator[Batch]:
        """Yield the batch that is still open, if any."""
        if self._open:
            yield self._close()

    def _room_left(self) -> int:
        return self._room - sum(len(part.operations) for part in self._open)

    def _count_left(self) -> int:
        return self._count_max - sum(len(part.ends) for part in self._open)

    def _up_to_conflict(self, first: int, stop: int, keys: UInt64s, before: Int64s | None) -> int:
        """The stop, moved up to the first operation about an entity the batch already holds."""
        if self._open and keys.size:
            held = np.concatenate([part.keys.ravel() for part in self._open])
            barred = np.isin(keys[first:stop], held).any(axis=1)
            if (found := np.flatnonzero(barred)).size:
                stop = first + int(found[0])
        if before is not None and (found := np.flatnonzero(before[first:stop] >= first)).size:
            stop = first + int(found[0])
        return stop

    def _close(self) -> Batch:
        parts, self._open = self._open, []
        shifts = np.cumsum([0] + [len(part.operations) for part in parts[:-1]])
        return Batch(
            self._stream,
            tuple(part.operations for part in parts),
            np.concatenate([part.ends + shift for part, shift in zip(parts, shifts, strict=True)]),
            tuple(part.piece for part in parts),
            np.concatenate([part.keys.ravel() for part in parts]),
        )


def _part(encoded: Encoded, first: int, stop: int) -> _Part:
    begin = int(encoded.ends[first - 1]) if first else 0
    return _Part(
        encoded.operations[begin : int(encoded.ends[stop - 1])],
        encoded.ends[first:stop] - begin,
        encoded.piece.part(first, stop),
        encoded.keys[first:stop],
    )


def _previous(keys: UInt64s) -> Int64s | None:
    """For each operation the last one before it that shares a key, or -1; None: none does."""
    if not has_repeats(keys):
        return None
    width = keys.shape[1]
    flat = keys.ravel()
    order = np.argsort(flat, kind="stable")
    same = flat[order][1:] == flat[order][:-1]
    before = np.full(len(flat), -1, np.int64)
    before[order[1:][same]] = order[:-1][same] // width
    latest: Int64s = before.reshape(-1, width).max(axis=1)
    return latest
