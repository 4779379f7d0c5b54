"""Progress in a log."""

from __future__ import annotations

import io
import re

import pytest

from backfill.progress import Lines

from .watching import Clock, counts, played


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(out, clock) -> Lines:
    return Lines(out, clock)


def test_a_stream_that_begins_and_ends_at_once_has_two_lines(lines, out, clock):
    lines.begins("people", 0)
    clock.now_s += 0.5
    lines.settled(500, 8)
    lines.ends(counts(500, 8))

    assert out.getvalue().splitlines() == [
        "people: begins",
        "people: ends, 500 rows done, 500 rows/s, 8 rejected, in 0:00",
    ]


def test_every_line_begins_with_the_id_of_the_run_once_it_has_one(lines, out):
    lines.says("no room", level="warning")
    lines.starts("20260102T030405Z-0a1b2c")
    lines.begins("people", 0)
    lines.says("no room", level="warning")

    assert out.getvalue().splitlines() == [
        "warning: no room",
        "20260102T030405Z-0a1b2c people: begins",
        "20260102T030405Z-0a1b2c warning: no room",
    ]


def test_a_line_says_how_far_how_fast_how_long_yet_and_what_holds_it_up(lines, out, clock):
    lines.begins("people", 0)
    lines.expects(4000)
    played(lines, clock, 10, 100)

    assert out.getvalue().splitlines()[1:] == [
        "people: 1,000 of about 4,000 rows done (25%), 100 rows/s, 10 rejected, 0:30 left,"
        " limited by pace"
    ]


def test_there_is_a_line_every_ten_seconds_in_the_first_minute_and_then_every_minute(
    lines, out, clock
):
    lines.begins("people", 0)
    played(lines, clock, 300, 1)

    done = [int(n) for n in re.findall(r"(\d+) rows done", out.getvalue())]
    assert done == [10, 20, 30, 40, 50, 60, 120, 180, 240, 300]


def test_rows_of_earlier_processes_are_done_and_no_part_of_the_rate(lines, out, clock):
    lines.begins("people", 1_000_000)
    lines.ends(played(lines, clock, 5, 10, at_first=1_000_000))

    assert out.getvalue().splitlines() == [
        "people: begins at 1,000,000 rows done",
        "people: ends, 1,000,050 rows done, 10 rows/s, 5 rejected, in 0:05",
    ]


def test_a_stream_that_is_interrupted_leaves_where_it_is(lines, out, clock):
    lines.begins("people", 0)
    lines.expects(4000)
    played(lines, clock, 2, 100)
    lines.close()

    assert out.getvalue().splitlines()[1:] == [
        "people: 200 of about 4,000 rows done (5%), 100 rows/s, 2 rejected, limited by pace"
    ]


def test_more_rows_than_were_expected_are_never_more_than_all(lines, out, clock):
    lines.begins("people", 0)
    lines.expects(500)
    played(lines, clock, 10, 100)

    assert "1,000 of about 1,000 rows done (99%)" in out.getvalue()
    assert " left" not in out.getvalue()
