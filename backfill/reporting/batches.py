"""What the requests of a run carried, and what was answered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from backfill import pacing, trackapi
from backfill.records import Bools, Int64s
from backfill.reporting.course import quantile
from backfill.reporting.requests import Requests

#: Bars of a histogram: 20 of 25,000 bytes each.
_BARS = 20

#: From here on there may have been no room for one more operation of the largest size.
_FULL_BYTES = trackapi.BODY_BYTES_MAX - trackapi.OPERATION_BYTES_MAX

#: Share of a stream's batches that decides what bounds them. The last one is never full.
_MOST = 0.5

#: Reasons that are told one by one; there are as many as there are ways for a network to fail.
FAILURES_MAX = 12


class Histogram(NamedTuple):
    """Batches by size: bar i holds those of (edges[i], edges[i + 1]], the first also of edges[0].

    counts: int64[n]; edges: n + 1 of them.
    """

    edges: tuple[int, ...]
    counts: tuple[int, ...]


class Fill(NamedTuple):
    """How full a stream's batches were. bound: what kept them from being larger, in words."""

    stream: str
    batches: int
    operations_median: int
    operations_max: int
    bytes_median: int
    full_share: float
    bound: str


class Answers(NamedTuple):
    """Requests that got one status (0: no answer). p50_s: nan where nothing was answered."""

    status: int
    requests: int
    operations: int
    body_bytes: int
    p50_s: float


class Failures(NamedTuple):
    """Why requests had to be sent again, and how many."""

    what: str
    requests: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often batches were sent. most: the highest attempt of any batch."""

    first: int
    retries: int
    most: int


def by_bytes(requests: Requests) -> Histogram:
    """Batches by the bytes of their bodies, up to the API's limit."""
    return _histogram(requests.body_bytes[_is_batch(requests)], trackapi.BODY_BYTES_MAX)


def by_operations(requests: Requests) -> Histogram:
    """Batches by the operations they held."""
    operations = requests.operations[_is_batch(requests)]
    return _histogram(operations, _round_up(int(operations.max(initial=1))))


def fills(
    requests: Requests, streams: Sequence[str], operations_per_s: int | None, requests_per_s: int
) -> list[Fill]:
    """Each stream that sent anything, in order; the pace says how many operations a batch held."""
    cap = None
    if operations_per_s:
        cap = pacing.batch_operations_max(operations_per_s, requests_per_s)
    found = []
    for index, name in enumerate(streams):
        mine = _is_batch(requests) & (requests.stream == index)
        if mine.any():
            found.append(_fill(name, requests.operations[mine], requests.body_bytes[mine], cap))
    return found


def answers(requests: Requests) -> list[Answers]:
    """Requests by status, those that were answered first."""
    found = []
    for status in np.unique(requests.status).tolist():
        mine = requests.status == status
        elapsed_s = np.sort(requests.elapsed_s[mine])
        found.append(
            Answers(
                status,
                int(mine.sum()),
                int(requests.operations[mine].sum()),
                int(requests.body_bytes[mine].sum()),
                quantile(elapsed_s, 0.5) if status else math.nan,
            )
        )
    return sorted(found, key=lambda one: (one.status == 0, one.status))


def attempts(requests: Requests) -> Attempts:
    """First attempts and retries."""
    first = int(_is_batch(requests).sum())
    return Attempts(first, len(requests) - first, int(requests.attempt.max(initial=0)))


def failures(counted: Sequence[tuple[str, int]]) -> list[Failures]:
    """Why requests were tried again; the rare ones together. counted: the most frequent first."""
    named, others = [Failures(*each) for each in counted[:FAILURES_MAX]], counted[FAILURES_MAX:]
    if others:
        named.append(Failures(f"{len(others):,} other reasons", sum(n for _, n in others)))
    return named


def _is_batch(requests: Requests) -> Bools:
    """One request for each batch, halves included: its first attempt."""
    return np.equal(requests.attempt, 1)


def _fill(name: str, operations: Int64s, body_bytes: Int64s, cap: int | None) -> Fill:
    median = int(quantile(np.sort(body_bytes).astype(np.float64), 0.5))
    return Fill(
        name,
        len(operations),
        int(quantile(np.sort(operations).astype(np.float64), 0.5)),
        int(operations.max()),
        median,
        median / trackapi.BODY_BYTES_MAX,
        _bound(operations, body_bytes, cap),
    )


def _bound(operations: Int64s, body_bytes: Int64s, cap: int | None) -> str:
    if len(operations) == 1 and body_bytes[0] < _FULL_BYTES and operations[0] != cap:
        return "the stream: it fits into one batch"
    if np.mean(body_bytes > _FULL_BYTES) >= _MOST:
        return "bytes: the API takes 500,000 a request"
    if cap is not None and np.mean(operations >= cap) >= _MOST:
        return f"operations: the pace allows {cap:,} a batch"
    if len(operations) <= 2:
        return "the stream: it ends before the batch is full"
    return "order: one change of each person or object a batch; or batches halved by the API"


def _histogram(sizes: Int64s, most: int) -> Histogram:
    bars = min(_BARS, most)
    edges = np.unique(np.round(np.linspace(0, most, bars + 1)).astype(np.int64))
    place = np.clip(np.searchsorted(edges, sizes, side="left") - 1, 0, len(edges) - 2)
    counts = np.bincount(place, minlength=len(edges) - 1)
    return Histogram(tuple(edges.tolist()), tuple(counts.tolist()))


def _round_up(most: int) -> int:
    """The next number of one or two significant digits that divides well into bars."""
    step = 10 ** max(0, len(str(most)) - 2)
    unit = step * 2 if most > _BARS else 1
    return math.ceil(most / unit) * unit
