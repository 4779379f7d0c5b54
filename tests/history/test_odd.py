"""Which nights are marked, and with what words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from backfill.history import looked_at

from .nights import DAY, FIRST, night, nothing_new, odd, usual

#: Nights as they come: within some percent of each other.
ALIKE = (1000, 1012, 990, 1003, 995, 1008, 1001, 987, 1010)


def test_far_fewer_rows_than_the_nights_before_are_odd_and_the_words_say_how_far():
    *before, last = odd([*usual(ALIKE), night(9, 590)])

    assert before == [()] * 9
    assert last == (
        "rows read 41% below the median of 9 runs",
        "rows delivered 41% below the median of 9 runs",
    )


def test_many_times_the_rows_are_odd():
    assert "rows read 5.0 times the median of 9 runs" in odd([*usual(ALIKE), night(9, 5005)])[-1]


def test_rows_where_there_are_usually_none_are_odd():
    assert "rows read: 800; the median of 6 runs is 0" in odd([*usual([0] * 6), night(6, 800)])[-1]


def test_a_larger_share_of_rejects_is_odd_though_as_many_rows_were_read():
    (reason,) = {*odd([*usual(ALIKE), night(9, 1000, 52)])[-1]}

    assert reason == "rejected 5.2% of the rows; the median of 9 runs is 0.0%"


def test_a_night_that_took_far_longer_is_odd():
    reasons = odd([*usual(ALIKE), night(9, seconds=600.0)])[-1]

    assert reasons == ("it took 10 min, 10.0 times the median of 9 runs",)


@given(st.lists(st.integers(0, 10**6), max_size=4), st.integers(0, 10**6))
def test_nothing_is_compared_with_fewer_than_five_nights(reads, last):
    assert odd(usual([*reads, last])) == [()] * (len(reads) + 1)


@given(st.integers(0, 10**7), st.integers(5, 40), st.integers(0, 3))
def test_nights_that_are_all_the_same_are_never_odd(read, nights, rejected):
    every = [night(day, read, min(read, rejected)) for day in range(nights)]

    assert odd(every) == [()] * nights


@given(st.lists(st.integers(950, 1049), min_size=5, max_size=40))
def test_nights_within_ten_percent_of_each_other_are_never_odd(reads):
    assert odd(usual(reads)) == [()] * len(reads)


@given(
    st.lists(st.integers(950, 1049), min_size=9, max_size=30),
    st.lists(st.integers(0, 10**6), max_size=3),
    st.randoms(use_true_random=False),
)
def test_an_empty_night_is_odd_whatever_a_third_of_those_before_were(reads, wild, random):
    before = [*reads, *wild]
    random.shuffle(before)

    assert any("100% below" in reason for reason in odd([*usual(before), night(99, 0)])[-1])


@pytest.mark.parametrize(("state", "says"), [("killed", "was killed"), ("stopped", "no key")])
def test_a_night_that_was_killed_or_stopped_is_odd_and_no_measure_for_others(state, says):
    broken = replace(night(5, 10), state=state, reason="no key")

    reasons = odd([*usual(ALIKE[:5]), broken, night(6)])

    assert says in reasons[5][0]
    assert reasons[6] == ()


def test_a_run_cut_by_limit_is_neither_odd_nor_a_measure():
    cut = [replace(night(day, 5), is_cut=True) for day in range(5, 15)]

    assert odd([*usual(ALIKE[:5]), *cut, night(15)]) == [()] * 16


def test_a_night_that_is_missing_is_told_by_the_next():
    reasons = odd([*usual(ALIKE[:7]), night(8)])

    assert reasons[-1] == ("no run for 2 d before it; there is usually one every 24 h",)


def test_a_job_of_workdays_misses_nothing_on_a_weekend_once_it_knew_one():
    days = [day for day in range(35) if day % 7 < 5]
    late = [5 * (week + 1) for week in range(6)]

    marked = [n for n, reasons in enumerate(odd(night(day) for day in days)) if reasons]

    assert set(marked) <= {late[0]}


def test_a_night_missing_at_the_end_is_late_and_is_not_while_it_is_not_due():
    entries = usual(ALIKE)
    tonight, tomorrow = FIRST + 9.2 * DAY, FIRST + 10.2 * DAY

    assert looked_at(entries, 5, tonight).late is None
    assert looked_at(entries, 5, tomorrow).late == (
        "no run for 2 d 4 h since the last run began; there is usually one every 24 h"
    )


def test_a_night_that_found_nothing_new_is_odd():
    assert odd([*usual(ALIKE), nothing_new(9)])[-1] == (
        "nothing was new; there is usually something every 24 h",
    )


def test_the_second_try_of_a_night_that_had_sent_everything_is_not_odd():
    nights = [each for day in range(9) for each in (night(day), nothing_new(day + 0.01))]

    assert odd(nights) == [()] * 18


def test_a_job_that_looks_every_hour_for_a_daily_file_is_odd_only_when_that_is_late():
    hours = [n / 24 for n in range(24 * 8)]
    every = [night(h) if h == int(h) else nothing_new(h) for h in hours]
    late = [nothing_new(8 + n / 24) for n in range(12)]

    reasons = odd([*every, *late])

    assert {*reasons[:-12]} == {()}
    assert reasons[-1] != ()


def test_only_the_last_are_judged_and_all_before_them_looked_at():
    found = looked_at([*usual(ALIKE), night(9, 3)], 1, FIRST + 9 * DAY + timedelta(hours=1))

    assert (len(found.shown), len(found.entries)) == (1, 10)
    assert len(found.shown[0].odd) == 2
