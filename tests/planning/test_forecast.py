"""Laws of the expected time, and figures one can reckon in one's head."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backfill.config import Destination
from backfill.planning.forecast import Load, forecast

loads = st.builds(
    lambda requests, operations, share, read_s: Load(
        requests, requests * operations, requests * share, read_s
    ),
    st.integers(0, 100_000),
    st.integers(1, 5_000),
    st.integers(40, 500_000),
    st.floats(0, 1e4),
)
destinations = st.builds(
    lambda requests, operations, concurrency: Destination(
        region="us",
        requests_per_s=requests,
        operations_per_s=operations,
        concurrency=concurrency,
    ),
    st.integers(1, 1_000),
    st.one_of(st.none(), st.integers(100, 100_000)),
    st.one_of(st.just("auto"), st.integers(1, 1_000)),
)
latencies = st.floats(0, 60)


@given(st.lists(loads, max_size=5), destinations, latencies)
def test_the_whole_takes_at_least_as_long_as_each_of_its_reasons(streams, to, latency_s):
    found = forecast(streams, to, latency_s)

    assert found.total_s >= max(found.pace_s, found.latency_s, found.reading_s)
    assert found.operations_counted_s >= found.pace_s


@given(st.lists(loads, max_size=5), loads, destinations, latencies)
def test_one_more_stream_never_takes_less(streams, more, to, latency_s):
    before, after = forecast(streams, to, latency_s), forecast([*streams, more], to, latency_s)

    assert after.total_s >= before.total_s


@given(loads, st.integers(0, 50_000), destinations, latencies)
@example(Load(1_009, 1_009, 499_900_000, 0.0), 1, Destination(region="us"), 1.0)
def test_more_requests_of_the_same_bytes_never_take_less(load, more, to, latency_s):
    before = forecast([load], to, latency_s)
    after = forecast([load._replace(requests=load.requests + more)], to, latency_s)

    assert after.total_s >= before.total_s
    assert after.latency_s >= before.latency_s


@given(destinations, latencies)
def test_nothing_to_send_takes_no_time(to, latency_s):
    found = forecast([Load(0, 0, 0, 0.0)], to, latency_s)

    assert (found.total_s, found.operations_counted_s) == (0.0, 0.0)


def test_a_million_people_at_20_000_operations_a_second_take_50_seconds():
    to = Destination(region="us", requests_per_s=1_000, operations_per_s=20_000)
    load = Load(5_000, 1_000_000, 315_000_000, 3.0)

    found = forecast([load], to)

    assert found.total_s == pytest.approx(50.0)
    assert found.operations_counted_s == pytest.approx(1_000.0)


def test_requests_that_wait_for_answers_go_as_many_at_once_as_the_config_says():
    to = Destination(region="us", requests_per_s=1_000, concurrency=10)

    found = forecast([Load(1_000, 1_000, 100_000, 0.0)], to, 0.2)

    assert found.latency_s == pytest.approx(100 * 0.2)
    assert found.total_s == found.latency_s


def test_bodies_of_half_a_megabyte_go_a_hundred_at_once():
    to = Destination(region="us", requests_per_s=1_000)

    found = forecast([Load(1_000, 1_500_000, 500_000_000, 0.0)], to, 1.0)

    assert found.latency_s == pytest.approx(10.0)
