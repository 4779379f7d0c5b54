from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backfill.ordering import Ordering


def keys(*entities: int) -> np.ndarray:
    return np.array(entities, np.uint64)


def test_batches_that_share_nothing_wait_for_nothing():
    ordering = Ordering()

    assert [ordering.admit(i, keys(i)) for i in range(3)] == [set(), set(), set()]


def test_a_batch_without_keys_waits_for_nothing_and_holds_nothing_up():
    ordering = Ordering()
    ordering.admit(0, keys(7))

    assert ordering.admit(1, keys()) == set()
    assert ordering.finish(1) == []


def test_a_batch_starts_when_the_last_one_it_waits_for_is_finished():
    ordering = Ordering()
    ordering.admit(0, keys(1))
    ordering.admit(1, keys(2))

    assert ordering.admit(2, keys(1, 2)) == {0, 1}
    assert ordering.finish(1) == []
    assert ordering.finish(0) == [2]


def test_an_entity_of_the_whole_key_range_is_told_apart():
    ordering = Ordering()
    ordering.admit(0, keys(2**64 - 1))

    assert ordering.admit(1, keys(2**63 - 1)) == set()
    assert ordering.admit(2, keys(2**64 - 1)) == {0}


batches = st.lists(st.lists(st.integers(0, 5), max_size=4), max_size=25)


@given(wanted=batches, data=st.data())
def test_sharing_batches_run_one_at_a_time_in_order_and_all_others_at_once(wanted, data):
    ordering, running, done = Ordering(), [], []
    for number, entities in enumerate(wanted):
        earlier = ordering.admit(number, keys(*entities))
        if not earlier:
            running.append(number)
    while running:
        shared = [set(wanted[n]) for n in running]
        assert sum(map(len, shared)) == len(set().union(*shared))
        finished = running.pop(data.draw(st.integers(0, len(running) - 1)))
        done.append(finished)
        running += ordering.finish(finished)

    assert sorted(done) == list(range(len(wanted)))
    for entity in range(6):
        touching = [n for n in done if entity in wanted[n]]
        assert touching == sorted(touching)


@given(wanted=batches)
def test_nothing_is_remembered_once_everything_is_finished(wanted):
    ordering = Ordering()
    for number, entities in enumerate(wanted):
        ordering.admit(number, keys(*entities))
    for number in range(len(wanted)):
        ordering.finish(number)

    assert not any(vars(ordering).values())


@given(
    count=st.integers(1, 60),
    finished=st.sets(st.integers(0, 59)),
    shared=st.lists(st.integers(0, 59), min_size=1, max_size=3, unique=True),
)
def test_the_first_shared_entity_is_found_among_many_batches_that_share_none(
    count, finished, shared
):
    ordering = Ordering()
    for number in range(count):
        assert ordering.admit(number, keys(2 * number, 2 * number + 1)) == set()
        if number in finished:
            ordering.finish(number)

    unfinished = set(range(count)) - finished
    assert ordering.admit(count, keys(*(2 * n for n in shared))) == unfinished & set(shared)
