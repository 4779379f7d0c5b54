"""An export against what is known: which rows are new or different, who is gone.

Plan. Each row is hashed as the source has it; a hash that is known is a row that was acknowledged
as it stands, and it is not even read. Of the others the keys are worked out, and joined with what
is known once all are there: only then is it sure which row of a key is the last. Whether their
operations differ is told when they are encoded (`sifting`).
Memory in bytes, of n known entities, m rows, c rows whose line is not known: 16 n + m while rows
are read, and 16 c beside it; 5 c more while they are joined; 8 c, or 4 m, from then on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from backfill.arrays import flags
from backfill.changes import digests, entries
from backfill.changes.digests import Key
from backfill.changes.entries import Keys, Records
from backfill.changes.growing import Growing
from backfill.changes.joining import JOINED_AT_ONCE, Int32s, Standing, UInt32s, joined
from backfill.changes.known import Known
from backfill.changes.lines import Lines
from backfill.columns import columns_of
from backfill.errors import SourceError
from backfill.records import Block, Bools, Int64s, SourceFile, UInt64s
from backfill.sieve import KEPT, SIEVED, Said, Sieve

_UNCHANGED, _SUPERSEDED = SIEVED.index("unchanged"), SIEVED.index("superseded")

#: Rows are counted over all files of a stream in 32 bits.
ROWS_MAX = 2**32 - 2


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What became of the rows of an export.

    key:        what names the entity.
    is_full:    whether nothing counts as acknowledged.
    firsts:     by file: the place of its first row over all files; seeds: as of Comparing.begin.
    said:       uint8, by place: what a sieve says of the row.
    standing:   where the rows that are to be encoded and have a key stand among what is known.
    gone:       int64[g]: who is known and has no row.
    unreadable: rows whose key could not be read or is padded, where it matters who is gone.
    first_unreadable: the first of them, by its number in its file.
    fresh:      the keys that were not known, where that matters.
    """

    known: Known
    key: Key
    is_full: bool
    firsts: dict[SourceFile, int]
    seeds: dict[SourceFile, int]
    said: npt.NDArray[np.uint8]
    standing: Standing
    gone: Int64s
    unreadable: int
    first_unreadable: tuple[SourceFile, int] | None
    fresh: Keys

    @property
    def rows(self) -> dict[SourceFile, int]:
        """How many rows each file has."""
        bounds = [*self.firsts.values(), len(self.said)]
        counts = (stop - first for first, stop in itertools.pairwise(bounds))
        return dict(zip(self.firsts, counts, strict=True))

    def has(self, some: Records) -> Bools:
        """bool[n]: which entities have a row here; some: ordered by key."""
        found = np.zeros(len(some), np.bool_)
        at = entries.find(some, self.fresh)
        found[at[at >= 0]] = True
        first = 0
        for piece in self.known.pieces():
            at = entries.find(some, entries.keys(piece))
            here = np.flatnonzero(at >= 0)
            found[at[here[~np.isin(here + first, self.gone)]]] = True
            first += len(piece)
        return found

    def sieve(self, file: SourceFile) -> Sieve:
        """What lets through the rows of a file that are to be encoded."""
        place, seed = self.firsts[file], self.seeds[file]

        def sieve(first: int, hashes: UInt64s) -> Said:
            said = self.said[place + first : place + first + len(hashes)]
            return Said(said, entries.lines(hashes, seed))

        return sieve

    def resifted(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Blocks that were read before all rows were known, as the sieve lets them through now."""
        reached = -1
        for block in blocks:
            place = self.firsts[block.file]
            is_kept = self.said[block.rows + place] == KEPT
            assert block.hashes is not None
            first = max(block.start.row, reached)  # blocks of one piece of text share its rows
            said, reached = self.said[place + first : place + block.stop.row], block.stop.row
            sieved = {
                part: found + first
                for code, part in enumerate(SIEVED)
                if part is not None and len(found := np.flatnonzero(said == code))
            }
            yield replace(
                block,
                table=block.table if is_kept.all() else block.table.filter(flags(is_kept)),
                rows=block.rows[is_kept],
                hashes=block.hashes[is_kept],
                sieved=sieved,
            )

    def known_of(self, file: SourceFile, rows: Int64s) -> Int64s:
        """Where the entities of rows that were encoded stand among what is known; -1: nowhere."""
        return self.standing.of(rows + self.firsts[file])


class Comparing:
    """Takes the rows of an export, file by file, in order.

    key, is_full: as of Comparison.
    """

    def __init__(self, known: Known, key: Key, *, is_full: bool) -> None:
        self._known, self._key = known, key
        self._is_full = is_full
        self._index = Lines.of(iter(()), 0) if is_full else Lines.of(known.pieces(), known.count)
        #: By entity: 1 and the place of the last row that has its line; 0: none has.
        self._seen: UInt32s = np.zeros(known.count, np.uint32)
        self._said = np.zeros(0, np.uint8)
        self._firsts: dict[SourceFile, int] = {}
        self._seeds: dict[SourceFile, int] = {}
        self._rows = self._unreadable = 0
        self._first_unreadable: tuple[SourceFile, int] | None = None
        #: Of each row with a key that the sieve let through: its place, and the key.
        self._places, self._his, self._los = (
            Growing(np.uint32),
            Growing(np.uint64),
            Growing(np.uint32),
        )

    def begin(self, file: SourceFile, seed: int) -> Sieve:
        """A file's turn has come; returns what its reader is to ask.

        seed: of all that the meaning of its rows depends on but the rows themselves.
        """
        place = self._firsts[file] = self._rows
        self._seeds[file] = seed

        def sieve(first: int, hashes: UInt64s) -> Said:
            return self._look(place + first, entries.lines(hashes, seed))

        return sieve

    def add(self, block: Block) -> None:
        """Take the rows of a block that the sieve let through."""
        first = self._firsts[block.file]
        self._rows = first + block.stop.row
        self._note_unreadable(block.file, [fault.row for fault in block.faults])
        if not len(block.rows):
            return
        columns = columns_of(block)
        keys = digests.of_keys(columns, self._key, len(block.rows))
        is_blank = digests.are_blank(columns, self._key, len(block.rows))
        if self._key.is_acted_on:
            found = digests.are_unreadable(columns, self._key, len(block.rows))
            found |= digests.are_padded(columns, self._key, len(block.rows))
            self._note_unreadable(block.file, block.rows[found].tolist())
        self._places.add(block.rows[~is_blank] + first)
        self._his.add(keys["hi"][~is_blank])
        self._los.add(keys["lo"][~is_blank])

    def compared(self) -> Comparison:
        """What came of it, once every row was seen."""
        self._index = Lines.of(iter(()), 0)
        places, keys = self._places.taken(), Keys(self._his.taken(), self._los.taken())
        is_last, known_at = joined(keys, self._known)
        self._said[places[~is_last]] = _SUPERSEDED
        is_last &= self._after_its_line(places, known_at)
        self._said[places[~is_last]] = _SUPERSEDED
        is_fresh = (known_at < 0) & self._key.is_acted_on
        fresh = Keys(keys.hi[is_fresh], keys.lo[is_fresh])
        del keys
        return Comparison(
            self._known,
            self._key,
            self._is_full,
            self._firsts,
            self._seeds,
            self._said[: self._rows],
            Standing.told(places[is_last], known_at[is_last], self._rows),
            np.flatnonzero(self._seen == 0),
            self._unreadable,
            self._first_unreadable,
            fresh,
        )

    def _note_unreadable(self, file: SourceFile, rows: list[int]) -> None:
        if rows and not self._unreadable:
            self._first_unreadable = file, rows[0]
        self._unreadable += len(rows)

    def _look(self, first: int, lines: UInt64s) -> Said:
        """Tell the rows from `first` on whose line is known from the others."""
        stop = first + len(lines)
        if stop > ROWS_MAX:
            raise SourceError(
                f"more than {ROWS_MAX:,} rows cannot be compared",
                "changes",
                "make a stream of each part of the export",
            )
        self._make_room(stop)
        if len(self._index.lines):
            self._match(first, lines)
        return Said(self._said[first:stop], lines)

    def _match(self, first: int, lines: UInt64s) -> None:
        order = np.argsort(lines)  # in order they are found in a third of the time
        at, is_known = self._index.find(lines[order])
        places, found = order[is_known] + first, self._index.entities[at[is_known]]
        if (at[is_known][1:] == at[is_known][:-1]).any():
            in_turn = np.argsort(places)
            places, found = places[in_turn], found[in_turn]
        before = self._seen[found].astype(np.int64) - 1
        self._seen[found] = places + 1  # of equal lines the last one stays
        is_last = self._seen[found] == places + 1
        self._said[places] = np.where(is_last, _UNCHANGED, _SUPERSEDED)
        self._said[before[(before >= 0) & (before < first)]] = _SUPERSEDED

    def _make_room(self, rows: int) -> None:
        if rows > len(self._said):
            room = np.zeros(max(rows, 2 * len(self._said)), np.uint8)
            room[: len(self._said)] = self._said
            self._said = room

    def _after_its_line(self, places: UInt32s, known_at: Int32s) -> Bools:
        """Which rows come after the row, if any, that has the line their entity was told."""
        is_last = np.ones(len(places), np.bool_)
        for first in range(0, len(places), JOINED_AT_ONCE):
            rows = np.flatnonzero(known_at[first : first + JOINED_AT_ONCE] >= 0) + first
            at, mine = known_at[rows], places[rows].astype(np.int64)
            before = self._seen[at].astype(np.int64) - 1
            is_last[rows] = before < mine
            self._said[before[(before >= 0) & (before < mine)]] = _SUPERSEDED
            self._seen[at] = np.maximum(self._seen[at], mine + 1).astype(np.uint32)
        return is_last
