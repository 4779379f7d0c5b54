"""The course of a run, bucket by bucket: nothing is lost on the way into the charts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill.ledger import Request
from backfill.logbook import Sitting
from backfill.reporting.axis import BUCKETS_MAX, axis
from backfill.reporting.course import bands, course, levels, quantile
from backfill.reporting.requests import columns

from .runs import history

STREAMS = ("people", "orders")

began_s = st.floats(0, 5_000, allow_nan=False).map(lambda s: 1_764_000_000 + s)
requests = st.lists(
    st.builds(
        Request,
        began_s,
        st.sampled_from(STREAMS),
        st.integers(1, 2_000),
        st.integers(20, 500_000),
        st.sampled_from([0, 200, 207, 400, 429, 503]),
        st.integers(1, 4),
        st.floats(0, 90, allow_nan=False),
    ),
    max_size=60,
)
#: In any order: a clock may have been set back from one process to the next.
sittings = st.lists(began_s, max_size=6, unique=True).map(
    lambda starts: [Sitting(s, s + 30 * (n % 3)) for n, s in enumerate(starts)]
)
unhurried = settings(deadline=None)


def laid_out(made, sat):
    told = columns(history(made).requests)
    return told, axis(told, sat)


@unhurried
@given(requests, sittings)
def test_the_buckets_hold_every_request_operation_and_byte_once(made, sat):
    told, along = laid_out(made, sat)

    found = course(told, along)

    accepted = [r for r in made if r.status in (200, 207)]
    assert found.started.sum() == len(made)
    assert found.tried_again.sum() == len(made) - len(accepted)
    assert found.operations.sum() == sum(r.operations for r in accepted)
    assert found.body_bytes.sum() == sum(r.body_bytes for r in made)
    assert {len(column) for column in (found.started, found.p50_s, found.in_flight)} == {len(along)}


@unhurried
@given(requests, sittings)
def test_the_requests_in_flight_are_never_negative_and_none_are_left_at_the_end(made, sat):
    told, along = laid_out(made, sat)

    _, level, _ = levels(along)
    found = course(told, along)

    assert (level >= 0).all()
    assert list(level[-1:]) in ([], [0])
    assert (found.in_flight > -1e-6).all()
    assert (found.in_flight <= found.in_flight_max + 1e-6).all()
    assert found.in_flight_max.max(initial=0) == max(level, default=0)


@unhurried
@given(requests, sittings)
def test_the_mean_in_flight_is_the_time_that_requests_took(made, sat):
    told, along = laid_out(made, sat)

    found = course(told, along)

    took_s = (along.ends_s - along.starts_s).sum()
    assert np.isclose((found.in_flight * along.widths_s).sum(), took_s, rtol=1e-6, atol=1e-4)
    assert np.isclose(took_s, sum(r.elapsed_s for r in made), rtol=1e-6, atol=1e-4)


@unhurried
@given(requests, sittings)
def test_a_bucket_lies_within_one_sitting_and_the_axis_is_the_time_at_work(made, sat):
    _, along = laid_out(made, sat)

    assert (along.widths_s > 0).all()
    assert len(along) <= BUCKETS_MAX + len(along.stretches)
    assert np.isclose(along.edges_s[-1], sum(s.long_s for s in along.stretches))
    for stretch, first in zip(along.stretches, along.firsts[:-1], strict=True):
        assert along.edges_s[first] == stretch.at_s


@unhurried
@given(requests, sittings)
def test_the_latencies_of_a_bucket_are_in_order_and_the_slowest_answer_is_shown(made, sat):
    told, along = laid_out(made, sat)

    found = course(told, along)

    known = ~np.isnan(found.max_s)
    assert (found.p50_s[known] <= found.p95_s[known]).all()
    assert (found.p95_s[known] <= found.max_s[known]).all()
    answered = [r.elapsed_s for r in made if r.status]
    assert found.max_s[known].max(initial=0) == max(answered, default=0)


@given(st.lists(st.floats(0, 100, allow_nan=False), min_size=1), st.sampled_from([0.5, 0.95, 1]))
def test_a_quantile_is_the_smallest_value_that_enough_do_not_exceed(values, share):
    ascending = np.sort(np.array(values))

    found = quantile(ascending, share)

    assert (ascending <= found).sum() >= share * len(values)
    assert (ascending < found).sum() < share * len(values)


def test_the_hours_between_two_processes_take_no_room():
    made = [Request(1000.0 + s, "people", 1, 100, 200, 1, 0.5) for s in (0, 1, 50_000, 50_001)]
    sat = [Sitting(999.0, 1003.0), Sitting(50_998.0, 51_003.0)]

    told, along = laid_out(made, sat)

    assert along.edges_s[-1] == 9.0
    assert along.starts_s.tolist() == [1.0, 2.0, 6.0, 7.0]
    assert [band[1:] for band in bands(told, along)] == [(1.0, 2.5), (6.0, 7.5)]


def test_a_run_that_nobody_noted_the_sittings_of_is_one():
    made = [Request(1000.0, "people", 1, 100, 200, 1, 2.0)]

    _, along = laid_out(made, [])

    assert [tuple(s) for s in along.stretches] == [(1000.0, 1002.0, 0.0)]


def test_a_run_without_requests_has_a_course_all_the_same():
    told, along = laid_out([], [Sitting(5.0, 8.0)])

    found = course(told, along)

    assert (found.started.sum(), along.edges_s[-1]) == (0, 3.0)
    assert laid_out([], [])[1].edges_s.tolist() == [0.0]
