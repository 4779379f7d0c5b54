"""A stream as a watcher is told of it, on a clock that is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from backfill.ledger import Counts
from backfill.waiting import Limit


@dataclass
class Clock:
    """Seconds, as far as a test says."""

    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def counts(done: int, rejected: int = 0) -> Counts:
    return Counts(read=done, delivered=done - rejected, rejected_by_us=rejected)


def played(
    watcher: Any,
    clock: Clock,
    seconds: int,
    rows_per_s: int,
    at_first: int = 0,
    limited_by: Limit | None = "pace",
) -> Counts:
    """So many seconds of a stream that has begun; returns what it came to."""
    stands = counts(at_first)
    for _ in range(seconds):
        clock.now_s += 1
        stands = counts(stands.done + rows_per_s, stands.rejected + 1)
        watcher.settled(rows_per_s, 1)
        watcher.ticks(stands, limited_by)
    return stands
