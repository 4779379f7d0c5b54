"""What comes more than once: operations that change nothing, and rows whose order matters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from backfill.arrays import slices
from backfill.operations import Encoded
from backfill.phrases import counted
from backfill.planning.looking import SAMPLES_MAX, Finding, Sample, Seen, placed, sample
from backfill.planning.pairs import Pairs, Store
from backfill.records import Int64s, SourceFile, UInt64s


class Again:
    """Events whose id stands before, which the API drops, and operations that say the same.

    An event's id is that of its time and key: with other data under it, that data is lost.
    """

    def __init__(self, store: Store) -> None:
        self._events: dict[str, Pairs] = defaultdict(store.pairs)
        self._others: dict[str, Pairs] = defaultdict(store.pairs)

    def look(self, seen: Seen) -> None:
        """Note the operations of a block."""
        made, name = seen.encoded, seen.stream.name
        if not len(made.ends):
            return
        whole, places = _hashes(made), placed(seen.number, _last_rows(made))
        if made.event_ids is None:
            self._others[name].add(whole, whole, places)
        else:
            ids = made.event_ids.hash().to_numpy()
            self._events[name].add(ids, whole, places)

    def found(self, files: Sequence[SourceFile]) -> Iterator[Finding]:
        """Two findings a stream of events, one of any other."""
        for stream, pairs in self._events.items():
            count, samples, differing = _repeated(pairs, files)
            if count:
                yield Finding(
                    "events_repeated",
                    f"{counted(count, 'event')} with the time and key of an earlier one: the API"
                    f" drops them, {differing:,} of them with other data",
                    stream,
                    count,
                    samples,
                )
        for stream, pairs in self._others.items():
            count, samples, _ = _repeated(pairs, files)
            if count:
                yield Finding(
                    "changes_nothing",
                    f"{counted(count, 'operation')} equal to an earlier one, to the byte",
                    stream,
                    count,
                    samples,
                )


class Unordered:
    """Several rows of one entity in a stream that does not say which of them is later."""

    def __init__(self, store: Store) -> None:
        self._streams: dict[str, Pairs] = defaultdict(store.pairs)
        self._of_objects: set[str] = set()

    def look(self, seen: Seen) -> None:
        """Note whom the rows of such a stream are about."""
        stream = seen.stream
        if stream.operation[1] != "identify" or stream.timestamp or stream.repeats == "fold":
            return
        if stream.object:
            self._of_objects.add(stream.name)
        pairs = self._streams[stream.name]
        for one in seen.named:
            if one.is_own:
                is_there, exact = one.exact
                wanted = is_there & seen.goes
                pairs.add(exact[wanted], exact[wanted], seen.places[wanted])

    def found(self, files: Sequence[SourceFile]) -> Iterator[Finding]:
        """A finding a stream."""
        for stream, pairs in self._streams.items():
            count, samples, _ = _repeated(pairs, files)
            fix = "`repeats: fold` makes one of them" if stream in self._of_objects else "map one"
            if count:
                yield Finding(
                    "repeats_without_timestamp",
                    f"{counted(count, 'row')} about somebody who has an earlier row, without a"
                    f" `timestamp`: sent in order, but the API need not apply them in it; {fix}",
                    stream,
                    count,
                    samples,
                )


def _repeated(pairs: Pairs, files: Sequence[SourceFile]) -> tuple[int, tuple[Sample, ...], int]:
    """Rows whose key stands before, some of them, and how many differ from the first of it."""
    count, differing, places = 0, 0, list[int]()
    for group in pairs.groups():
        again, differs = group.later()
        count += int(np.count_nonzero(again))
        if len(places) < SAMPLES_MAX:
            places += group.places[again][:SAMPLES_MAX].tolist()
        differing += int(np.count_nonzero(differs))
    pairs.close()
    return count, tuple(sample(place, files) for place in sorted(places)[:SAMPLES_MAX]), differing


def _last_rows(made: Encoded) -> Int64s:
    """The row that gave each operation its place."""
    piece = made.piece
    return piece.rows if piece.firsts is None else piece.rows[piece.firsts[1:] - 1]


def _hashes(made: Encoded) -> UInt64s:
    """uint64[n]: equal for operations of the same bytes."""
    found = pl.from_arrow(slices(made.operations, np.append(np.int64(0), made.ends)))
    assert isinstance(found, pl.Series)
    return found.hash().to_numpy()
