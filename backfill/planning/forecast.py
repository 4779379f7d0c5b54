"""How long a run will take: arithmetic over exact counts. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from backfill import trackapi
from backfill.concurrency import MOST
from backfill.config import Destination
from backfill.sender import HELD_BYTES_MAX

#: Seconds the API takes to answer, where nobody says: from Europe to Europe 0.05, overseas 0.2.
LATENCY_S = 0.1


class Load(NamedTuple):
    """What a stream sends. read_s: how long it took to read and encode here."""

    requests: int
    operations: int
    body_bytes: int
    read_s: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds a run takes.

    total_s:      what to expect: of each stream the longest of the three below, one after another.
    pace_s:       by `requests_per_s` and `operations_per_s` alone.
    latency_s:    by answers after `assumed_latency_s` alone, with as many requests in flight as may
                  be.
    reading_s:    by reading and encoding alone, as measured now.
    operations_counted_s: by the pace, should the API count operations against its limit of
                  requests, which is not documented.
    """

    total_s: float
    pace_s: float
    latency_s: float
    reading_s: float
    operations_counted_s: float
    assumed_latency_s: float


def forecast(loads: Sequence[Load], to: Destination, latency_s: float = LATENCY_S) -> Forecast:
    """The time of a run that is never refused or throttled."""
    paces = [_pace_s(load, to) for load in loads]
    latencies = [_latency_s(load, to, latency_s) for load in loads]
    readings = [load.read_s for load in loads]
    counted = [
        max(pace, load.operations / trackapi.REQUESTS_PER_S_MAX)
        for pace, load in zip(paces, loads, strict=True)
    ]
    longest = map(max, paces, latencies, readings)
    return Forecast(
        math.fsum(longest),
        math.fsum(paces),
        math.fsum(latencies),
        math.fsum(readings),
        math.fsum(counted),
        latency_s,
    )


def _pace_s(load: Load, to: Destination) -> float:
    # The first of n requests starts at once, each other one after its share of a second.
    by_requests = max(load.requests - 1, 0) / to.requests_per_s
    by_operations = load.operations / to.operations_per_s if to.operations_per_s else 0.0
    return max(by_requests, by_operations)


def _latency_s(load: Load, to: Destination, latency_s: float) -> float:
    if not load.requests:
        return 0.0
    # As many turns as the requests in flight, or the bytes of them that are held, make needed.
    by_requests = load.requests / (to.concurrency or MOST)
    by_bytes = load.body_bytes / HELD_BYTES_MAX
    return math.ceil(max(by_requests, by_bytes)) * latency_s
