"""Which batches may run at once: those that share no entity whose order matters.

Facts: most sources name an entity once, so that no two batches share one. Then a dictionary of the
entities is a cache miss for each of them, twice: 0.6 µs an operation, more than all else that the
event loop does for it.
Plan: as long as no two batches share an entity, their keys are only kept as sorted arrays, and
those of a new batch are looked up in them: 0.1 µs an operation. From the first shared one on,
until all are finished, a dictionary tells which batch touches an entity last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import repeat

import numpy as np

from backfill.records import UInt64s

#: Batches whose keys are sorted on their own before they are sorted together with the others: at 4
#: and at 16 it costs as much or a little more (100 batches of 1,500 keys unfinished).
APART_MAX = 8


class Ordering:
    """Holds every batch back until the earlier ones that share an entity with it are finished.

    A batch keeps its place from admission until it is finished, through every retry. Memory is that
    of the keys of the batches that are not finished. Costs nothing for batches without keys.
    """

    def __init__(self) -> None:
        self._keys: dict[int, UInt64s] = {}  # of the batches not finished, as admitted; ascending
        self._known = _Known()
        self._last: dict[int, int] | None = None  # entity → the last batch admitted that touches it
        self._followers: dict[int, list[int]] = {}
        self._waits_for: dict[int, int] = {}

    def admit(self, batch: int, keys: UInt64s) -> set[int]:
        """Give the batch its place; returns the unfinished batches it must wait for.

        keys: uint64[n], the entities it touches. Batches are admitted in source order.
        """
        if not len(keys):
            return set()
        keys = np.sort(keys)
        earlier = self._touching(keys)
        self._keys[batch] = keys
        if self._last is None:
            self._known.add(keys, self._keys.values())
        else:
            self._last.update(dict.fromkeys(keys.tolist(), batch))
        for other in earlier:
            self._followers.setdefault(other, []).append(batch)
        if earlier:
            self._waits_for[batch] = len(earlier)
        return earlier

    def finish(self, batch: int) -> list[int]:
        """Give up the batch's place; returns the batches that waited for it alone, in order."""
        keys = self._keys.pop(batch, None)
        if keys is None:
            return []
        followers = self._followers.pop(batch, [])
        if self._last is not None:
            entities: list[int] = keys.tolist()
            if followers:  # what they took over meanwhile stays theirs
                entities = [entity for entity in entities if self._last.get(entity) == batch]
            deque(map(self._last.pop, entities, repeat(None)), maxlen=0)
        if not self._keys:
            self._known, self._last = _Known(), None
        freed = []
        for follower in followers:
            self._waits_for[follower] -= 1
            if not self._waits_for[follower]:
                del self._waits_for[follower]
                freed.append(follower)
        return freed

    def _touching(self, keys: UInt64s) -> set[int]:
        """The last unfinished batch on each of the entities."""
        if self._last is None:
            if not self._known.holds_any(keys):
                return set()
            self._last, self._known = {}, _Known()
            for number, own in self._keys.items():
                self._last.update(dict.fromkeys(own.tolist(), number))
        found = set(map(self._last.get, keys.tolist()))
        return {number for number in found if number is not None}


class _Known:
    """The keys of the unfinished batches, and of some that have finished since."""

    def __init__(self) -> None:
        self._together: UInt64s = np.empty(0, np.uint64)
        self._apart: list[UInt64s] = []

    def __len__(self) -> int:
        return len(self._together) + sum(map(len, self._apart))

    def holds_any(self, keys: UInt64s) -> bool:
        """Whether one of the keys, ascending, is known."""
        return any(_share_any(known, keys) for known in (self._together, *self._apart))

    def add(self, keys: UInt64s, unfinished: Iterable[UInt64s]) -> None:
        """Know these, ascending, too; unfinished: all that must be known, these among them."""
        self._apart.append(keys)
        if len(self._apart) > APART_MAX:
            self._together, self._apart = np.sort(np.concatenate(list(unfinished))), []


def _share_any(some: UInt64s, others: UInt64s) -> bool:
    """Whether two ascending arrays, the second not empty, have a value in common."""
    if not len(some):
        return False
    places = np.minimum(np.searchsorted(some, others), len(some) - 1)
    return bool((some[places] == others).any())
