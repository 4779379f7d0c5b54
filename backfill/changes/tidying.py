"""The file of what is known as it is found, and every entity's latest record in it, by key.

Rules: a record that is not as it was written puts an end to what is read of those that were added;
the ordered ones carry a digest of them all, for one wrong key there could pass for somebody who is
gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import xxhash

from backfill.changes import entries, pieces
from backfill.changes.entries import ALL_IN_DOUBT, RECORD, Records
from backfill.changes.header import HEADER_BYTES, Header, damaged, header_of
from backfill.changes.overlay import Overlay, laid_over

#: Added records that are merged at once, about: 36 MB. Each time all of them are read.
ADDED_RECORDS = 1 << 20
#: What part of the ordered ones may be added before the file is written anew, and how many: 19 MB.
ADDED_SHARE, OVERLAID_MAX = 8, 1 << 19


class _Added(NamedTuple):
    """Records behind the ordered ones, in the order in which they were added.

    size: how many are sound. doubted: the last one that puts all before it in doubt; -1: none does.
    """

    file: IO[bytes]
    offset: int
    size: int
    doubted: int

    def between(self, low: int, high: int) -> Records:
        """Those with `hi` in [low, high), as they count now.

        Read from front to back each time: held in memory, they would take ten times as much.
        """
        found, first = [np.empty(0, RECORD)], 0
        for piece in pieces.pieces_of(self.file, self.offset, self.size):
            wanted = np.flatnonzero((piece["hi"] >= low) & (piece["hi"] <= high - 1))
            wanted = wanted[piece["line"][wanted] != ALL_IN_DOUBT]
            some = piece[wanted]
            is_void = (wanted + first <= self.doubted) & (some["line"] != entries.GONE)
            some[is_void] = entries.in_doubt(some[is_void])
            found.append(some)
            first += len(piece)
        return np.concatenate(found)


class Found(NamedTuple):
    """A file as it is read: ordered records, and those that were added behind them."""

    path: Path
    header: Header

    def overlay(self) -> Overlay | None:
        """The records that were added, over the ordered ones; None: they are too many for that.

        Nor is it done where they are torn at their end, for what is added next must be read, or
        where they put all before them in doubt.
        """
        with self.path.open("rb", buffering=0) as file:
            added, size = _added(file, self.header.size), self.header.size
            whole = HEADER_BYTES + (size + added.size) * RECORD.itemsize
            are_few = added.size * ADDED_SHARE <= size and added.size <= OVERLAID_MAX
            if not are_few or added.doubted >= 0 or os.fstat(file.fileno()).st_size != whole:
                return None
            return laid_over(file, size, entries.latest(added.between(0, 1 << 64)))

    def records(self) -> Iterator[Records]:
        """Every entity's latest record, ordered by key."""
        with self.path.open("rb", buffering=0) as file:
            added = _added(file, self.header.size)
            count = max(self.header.size // pieces.PIECE_RECORDS, added.size // ADDED_RECORDS) + 1
            ends = pieces.bounds(count)
            known = pieces.cut(pieces.pieces_of(file, HEADER_BYTES, self.header.size), ends)
            for low, high, some in zip([0, *ends], ends, known, strict=False):
                before = entries.in_doubt(some) if added.doubted >= 0 else some
                yield entries.with_later(before, added.between(low, high))


def looked_through(path: Path) -> Found | None:
    """The file, looked through; None: it is not there. Raises CheckpointError for damage."""
    if (header := header_of(path)) is None:
        return None
    seal = xxhash.xxh3_128()
    with path.open("rb", buffering=0) as file:
        for piece in pieces.pieces_of(file, HEADER_BYTES, header.size):
            seal.update(piece.data)
    if seal.hexdigest() != header.seal:
        raise damaged(path)
    return Found(path, header)


def _added(file: IO[bytes], count: int) -> _Added:
    """The records behind the ordered ones, as far as they are sound."""
    offset = HEADER_BYTES + count * RECORD.itemsize
    size = (os.fstat(file.fileno()).st_size - offset) // RECORD.itemsize
    doubted, first = -1, 0
    for piece in pieces.pieces_of(file, offset, max(size, 0)):
        is_sound = entries.sound(piece)
        sound = len(piece) if is_sound.all() else int(np.argmin(is_sound))
        marks = np.flatnonzero(piece["line"][:sound] == ALL_IN_DOUBT)
        doubted = first + int(marks[-1]) if len(marks) else doubted
        first += sound
        if sound < len(piece):
            break
    return _Added(file, offset, first, doubted)
