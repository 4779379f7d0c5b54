"""The lines that are known, to be looked up by the million."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from backfill.changes.entries import Records
from backfill.records import Bools, Int64s, UInt64s

#: Bounds that are worked out at once.
_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Lines in order, and whose they are; less those that name two entities.

    Lines are hashes, so their first bits tell nearly where each stands: three times as fast as a
    binary search of a million.

    lines:    uint64[n], ascending. entities: uint32[n]: their places among what is known.
    firsts:   uint32[2^k + 1]: where the lines with each value of their first k bits begin.
    """

    lines: UInt64s
    entities: npt.NDArray[np.uint32]
    firsts: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, pieces: Iterator[Records], count: int) -> Self:
        """Those of so many records, in the order of what is known."""
        lines, at = np.empty(count, np.uint64), 0
        for piece in pieces:
            lines[at : at + len(piece)] = piece["line"]
            at += len(piece)
        lines, order = _ordered(lines)
        is_same = lines[1:] == lines[:-1]
        if is_same.any():
            is_one = np.ones(len(lines), np.bool_)
            is_one[1:] &= ~is_same
            is_one[:-1] &= ~is_same
            lines, order = lines[is_one], order[is_one]
        return cls(lines, order, _firsts(lines))

    def find(self, wanted: UInt64s) -> tuple[Int64s, Bools]:
        """Where each line stands, int64[m], and whether it is there, bool[m]."""
        bits = (len(self.firsts) - 1).bit_length() - 1
        bucket = (wanted >> np.uint64(64 - bits)).astype(np.int64)
        at, stop = self.firsts[bucket].astype(np.int64), self.firsts[bucket + 1].astype(np.int64)
        found = np.zeros(len(wanted), np.bool_)
        left = np.flatnonzero(at < stop)
        while len(left):  # as often as the fullest bucket has lines, for ever fewer
            is_it = self.lines[at[left]] == wanted[left]
            found[left[is_it]] = True
            left = left[~is_it]
            at[left] += 1
            left = left[at[left] < stop[left]]
        return at, found


def _ordered(lines: UInt64s) -> tuple[UInt64s, npt.NDArray[np.uint32]]:
    order = np.argsort(lines).astype(np.uint32)
    return lines[order], order


def _firsts(lines: UInt64s) -> npt.NDArray[np.uint32]:
    bits = max(len(lines).bit_length() - 2, 1)  # two to four lines each
    firsts = np.empty((1 << bits) + 1, np.uint32)
    firsts[-1] = len(lines)
    for first in range(0, 1 << bits, _AT_ONCE):
        stop = min(first + _AT_ONCE, 1 << bits)
        bounds = np.arange(first, stop, dtype=np.uint64) << np.uint64(64 - bits)
        firsts[first:stop] = np.searchsorted(lines, bounds)
    return firsts
