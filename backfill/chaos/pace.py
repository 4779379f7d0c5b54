"""How many requests came within a window: what the pace is held against. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Arrival(NamedTuple):
    """A request as the server saw it.

    at_s:       unix seconds when it came.
    operations: those in it; 0 for a request that took no effect, of which the server knows none.
    """

    at_s: float
    operations: int


class Most(NamedTuple):
    """The most of each that came within one window."""

    requests: int
    operations: int


def most(arrivals: Sequence[Arrival], window_s: float) -> Most:
    """The most requests, and the most operations, of any half-open window so long.

    arrivals: in any order.
    """
    ordered = sorted(arrivals)
    first, operations, found = 0, 0, Most(0, 0)
    for i, arrival in enumerate(ordered):
        operations += arrival.operations
        while ordered[first].at_s <= arrival.at_s - window_s:
            operations -= ordered[first].operations
            first += 1
        found = Most(max(found.requests, i - first + 1), max(found.operations, operations))
    return found
