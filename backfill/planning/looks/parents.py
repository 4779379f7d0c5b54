"""Rows that go although those whom they are tied to are rejected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from backfill.phrases import counted
from backfill.planning.looking import Finding, Seen, Tally
from backfill.planning.pairs import Store
from backfill.records import Bools, SourceFile, UInt64s


class Orphans:
    """Events, devices and relationships of people and objects whose every row is rejected."""

    def __init__(self, store: Store) -> None:
        self._known = store.pairs()
        self._has_rejected = False
        self._missing = np.empty(0, np.uint64)
        self._stream = ""
        self._found: dict[tuple[str, str], Tally] = defaultdict(Tally)

    def look(self, seen: Seen) -> None:
        """Note who is made and who is rejected; count the rows that name the latter."""
        if seen.stream.name != self._stream:
            self._stream, self._missing = seen.stream.name, self._never_sent()
        is_maker = seen.stream.operation[1] == "identify"
        for one in seen.named:
            is_there, keys = one.exact
            if is_maker and one.is_own:
                self._note(seen, is_there, keys)
            elif len(self._missing):
                wanted = self._is_missing(keys) & is_there & seen.goes
                if wanted.any():
                    self._found[seen.stream.name, one.path].add(seen, wanted, one.source)

    def found(self, _files: Sequence[SourceFile]) -> Iterator[Finding]:
        """A finding a field of a stream."""
        self._known.close()
        for (stream, path), tally in self._found.items():
            text = (
                f"{counted(tally.rows, 'row')} whose {path} names somebody whose own row is"
                " rejected: mend that first"
            )
            yield tally.finding("parent_rejected", text, stream)

    def _note(self, seen: Seen, is_there: Bools, keys: UInt64s) -> None:
        known = is_there & (seen.goes | seen.is_refused)
        self._known.add(keys[known], seen.goes[known].astype(np.uint64), seen.places[known])
        self._has_rejected |= bool((is_there & seen.is_refused).any())

    def _never_sent(self) -> UInt64s:
        """Who was rejected in every row about them so far, ascending."""
        found = [np.empty(0, np.uint64)]
        for group in self._known.groups() if self._has_rejected else ():
            firsts = np.flatnonzero(group.is_key)
            if len(firsts):
                is_sent = np.maximum.reduceat(group.values, firsts)
                found.append(group.keys[firsts[is_sent == 0]])
        return np.concatenate(found)

    def _is_missing(self, keys: UInt64s) -> Bools:
        at = np.searchsorted(self._missing, keys)
        found: Bools = self._missing[np.minimum(at, len(self._missing) - 1)] == keys
        return found
