"""How far a stream is, as laws."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backfill.progress.tally import Tally
from backfill.progress.wording import ended_on_terminal, on_terminal, short

from .watching import counts

rows = st.integers(0, 10**10)
ticks = st.lists(st.tuples(st.floats(0.1, 5), st.integers(0, 10**7)), max_size=20)


def ticked(found: list[tuple[float, int]], at_first: int, expected: int | None) -> tuple:
    tally, now_s = Tally("contacts", 0.0, at_first, expected=expected), 0.0
    for seconds, settled in found:
        now_s += seconds
        tally.tick(now_s, counts(tally.done + settled), "latency")
    return tally, now_s


@given(found=ticks, at_first=rows, expected=st.none() | rows)
def test_a_stream_under_way_is_never_at_100_percent_and_never_has_less_than_no_time_left(
    found, at_first, expected
):
    tally, now_s = ticked(found, at_first, expected)

    assert tally.percent is None or 0 <= tally.percent <= 99
    assert tally.left_s(now_s) is None or tally.left_s(now_s) > 0
    assert tally.rate(now_s) is None or tally.rate(now_s) >= 0


@given(found=ticks, at_first=rows, expected=st.none() | rows, width=st.integers(1, 200))
def test_a_line_fits_every_terminal_and_names_the_stream_where_there_is_room(
    found, at_first, expected, width
):
    tally, now_s = ticked(found, at_first, expected)

    for line in (on_terminal(tally, now_s, width), ended_on_terminal(tally, now_s, width)):
        assert len(line) <= width
        assert line.startswith("contacts"[:width])


@given(number=st.floats(0, 9e14))
def test_a_short_number_has_five_characters_at_most_until_millions_of_millions(number):
    assert len(short(number)) <= 5 or number >= 9.99e12


def test_a_time_left_is_told_once_the_start_up_is_over():
    early, at_s = ticked([(1.0, 100)] * 2, 0, 1000)
    later, later_s = ticked([(1.0, 100)] * 3, 0, 1000)

    assert (early.left_s(at_s), later.left_s(later_s)) == (None, 7.0)


def test_the_rate_is_that_of_the_last_seconds():
    tally, now_s = ticked([(1.0, 1000)] * 30 + [(1.0, 10)] * 10, 0, None)

    assert tally.rate(now_s) == 10.0


def test_a_line_of_80_columns_has_every_fact():
    tally, now_s = ticked([(1.0, 123_456)] * 9, 0, 2_000_000)
    tally.rejected = 1234

    assert on_terminal(tally, now_s, 79) == (
        "contacts  55%  1.1M of ~2.0M  123k/s  1,234 rejected  0:07 left  limit: latency"
    )
