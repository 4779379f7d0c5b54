"""One pace for several senders: the start of each request, told before it comes. Pure.

Rules. A lease is the start of one request at a time of the schedule or within a slot after it,
whoever holds it; one that is not used in its slot is worth nothing, so that a sender that died
holds nothing. Starts stand so far apart that a window of one second, and of the time that the way
to the server may differ, never holds more than the limit, wherever in their slots they begin: n
starts span at least n - 1 distances less one slot.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from backfill.pacing import JITTER_S, WINDOW_S, Window

#: How long after its time a lease may be used, in seconds: an event loop that shares its core with
#: an encoder is that late at times. Costs 3 % of the pace.
SLOT_S = 0.03


class Schedule:
    """The starts that are given out; times are of one clock, in seconds."""

    def __init__(self, requests_per_s: int, operations_per_s: int | None) -> None:
        self._distance_s = (WINDOW_S + JITTER_S + SLOT_S) / requests_per_s
        self._window = Window(operations_per_s, SLOT_S) if operations_per_s else None
        self._free_s = float("-inf")
        self._returned: list[float] = []

    def follow(self, now_s: float) -> None:
        """Keep to the pace together with a run that used it to the full until now."""
        self._free_s = now_s + WINDOW_S + JITTER_S + SLOT_S
        if self._window:
            self._window.fill(now_s)

    def next_s(self, earliest_s: float, operations: int) -> float:
        """When the next request of so many operations may start, not before `earliest_s`."""
        window_s = self._window.wait_s(earliest_s, operations) if self._window else 0.0
        at_s = earliest_s + window_s
        place = bisect_left(self._returned, at_s)
        return self._returned[place] if place < len(self._returned) else max(at_s, self._free_s)

    def take(self, at_s: float, operations: int) -> None:
        """Give out a start that `next_s` told."""
        place = bisect_left(self._returned, at_s)
        if place < len(self._returned) and self._returned[place] == at_s:
            del self._returned[place]
        else:
            self._free_s = at_s + self._distance_s
        if self._window:
            self._window.spend(at_s, operations)

    def give_back(self, now_s: float, at_s: float) -> None:
        """A start that was given out is not used; its operations stay counted."""
        self._returned = self._returned[bisect_left(self._returned, now_s) :]
        if at_s > now_s:
            insort(self._returned, at_s)
