"""Keys of rows joined with those that are known."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from backfill.changes import entries
from backfill.changes.entries import Keys
from backfill.changes.known import Known
from backfill.changes.pieces import bounds, cut
from backfill.records import Bools, Int64s

UInt32s = npt.NDArray[np.uint32]
Int32s = npt.NDArray[np.int32]

#: Rows, and entities that are known, that are joined at once, about: 20 MB.
JOINED_AT_ONCE = 1 << 18


def joined(keys: Keys, known: Known) -> tuple[Bools, Int32s]:
    """Which rows are the last of their key, and where it stands among what is known, or -1.

    keys: in the order of the rows. They are sorted part by part: no copy of all is held.
    """
    is_last, known_at = np.ones(len(keys.hi), np.bool_), _nowhere(len(keys.hi))
    if known.count:
        known_at = known_at.copy()
    bits = min((max(len(keys.hi), known.count) // JOINED_AT_ONCE).bit_length(), 8)
    parts, first = (keys.hi >> np.uint64(56)).astype(np.uint8) >> (8 - bits), 0
    for part, some in enumerate(cut(known.pieces(), bounds(1 << bits))):
        rows = np.flatnonzero(parts == part)
        rows = rows[np.argsort(keys.hi[rows])]
        wanted = Keys(keys.hi[rows], keys.lo[rows])
        is_last[rows[_are_followed(wanted, rows)]] = False
        if len(some):
            found = entries.find(some, wanted)
            known_at[rows[found >= 0]] = found[found >= 0] + first
            first += len(some)
    return is_last, known_at


def _are_followed(keys: Keys, rows: Int64s) -> Bools:
    """Which rows are not the last of their key; keys: of each, ordered by `hi`."""
    is_followed = np.zeros(len(rows), np.bool_)
    if (keys.hi[1:] == keys.hi[:-1]).any():
        order = np.lexsort((rows, entries.key_of(keys.lo), keys.hi))
        his, los = keys.hi[order], entries.key_of(keys.lo[order])
        is_followed[order[:-1][(his[1:] == his[:-1]) & (los[1:] == los[:-1])]] = True
    return is_followed


class Standing(NamedTuple):
    """Where the entities of some rows stand among what is known.

    known_at: int32, of each; -1: it is new. places: uint32, ascending, of each; None: known_at is
    by place.
    """

    known_at: Int32s
    places: UInt32s | None

    @classmethod
    def told(cls, places: UInt32s, known_at: Int32s, rows: int) -> Self:
        """Of rows at some places out of so many; as takes the least memory."""
        if rows >= 2 * len(places):
            return cls(known_at, places)
        found = _nowhere(rows)
        if (known_at >= 0).any():
            found = found.copy()
            found[places] = known_at
        return cls(found, None)

    def of(self, places: Int64s) -> Int64s:
        """int64[n]: where each of the rows at these places stands."""
        at = places if self.places is None else np.searchsorted(self.places, places)
        return self.known_at[at].astype(np.int64)


def _nowhere(count: int) -> Int32s:
    """-1 so many times; it takes no memory and cannot be written to."""
    return np.broadcast_to(np.int32(-1), count)
