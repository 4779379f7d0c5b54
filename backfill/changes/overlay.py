"""Ordered records, and later ones of a few entities laid over them: read as one, written as two.

A night changes one entity in a hundred: to write all of them anew each time would wear the disk out
for little.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

from backfill.changes import entries, pieces
from backfill.changes.entries import RECORD, Records
from backfill.changes.header import HEADER_BYTES
from backfill.records import Bools, Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """The latest record of each entity, by its place in the order of their keys.

    Places in the file are those of its ordered records; all arrays are ascending by place.

    size:     ordered records in the file.
    replaced: places in the file of those whose record is another now, and these.
    removed:  places in the file of those who are gone.
    fresh:    of those who are not in the file: the place there they would stand before.
    """

    size: int
    replaced: Int64s
    replacing: Records
    removed: Int64s
    fresh: Int64s
    freshly: Records

    @property
    def count(self) -> int:
        """How many entities they are."""
        return self.size - len(self.removed) + len(self.fresh)

    def pieces(self, file: IO[bytes]) -> Iterator[Records]:
        """All of them, some at once."""
        first = 0
        for piece in pieces.pieces_of(file, HEADER_BYTES, self.size):
            yield from self._laid_over(piece, first)
            first += len(piece)
        if len(last := self.freshly[self.fresh == self.size]):
            yield last

    def _laid_over(self, piece: Records, first: int) -> Iterator[Records]:
        begin, end = np.searchsorted(self.replaced, (first, first + len(piece)))
        if begin < end:
            piece = piece.copy()
            piece[self.replaced[begin:end] - first] = self.replacing[begin:end]
        begin, end = np.searchsorted(self.removed, (first, first + len(piece)))
        removed = self.removed[begin:end] - first
        begin, end = np.searchsorted(self.fresh, (first, first + len(piece)))
        fresh = self.fresh[begin:end] - first
        if len(removed):
            piece = np.delete(piece, removed)
        if len(fresh):
            at = fresh - np.searchsorted(removed, fresh)
            piece = np.insert(piece, at, self.freshly[begin:end])
        if len(piece):
            yield piece

    def at(self, file: IO[bytes], places: Int64s) -> Records:
        """Those at some places."""
        rank = np.arange(len(self.fresh))
        fresh = self.fresh - np.searchsorted(self.removed, self.fresh) + rank
        before, is_fresh = _among(fresh, places)
        in_file = places - before
        kept = self.removed - np.arange(len(self.removed))
        in_file += np.searchsorted(kept, in_file, side="right")
        at, is_replaced = _among(self.replaced, in_file)
        is_replaced &= ~is_fresh
        found, is_read = np.empty(len(places), RECORD), ~(is_fresh | is_replaced)
        found[is_fresh] = self.freshly[before[is_fresh]]
        found[is_replaced] = self.replacing[at[is_replaced]]
        found[is_read] = _read(file, in_file[is_read])
        return found


def in_order(size: int) -> Overlay:
    """Ordered records as they are."""
    none, nobody = np.empty(0, np.int64), np.empty(0, RECORD)
    return Overlay(size, none, nobody, none, none, nobody)


def laid_over(file: IO[bytes], size: int, later: Records) -> Overlay:
    """Later records, each of another entity and ordered by key, over those of a file."""
    ends = pieces.bounds(size // pieces.PIECE_RECORDS + 1)
    stops = np.searchsorted(later["hi"], np.array(ends[:-1], np.uint64)).tolist()
    parts = pieces.cut(pieces.pieces_of(file, HEADER_BYTES, size), ends)
    at, place = np.empty(len(later), np.int64), 0
    is_known = np.zeros(len(later), np.bool_)
    for part, first, stop in zip(parts, [0, *stops], [*stops, len(later)], strict=True):
        found, is_there = _places(part, later[first:stop])
        at[first:stop], is_known[first:stop] = found + place, is_there
        place += len(part)
    is_gone = later["line"] == entries.GONE
    is_other, is_new = is_known & ~is_gone, ~is_known & ~is_gone
    return Overlay(
        size, at[is_other], later[is_other], at[is_known & is_gone], at[is_new], later[is_new]
    )


def _places(part: Records, later: Records) -> tuple[Int64s, Bools]:
    """Where each entity stands, or the next one after it, and whether it is there."""
    his, los = np.ascontiguousarray(part["hi"]), entries.key_of(later["lo"])
    at, is_there = np.searchsorted(his, later["hi"]), np.zeros(len(later), np.bool_)
    left = np.arange(len(later))
    while len(left):  # as often as keys share 64 bits: once, but for a miracle
        left = left[at[left] < len(part)]
        left = left[his[at[left]] == later["hi"][left]]
        theirs = entries.key_of(part["lo"][at[left]])
        is_there[left[theirs == los[left]]] = True
        left = left[theirs < los[left]]
        at[left] += 1
    return at, is_there


def _among(places: Int64s, wanted: Int64s) -> tuple[Int64s, Bools]:
    """How many of the places are below each wanted one, and whether it is one of them."""
    before = np.searchsorted(places, wanted)
    is_one = np.zeros(len(wanted), np.bool_)
    inside = before < len(places)
    is_one[inside] = places[before[inside]] == wanted[inside]
    return before, is_one


def _read(file: IO[bytes], places: Int64s) -> Records:
    # One by one: through a map of the file, a few thousand would draw all of it into memory.
    descriptor, size = file.fileno(), RECORD.itemsize
    offsets = (places * size + HEADER_BYTES).tolist()
    return np.frombuffer(b"".join(os.pread(descriptor, size, o) for o in offsets), RECORD)
