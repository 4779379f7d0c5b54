"""Laws of the limit of requests in flight, and of the pace after refusals."""

from __future__ import annotations

import resource

from hypothesis import given
from hypothesis import strategies as st

from backfill.concurrency import FULL_S, Answer, Concurrency
from backfill.config import load
from backfill.pipeline.limits import OTHER_FILES, sending_limits
from backfill.throttle import PACE_FLOOR, Throttle
from tests.end_to_end.command import write_job
from tests.end_to_end.people import PEOPLE

ANSWERS = st.lists(
    st.tuples(st.sampled_from(Answer), st.floats(1e-4, 100.0), st.integers(1, 300)), max_size=60
)


def lived_through(concurrency: Concurrency, history) -> list[int]:
    """The limits after each answer, of so many alike in a row, as many in flight as may be."""
    now_s, limits = 0.0, []
    for answer, latency_s, count in history:
        for _ in range(count):
            begun = [concurrency.start() for _ in range(concurrency.limit - concurrency.in_flight)]
            assert begun or concurrency.in_flight >= concurrency.limit
            now_s += latency_s / concurrency.limit
            concurrency.end(now_s, now_s - latency_s, answer)
            limits.append(concurrency.limit)
    return limits


@given(history=ANSWERS, least=st.integers(1, 20), span=st.integers(0, 500))
def test_the_limit_stays_in_its_bounds_whatever_is_answered(history, least, span):
    limits = lived_through(Concurrency(least, least + span), history)

    assert all(least <= limit <= least + span for limit in limits)


@given(history=ANSWERS)
def test_a_fixed_limit_stays(history):
    assert set(lived_through(Concurrency(7, 7), history)) <= {7}


@given(latency_s=st.floats(1e-3, 4.0), count=st.integers(200, 3000))
def test_a_limit_that_is_not_in_use_never_grows(latency_s, count):
    concurrency = Concurrency()
    start = concurrency.limit

    for i in range(count):
        concurrency.start()
        concurrency.end(i * latency_s + latency_s, i * latency_s, Answer.GIVEN)

    assert concurrency.limit == start


@given(refusals=st.lists(st.tuples(st.floats(0, 300), st.booleans()), max_size=300))
def test_refusals_never_bring_the_pace_to_a_standstill(refusals):
    throttle, now_s = Throttle(1000), 0.0
    for wait_s, is_refused in refusals:
        now_s += wait_s + throttle.wait_s(now_s)
        throttle.start(now_s)
        throttle.end(now_s, now_s, is_refused=is_refused)
    now_s += throttle.wait_s(now_s)
    throttle.start(now_s)

    assert throttle.wait_s(now_s) <= 1 / (1000 * PACE_FLOOR) + 1e-9


def test_a_pace_without_refusals_is_never_held_up():
    throttle = Throttle(1000)

    for i in range(5000):
        throttle.start(i / 1000)
        throttle.end(i / 1000, i / 1000, is_refused=False)

    assert throttle.wait_s(5.0) == 0


def test_a_line_that_is_full_gets_nothing_more():
    concurrency = Concurrency()
    start = concurrency.limit

    assert max(lived_through(concurrency, [(Answer.GIVEN, 2 * FULL_S, 300)])) == start


def test_no_more_connections_are_opened_than_the_process_may(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    (tmp_path / "people.csv").write_text("id\n1\n")
    write_job(tmp_path, PEOPLE, concurrency=600)
    job = load(tmp_path / "job.yaml")
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        limits = sending_limits(job, None)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert limits.concurrency == limits.concurrency_max == 256 - OTHER_FILES
