"""What is seen of an export held against what is expected of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backfill.mapping import Expect
from backfill.pipeline.expecting.judging import Seen, differences, new_columns
from backfill.pipeline.expecting.nights import Night
from core.blocks import stream

ROWS = Expect(max_row_change="30%")
COLUMNS = Expect(columns="learnt")
BLANKS = Expect(max_null_change="20%")
A_WEEK = [190, 210, 205, 195, 201, 400, 10]


def night(rows=100, columns=None, **blanks) -> Night:
    headers = None if columns is None else tuple(tuple(each.split()) for each in columns)
    return Night("", rows, headers, blanks or None)


def found(expect: Expect, nights: list[Night], now: Night, *, is_json: bool = False) -> list[str]:
    labels = [f"{i}.csv" for i in range(len(now.columns or ()))]
    return [each.text for each in differences(expect, nights, Seen(now, labels, is_json))]


def new(nights: list[Night], now: Night, *, is_json: bool = False) -> list[str]:
    return new_columns(nights, Seen(now, ["x.csv"], is_json))


@pytest.mark.parametrize(
    ("rows", "is_expected"), [(141, True), (140, False), (261, True), (262, False), (0, False)]
)
def test_rows_may_be_a_share_away_from_the_median_of_the_nights_up_and_down(rows, is_expected):
    told = found(ROWS, [night(each) for each in A_WEEK], night(rows))

    assert (told == []) == is_expected


def test_a_difference_in_rows_tells_all_its_numbers():
    told = found(ROWS, [night(201_000)] * 7, night(120_400))

    assert told == [
        "120,400 rows where the median of 7 nights is 201,000: 40.1% fewer (`max_row_change: 30%`)"
    ]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=7), st.integers(0, 99))
def test_the_bound_itself_is_no_difference(rows, share):
    middle = sorted(rows)[len(rows) // 2]
    nights = [night(each) for each in [*rows, *[middle] * 9]]

    near = found(Expect(max_row_change=f"{share}%"), nights, night(middle * (100 + share) // 100))
    assert near == []


@pytest.mark.parametrize("nights", [[], [night(0)], [night(0), night(0), night(9)]])
def test_of_nothing_no_share_is_taken(nights):
    assert found(ROWS, nights, night(5)) == []


def test_few_rows_are_told_whatever_nights_before_say():
    told = found(Expect(min_rows=5), [night(1)] * 3, night(4))

    assert told == ["4 rows, fewer than `min_rows: 5`"]


@pytest.mark.parametrize(
    ("now", "text"),
    [
        ("a b c", None),
        ("a b c d e", None),
        ("a b", "without 'c'"),
        ("a b x", "without 'c'; new 'x'"),
        ("a c b", "in another order 'c', 'b'"),
        ("a x b c", "new 'x', before others"),
        ("x a b c d", "new 'x', 'd', before others"),
        ("1 2 3", "without 'a', 'b', 'c'; new '1', '2', '3'"),
    ],
)
def test_columns_are_those_of_the_last_night_and_may_only_be_followed_by_more(now, text):
    told = found(COLUMNS, [night(columns=["z"]), night(columns=["a b c"])], night(columns=[now]))

    lead = "the columns of 0.csv are not those of the last night: "
    assert told == ([] if text is None else [lead + text])


def test_new_columns_at_the_end_are_named():
    nights = [night(columns=["z"]), night(columns=["a b", "a c"])]

    assert new(nights, night(columns=["a b x y", "a c", "a c z"])) == ["x", "y", "z"]
    assert new([], night(columns=["a"])) == []


def test_each_of_several_files_has_the_columns_of_one_of_the_last_night():
    told = found(COLUMNS, [night(columns=["a b", "a c"])], night(columns=["a c", "a d"]))

    assert told == ["the columns of 1.csv are not those of the last night: without 'b'; new 'd'"]


def test_listed_columns_are_there_in_any_order_in_every_file():
    told = found(Expect(columns=["a", "b"]), [], night(columns=["b x a", "a x"]))

    assert told == ["1.csv has no column 'b' (`columns`)"]


def test_keys_of_json_that_every_night_had_are_there_in_any_order():
    nights = [night(columns=["a b rare"]), night(columns=["b a"]), night(columns=["a b c"])]
    missing = found(COLUMNS, nights, night(columns=["b x"]), is_json=True)

    assert missing == ["no record has 'a', as some had in 3 nights"]
    assert found(COLUMNS, nights, night(columns=["b a"]), is_json=True) == []
    assert new(nights, night(columns=["x a b rare"]), is_json=True) == ["x"]


def test_the_blanks_of_a_column_may_move_by_points_up_and_down():
    nights = [night(100, email=10, phone=90), night(200, email=20, phone=180)]

    assert found(BLANKS, nights, night(10, email=3, phone=7)) == []
    assert found(BLANKS, nights, night(1_000, email=301, phone=900)) == [
        "column 'email' is blank in 30.1% of the rows where the median of 2 nights is 10.0%"
        " (`max_null_change: 20%`)"
    ]
    assert len(found(BLANKS, nights, night(100, email=60, phone=20))) == 2


def test_a_column_that_is_gone_is_blank_unless_its_absence_is_told_anyway():
    nights = [night(100, columns=["a b"], a=0, b=0)]
    gone = night(100, columns=["a"], a=0)
    both = Expect(columns="learnt", max_null_change="20%")

    assert ["column 'b' is blank in 100.0%" in text for text in found(BLANKS, nights, gone)] == [
        True
    ]
    assert found(both, nights, gone) == found(COLUMNS, nights, gone)


def test_a_column_is_compared_with_the_nights_that_had_it():
    nights = [night(100, a=0), night(100, a=0), night(100, a=0, new=80)]

    assert found(BLANKS, nights, night(100, a=0, new=81, newer=0)) == []


def test_nights_in_which_nobody_counted_blanks_say_nothing_of_them():
    assert found(BLANKS, [night(100), night(0, a=0)], night(100, a=100)) == []


def test_of_many_columns_a_few_are_told_the_furthest_first():
    nights = [night(100, **{f"c{n}": 0 for n in range(9)})]

    told = found(BLANKS, nights, night(100, **{f"c{n}": 50 + n for n in range(9)}))

    assert [text.split("'")[1] for text in told[:5]] == ["c8", "c7", "c6", "c5", "c4"]
    assert told[5:] == ["4 more columns whose blanks changed as much"]


def test_learnt_stands_for_columns_rows_and_blanks():
    expect = stream(expect="learnt").expect

    assert expect == Expect(columns="learnt", max_row_change="30%", max_null_change="20%")


@pytest.mark.parametrize(
    "said",
    [
        {},
        "learned",
        {"columns": []},
        {"columns": "id"},
        {"min_rows": 0},
        {"min_rows": "5"},
        {"max_row_change": 30},
        {"max_row_change": "-3%"},
        {"max_null_change": "lots"},
        {"max_rows": 3},
    ],
)
def test_what_expects_nothing_that_can_be_held_is_no_config(said):
    with pytest.raises(ValidationError):
        stream(expect=said)


def test_what_is_expected_is_no_part_of_the_mapping():
    assert stream(expect="learnt").meaning() == stream().meaning()
