"""The file of what is known as it is found, and every entity's latest record in it, by key.

Rules: a record that is not as it was written puts an end to what is read of those that were added;
the ordered ones carry a digest of them all, for one wrong key there could pass for somebody who is
gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import xxhash

from backfill.changes import entries
from backfill.changes.entries import ALL_IN_DOUBT, RECORD, Records
from backfill.changes.header import HEADER_BYTES, Header, damaged, header_of

#: Records read at once: 9 MB.
PIECE_RECORDS = 1 << 18
#: Added records that are merged at once, about: 36 MB. Each time all of them are read.
ADDED_RECORDS = 1 << 20


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
        for piece in pieces_of(self.file, self.offset, self.size):
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

    @property
    def is_untidy(self) -> bool:
        """Whether records stand behind the ordered ones."""
        return self.path.stat().st_size > HEADER_BYTES + self.header.size * RECORD.itemsize

    def records(self) -> Iterator[Records]:
        """Every entity's latest record, ordered by key."""
        with self.path.open("rb", buffering=0) as file:
            added = _added(file, self.header.size)
            count = max(self.header.size // PIECE_RECORDS, added.size // ADDED_RECORDS) + 1
            ends = bounds(count)
            known = cut(pieces_of(file, HEADER_BYTES, self.header.size), ends)
            for low, high, some in zip([0, *ends], ends, known, strict=False):
                before = entries.in_doubt(some) if added.doubted >= 0 else some
                yield entries.with_later(before, added.between(low, high))


def bounds(count: int) -> list[int]:
    """Where each of so many equal parts of all `hi` ends."""
    return [(i << 64) // count for i in range(1, count + 1)]


def cut(pieces: Iterator[Records], ends: Sequence[int]) -> Iterator[Records]:
    """Records ordered by key, parted where `hi` reaches each end; the last part is the rest."""
    part = [np.empty(0, RECORD)]
    left = iter(ends)
    bound = next(left)
    for piece in pieces:
        while piece["hi"][-1] >= bound:
            at = int(np.searchsorted(piece["hi"], np.uint64(bound)))
            yield np.concatenate([*part, piece[:at]])
            part, piece, bound = [np.empty(0, RECORD)], piece[at:], next(left)
        part.append(piece)
    yield np.concatenate(part)
    yield from (np.empty(0, RECORD) for _ in left)


def looked_through(path: Path) -> Found | None:
    """The file, looked through; None: it is not there. Raises CheckpointError for damage."""
    if (header := header_of(path)) is None:
        return None
    seal = xxhash.xxh3_128()
    with path.open("rb", buffering=0) as file:
        for piece in pieces_of(file, HEADER_BYTES, header.size):
            seal.update(piece.data)
    if seal.hexdigest() != header.seal:
        raise damaged(path)
    return Found(path, header)


def _added(file: IO[bytes], count: int) -> _Added:
    """The records behind the ordered ones, as far as they are sound."""
    offset = HEADER_BYTES + count * RECORD.itemsize
    size = (os.fstat(file.fileno()).st_size - offset) // RECORD.itemsize
    doubted, first = -1, 0
    for piece in pieces_of(file, offset, max(size, 0)):
        is_sound = entries.sound(piece)
        sound = len(piece) if is_sound.all() else int(np.argmin(is_sound))
        marks = np.flatnonzero(piece["line"][:sound] == ALL_IN_DOUBT)
        doubted = first + int(marks[-1]) if len(marks) else doubted
        first += sound
        if sound < len(piece):
            break
    return _Added(file, offset, first, doubted)


def pieces_of(file: IO[bytes], offset: int, count: int) -> Iterator[Records]:
    """So many records from some place on, some at once."""
    for first in range(0, count, PIECE_RECORDS):
        size = min(PIECE_RECORDS, count - first) * RECORD.itemsize
        found = os.pread(file.fileno(), size, offset + first * RECORD.itemsize)
        if len(found) < size:
            raise damaged(Path(str(file.name)))
        yield np.frombuffer(found, RECORD)
