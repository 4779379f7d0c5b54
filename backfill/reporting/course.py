"""How a run went over its time: throughput, latency and requests in flight, bucket by bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from backfill.records import Int64s
from backfill.reporting.axis import Axis
from backfill.reporting.requests import Float64s, Requests


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Each column has one entry a bucket of the axis.

    operations: in requests whose answer accepted them, by the answer's time.
    started, body_bytes: of requests of any outcome, by their start; tried_again: those among the
                started that no answer accepted.
    p50_s, p95_s, max_s: from start to answer, of the requests answered; nan where there is none.
    in_flight, in_flight_max: the mean over the bucket, and the most at once.
    """

    operations: Int64s
    started: Int64s
    tried_again: Int64s
    body_bytes: Int64s
    p50_s: Float64s
    p95_s: Float64s
    max_s: Float64s
    in_flight: Float64s
    in_flight_max: Int64s


class Band(NamedTuple):
    """When a stream had requests in flight, in axis seconds; within one stretch."""

    stream: int
    from_s: float
    to_s: float


def course(requests: Requests, axis: Axis) -> Course:
    """Count requests into the buckets of their axis."""
    n = len(axis)
    started, ended = axis.buckets(axis.starts_s), axis.buckets(axis.ends_s)
    accepted = requests.is_accepted
    in_flight, most = _in_flight(axis, started, ended)
    answered = requests.status > 0
    latencies = _quantiles(ended[answered], requests.elapsed_s[answered], n)
    return Course(
        _sums(ended[accepted], requests.operations[accepted], n),
        np.bincount(started, minlength=n)[:n],
        np.bincount(started[~accepted], minlength=n)[:n],
        _sums(started, requests.body_bytes, n),
        *latencies,
        in_flight,
        most,
    )


def quantile(ascending: Float64s, share: float) -> float:
    """The smallest value that so large a share of them does not exceed; nan of none."""
    n = len(ascending)
    return float(ascending[max(0, int(np.ceil(share * n)) - 1)]) if n else float("nan")


def bands(requests: Requests, axis: Axis) -> list[Band]:
    """When which stream was sent; in the order of the axis."""
    found = []
    key = axis.stretch * (int(requests.stream.max(initial=0)) + 1) + requests.stream
    for one in np.unique(key):
        here = key == one
        stream = int(requests.stream[here][0])
        starts_s, ends_s = axis.starts_s[here], axis.ends_s[here]
        found.append(Band(stream, float(starts_s.min()), float(ends_s.max())))
    return sorted(found, key=lambda band: band.from_s)


def levels(axis: Axis) -> tuple[Float64s, Int64s, Int64s]:
    """Moments at which the number of requests in flight changes, ascending, and the new number.

    Third, which start or end (those behind all starts) it is. Where one request starts in the
    moment another ends, both count.
    """
    at_s = np.concatenate([axis.starts_s, axis.ends_s])
    step = np.repeat(np.array([1, -1]), len(axis.starts_s))
    order = np.lexsort((-step, at_s))
    return at_s[order], np.cumsum(step[order]), order


def _in_flight(axis: Axis, started: Int64s, ended: Int64s) -> tuple[Float64s, Int64s]:
    n = len(axis)
    at_s, level, which = levels(axis)
    if not len(at_s):
        return np.zeros(n), np.zeros(n, np.int64)
    area = np.concatenate([[0.0], np.cumsum(level[:-1] * np.diff(at_s))])
    mean = np.diff(np.interp(axis.edges_s, at_s, area)) / axis.widths_s
    before = np.searchsorted(at_s, axis.edges_s[:-1], side="left") - 1
    most = np.where(before >= 0, level[before], 0)
    most[axis.firsts[:-1]] = 0  # nothing is in flight from one process to the next
    np.maximum.at(most, np.concatenate([started, ended])[which], level)
    return mean, most


def _sums(bucket: Int64s, amount: Int64s, n: int) -> Int64s:
    sums = np.zeros(n, np.int64)
    np.add.at(sums, bucket, amount)
    return sums


def _quantiles(bucket: Int64s, value: Float64s, n: int) -> tuple[Float64s, Float64s, Float64s]:
    """Of each bucket the median, the 95th percentile and the largest."""
    ordered = value[np.lexsort((value, bucket))]
    counts = np.bincount(bucket, minlength=n)[:n]
    firsts = np.cumsum(counts) - counts
    found = []
    for share in (0.5, 0.95, 1.0):
        place = firsts + np.maximum(np.ceil(share * counts).astype(np.int64) - 1, 0)
        at = np.full(n, np.nan)
        at[counts > 0] = ordered[place[counts > 0]]
        found.append(at)
    return found[0], found[1], found[2]
