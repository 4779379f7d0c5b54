"""The time axis of a report: time at work, the hours between two processes left out.

Plan: each process's sitting becomes a stretch of the axis; stretches follow one another without a
gap, and each is cut into buckets of equal width, so that no bucket holds a pause.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from backfill.logbook import Sitting
from backfill.records import Int64s
from backfill.reporting.requests import Float64s, Requests

#: Buckets that a chart of 1,100 pixels can show, and that a person may read as a table; and those
#: that few requests are spread over.
BUCKETS_MAX, BUCKETS_OF_FEW = 240, 20

#: Widths of buckets, in seconds: people think in these.
_WIDTHS_S = (
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
)


#: A process that was killed at once has a place on the axis all the same.
SHORTEST_S = 0.001


class Stretch(NamedTuple):
    """A sitting on the axis: from when to when (unix seconds), and where it begins (axis seconds).

    Also holds the requests that were still logged before it was noted, or ended after.
    """

    began_s: float
    ended_s: float
    at_s: float

    @property
    def long_s(self) -> float:
        """Seconds at work."""
        return self.ended_s - self.began_s


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """The buckets, of all stretches one behind the other.

    edges_s: float64[n + 1], axis seconds: bucket i is [edges_s[i], edges_s[i + 1]).
    firsts:  int64[stretches + 1]: stretch k has the buckets [firsts[k], firsts[k + 1]).
    starts_s, ends_s: float64[requests], axis seconds. stretch: int64[requests].
    """

    stretches: tuple[Stretch, ...]
    edges_s: Float64s
    firsts: Int64s
    starts_s: Float64s
    ends_s: Float64s
    stretch: Int64s

    def __len__(self) -> int:
        return len(self.edges_s) - 1

    @property
    def widths_s(self) -> Float64s:
        """Seconds of each bucket."""
        return np.diff(self.edges_s)

    def buckets(self, at_s: Float64s) -> Int64s:
        """The bucket each moment lies in: one moment a request, within the request's stretch."""
        found = np.searchsorted(self.edges_s, at_s, side="right") - 1
        return np.clip(found, self.firsts[self.stretch], self.firsts[self.stretch + 1] - 1)


def axis(requests: Requests, sittings: Sequence[Sitting]) -> Axis:
    """Lay out the time of a run.

    sittings: in order; none where nobody noted them, then all requests are one.
    """
    stretch = _stretch_of(requests, sittings)
    stretches = tuple(_stretches(requests, sittings, stretch))
    counts = _bucket_counts(stretches, len(requests))
    edges = [
        np.linspace(s.at_s, s.at_s + s.long_s, n, endpoint=False)
        for s, n in zip(stretches, counts, strict=True)
    ]
    end_s = stretches[-1].at_s + stretches[-1].long_s if stretches else 0.0
    at_s = np.array([s.at_s for s in stretches])
    began_s = np.array([s.began_s for s in stretches])
    starts_s = at_s[stretch] + (requests.started_s - began_s[stretch])
    return Axis(
        stretches,
        np.concatenate([*edges, [end_s]]),
        np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64),
        starts_s,
        np.minimum(starts_s + requests.elapsed_s, _ends(stretches)[stretch]),
        stretch,
    )


def _stretch_of(requests: Requests, sittings: Sequence[Sitting]) -> Int64s:
    """The last sitting that had begun when a request started."""
    began_s = np.array([sitting.began_s for sitting in sittings])
    found = np.searchsorted(began_s, requests.started_s, side="right") - 1
    return np.maximum(found, 0).astype(np.int64)


def _stretches(requests: Requests, sittings: Sequence[Sitting], stretch: Int64s) -> list[Stretch]:
    if not sittings and not len(requests):
        return []
    noted = sittings or [Sitting(math.inf, -math.inf)]
    began_s = np.array([sitting.began_s for sitting in noted])
    ended_s = np.array([sitting.ended_s for sitting in noted])
    np.minimum.at(began_s, stretch, requests.started_s)
    np.maximum.at(ended_s, stretch, requests.ended_s)
    long_s = np.maximum(ended_s - began_s, SHORTEST_S)
    at_s = np.cumsum(long_s) - long_s
    spanned = zip(began_s.tolist(), (began_s + long_s).tolist(), at_s.tolist(), strict=True)
    return [Stretch(*span) for span in spanned]


def _ends(stretches: Sequence[Stretch]) -> Float64s:
    return np.array([s.at_s + s.long_s for s in stretches])


def _bucket_counts(stretches: Sequence[Stretch], requests: int) -> list[int]:
    long_s = sum(s.long_s for s in stretches)
    most = min(max(requests, BUCKETS_OF_FEW), BUCKETS_MAX)
    width_s = next((width for width in _WIDTHS_S if long_s / width <= most), long_s / most)
    return [max(1, math.ceil(s.long_s / width_s)) for s in stretches]
