"""Whether what is kept as an entity's last operation is what it was told last.

It is not where an operation on it was never answered, and where others were sent while none were
kept.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from backfill.changes import digests, entries
from backfill.changes.entries import Records
from backfill.changes.known import Known
from backfill.changes.texts import Change, records_of


class ToldLast:
    """Asked about changes in the order of their keys, some at once."""

    def __init__(self, known: Known) -> None:
        self._pieces = known.pieces()
        self._held: deque[Records] = deque()

    def are(self, changes: Sequence[Change]) -> list[bool]:
        """Which of the texts are what their entities were told last; of who is no more: False."""
        records = records_of([change.key for change in changes])
        self._hold(records["hi"][0], records["hi"][-1])
        for piece in self._held:
            at = entries.find(piece, entries.keys(records))
            records[at >= 0] = piece[at[at >= 0]]
        return [
            change.text is not None and digests.of_operation(change.text) == digest
            for change, digest in zip(changes, digests.operations_of(records), strict=True)
        ]

    def _hold(self, first: int, last: int) -> None:
        """Have at hand all pieces with keys from the first `hi` to the last."""
        while self._held and self._held[0]["hi"][-1] < first:
            self._held.popleft()
        while not self._held or self._held[-1]["hi"][-1] <= last:
            if (piece := next(self._pieces, None)) is None:
                return
            if piece["hi"][-1] >= first:
                self._held.append(piece)
