"""Times, however the source writes them, as unix seconds."""

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.records import Form
from backfill.timestamps import is_format, is_zone
from backfill.trackapi import TIMESTAMP_BOUND
from core.blocks import attribute, law


def seconds(*texts, **field):
    return attribute(list(texts), **{"type": "timestamp"} | field)


@pytest.mark.parametrize(
    "text",
    [
        "1577836800",
        "+1577836800",
        "1577836800.999",
        " 1577836800 ",
        "2020-01-01T00:00:00Z",
        "2020-01-01t00:00:00z",
        "2020-01-01 00:00:00 UTC",
        "2020-01-01T00:00Z",
        "2020-01-01T02:00:00+02:00",
        "2020-01-01T02:00:00+0200",
        "2020-01-01T02:00:00+02",
        "2019-12-31T18:30:00-05:30",
        "2020-01-01T00:00:00.999999Z",
        "2020-01-01T00:00:00,5Z",
    ],
)
def test_one_moment_is_read_in_every_form(text):
    assert seconds(text) == [1577836800]


@pytest.mark.parametrize(
    "text",
    [
        "2020-13-01T00:00:00Z",
        "2020-02-30",
        "2020-01-01T25:00:00Z",
        "2020-01-01T00:00:00+99:99",
        "2020-01-01T00:00.5Z",
        "01/02/2020",
        "20200101T000000Z",
        "\u0662\u0660\u0662\u0660-\u0660\u0661-\u0660\u0661",
        "1.6e9",
        "  ",
        "12345678901234567890",
    ],
)
def test_what_is_no_time_rejects_its_row(text):
    assert seconds(text, timezone="UTC") == [{"not_a_timestamp"}]


def test_forms_may_be_mixed_in_a_column():
    texts = ["5", "1970-01-01T00:00:05Z", "1970-01-01 01:00:05", None, "x"]

    expected = [5, 5, 5, ..., {"not_a_timestamp"}]
    assert seconds(*texts, timezone="Europe/Berlin") == expected


@pytest.mark.parametrize("text", ["2020-01-01", "2020-01-01 12:00", "2020-01-01T12:00:00"])
def test_a_time_without_a_zone_needs_one_named(text):
    assert seconds(text) == [{"no_timezone"}]


def test_a_zone_of_its_own_wins_over_the_one_named():
    assert seconds("2020-01-01T00:00:00Z", timezone="Asia/Tokyo") == [1577836800]


def test_a_date_is_its_midnight_in_its_zone():
    assert seconds("2020-01-01", timezone="Europe/Berlin") == [1577833200]


def test_a_time_in_a_gap_of_daylight_saving_is_refused():
    assert seconds("2021-03-28 02:30", timezone="Europe/Berlin") == [{"no_such_time"}]


def test_a_time_in_an_overlap_is_the_earlier_one():
    assert seconds("2021-10-31 02:30", timezone="Europe/Berlin") == [1635640200]


@law
@given(
    st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2099, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_local_times_agree_with_the_zone_database(local, zone):
    placed = local.replace(tzinfo=ZoneInfo(zone), fold=0)
    exists = placed.astimezone(dt.UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local

    expected = int(placed.timestamp()) if exists else {"no_such_time"}
    assert seconds(local.isoformat(), timezone=zone) == [expected]


def test_a_format_reads_times_in_its_form_only():
    texts = ["31/12/2020 13:05", "2020-12-31"]
    field = {"format": "%d/%m/%Y %H:%M", "timezone": "UTC"}

    assert seconds(*texts, **field) == [1609419900, {"not_a_timestamp"}]


def test_a_format_may_hold_the_offset():
    assert seconds("2020-01-01 02:00 +0200", format="%Y-%m-%d %H:%M %z") == [1577836800]


def test_a_format_reads_fractions_of_a_second_and_cuts_them_off():
    field = {"format": "%Y-%m-%d %H:%M:%S.%f", "timezone": "UTC"}

    assert seconds("2020-01-01 00:00:00.999999", **field) == [1577836800]


def test_numbers_are_read_by_a_format_too():
    field = {"type": "timestamp", "format": "%Y%m%d", "timezone": "UTC"}

    assert attribute([20200101], Form.TYPED, pa.int64(), **field) == [1577836800]


@pytest.mark.parametrize("form", ["%d/%m", "%H:%M", "%s", "%Q", "abc", "%Y-%m-%d %Z", "%I:%M %Y"])
def test_a_form_without_a_whole_time_is_no_format(form):
    assert not is_format(form)


@pytest.mark.parametrize("zone", ["Europe", "Nope/Nope", "Europe/Berlin "])
def test_a_zone_that_times_cannot_be_placed_in_is_no_zone(zone):
    assert not is_zone(zone)


def test_seconds_from_the_year_3000_on_are_milliseconds_by_mistake():
    values = [str(TIMESTAMP_BOUND - 1), str(TIMESTAMP_BOUND), str(-TIMESTAMP_BOUND)]

    ms = {"timestamp_in_milliseconds"}
    assert seconds(*values) == [TIMESTAMP_BOUND - 1, ms, ms]


def test_a_date_beyond_the_year_3000_is_not_called_milliseconds():
    assert seconds("9999-12-31", timezone="UTC") == [{"timestamp_too_late"}]


def test_a_number_of_nanoseconds_is_refused():
    assert seconds("1577836800000000000") == [{"timestamp_in_milliseconds"}]


def test_unit_ms_turns_milliseconds_into_seconds():
    assert seconds("1577836800999", "-1500", unit="ms") == [1577836800, -2]


def test_times_of_attributes_may_lie_before_1970():
    assert seconds("-86400", "1969-12-31T00:00:00Z", "0001-01-01", timezone="UTC") == [
        -86400,
        -86400,
        -62135596800,
    ]


def test_dates_of_parquet_are_midnights_in_their_zone():
    values = pa.array([dt.date(2020, 1, 1)])

    assert attribute(values, Form.TYPED, type="timestamp") == [{"no_timezone"}]
    assert attribute(values, Form.TYPED, timezone="UTC") == [1577836800]


def test_floats_of_parquet_are_seconds():
    assert attribute([1577836800.75], Form.TYPED, pa.float64(), type="timestamp") == [1577836800]
