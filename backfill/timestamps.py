"""Times, however the source writes them, as unix seconds.

Facts: unix seconds (also as text), ISO 8601 with an offset, a given format, and Arrow
timestamps are understood. The API stores milliseconds and other forms as they are, and they
then match no time condition.  [docs: FAQ timestamps]
Rules: a time that carries no zone needs one named; in a gap of daylight saving it names no
moment and is refused, in an overlap the earlier moment is taken; fractions are cut off.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from backfill import trackapi
from backfill.columns import Column, nowhere
from backfill.mapping import Field

# Digits are spelled out: \d also takes those of other scripts.
_SECONDS = r"^([+-]?[0-9]{1,19})(?:\.[0-9]*)?$"

#: Date, then hours and minutes, seconds and offset as far as they are there.
_ISO = (
    r"^([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(?:[.,][0-9]+)?)?"
    r" ?([Zz]|UTC|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)?$"
)
_NAIVE = "%Y-%m-%dT%H:%M:%S"
_SOME_TIME = dt.datetime(2001, 2, 13, 16, 45, 56)


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows that break one rule.

    broken: bool a row. reason: for all of them, or `{}` filled with `measured` of the row.
    """

    broken: pl.Series
    rule: str
    reason: str
    measured: pl.Series | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """Unix seconds a row; null where blank or where a problem is listed."""

    seconds: pl.Series
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class _Moments:
    """Unix seconds a row, null where there are none; the flags say why.

    no_zone: a local time and no zone to place it in; in_gap: a local time that its zone skips.
    is_number: written as a number, so that it may be milliseconds taken for seconds.
    """

    seconds: pl.Series
    no_zone: pl.Series
    in_gap: pl.Series
    is_number: pl.Series


def read(column: Column, field: Field, name: str) -> Times:
    """Read a column as times.

    field: its format, timezone and unit; name: how reasons name the value.
    """
    if column.dtype == pl.Datetime or column.dtype == pl.Date:
        found = _from_arrow(column.series, field.timezone)
    else:
        found = _from_text(column.text.str.strip_chars(), field)
    bound = trackapi.TIMESTAMP_BOUND
    too_late = (found.seconds >= bound).fill_null(False)
    too_early = (found.seconds <= -bound).fill_null(False) & found.is_number
    known = found.seconds.is_not_null() | found.no_zone | found.in_gap
    in_ms, late = (too_late & found.is_number) | too_early, too_late & ~found.is_number
    far = f"{name} lies beyond the year 3000"
    problems = [
        Problem(found.no_zone, "no_timezone", f"{name} has no zone of its own: give its timezone"),
        Problem(found.in_gap, "no_such_time", f"{name} falls into a gap of daylight saving time"),
        Problem(in_ms, "timestamp_in_milliseconds", f"{far}, as milliseconds do: give unit: ms"),
        Problem(late, "timestamp_too_late", far),
        Problem(~column.is_blank & ~known, "not_a_timestamp", f"{name} {_expected(field)}"),
    ]
    seconds = found.seconds.set(in_ms | late, None)
    return Times(seconds, [problem for problem in problems if problem.broken.any()])


def _expected(field: Field) -> str:
    if field.format:
        return f"is not a time of the form {field.format}"
    return "is neither unix seconds nor an ISO 8601 time: give its format"


def _from_text(text: pl.Series, field: Field) -> _Moments:
    if field.format:
        return _by_format(text, field.format, field.timezone)
    seconds = _numbers(text)
    if field.unit == "ms":
        seconds = seconds // 1000
    is_number = seconds.is_not_null()
    if is_number.sum() + text.null_count() == len(text):
        return _Moments(seconds, _never(text), _never(text), is_number)
    iso = _by_iso(text, field.timezone)
    return _Moments(
        seconds.zip_with(is_number, iso.seconds),
        iso.no_zone & ~is_number,
        iso.in_gap & ~is_number,
        is_number,
    )


def _numbers(text: pl.Series) -> pl.Series:
    """The whole part of each number; null for what is none."""
    whole = text.cast(pl.Int64, strict=False)  # a fifth of the time of the pattern
    if whole.null_count() == text.null_count():
        return whole
    return text.str.extract(_SECONDS, 1).str.strip_prefix("+").cast(pl.Int64, strict=False)


def _by_iso(text: pl.Series, timezone: str | None) -> _Moments:
    parts = text.str.extract_groups(_ISO).struct.unnest()
    date, clock, second, zone = (parts.to_series(i) for i in range(4))
    spelled_out = pl.concat_str(
        pl.lit(date), pl.lit("T"), pl.lit(clock.fill_null("00:00")), pl.lit(second.fill_null(":00"))
    )
    moment = pl.select(spelled_out.alias("")).to_series().str.to_datetime(_NAIVE, strict=False)
    has_zone = zone.is_not_null()
    local = _in_zone(moment, timezone, has_zone)
    seconds = (moment.dt.epoch("s") - _offset_s(zone)).zip_with(has_zone, local.seconds)
    return _Moments(seconds, local.no_zone, local.in_gap, local.is_number)


def _offset_s(zone: pl.Series) -> pl.Series:
    digits = zone.str.replace_all(":", "", literal=True)
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    ahead = (hours * 60 + minutes) * 60
    return (-ahead).zip_with(zone.str.starts_with("-").fill_null(False), ahead)


def _by_format(text: pl.Series, written: str, timezone: str | None) -> _Moments:
    moment = _parsed(text, written)
    if isinstance(moment.dtype, pl.Datetime) and moment.dtype.time_zone:
        return _placed(moment)
    return _in_zone(moment, timezone, _never(text))


def _from_arrow(series: pl.Series, timezone: str | None) -> _Moments:
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone:
        return _placed(series)
    return _in_zone(series.cast(pl.Datetime("us")), timezone, _never(series))


def _in_zone(moment: pl.Series, timezone: str | None, has_zone: pl.Series) -> _Moments:
    """Local times placed in a zone; those that have a zone of their own are left to the caller."""
    never, local = _never(moment), moment.is_not_null() & ~has_zone
    if timezone is None:
        nowhere = pl.repeat(None, len(moment), dtype=pl.Int64, eager=True)
        return _Moments(nowhere, local, never, never)
    placed = moment.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    return _Moments(placed.dt.epoch("s"), never, local & placed.is_null(), never)


def _placed(moment: pl.Series) -> _Moments:
    never = _never(moment)
    return _Moments(moment.dt.epoch("s"), never, never, never)


def _never(like: pl.Series) -> pl.Series:
    return nowhere(len(like))


def is_zone(name: str) -> bool:
    """Whether times can be placed in a zone of this name."""
    try:
        pl.Series([_SOME_TIME]).dt.replace_time_zone(name)
    except pl.exceptions.PolarsError:
        return False
    return True


def is_format(written: str) -> bool:
    """Whether whole times can be read in a form: with a year, and a zone, if any, as an offset.

    %s, %Z and %f alone are none: unix seconds need no format, the name of a zone and what is no
    fraction would be passed over.
    """
    if any(code in _fractions(written) for code in ("%s", "%Z", "%f")):
        return False
    moment = pl.Series([_SOME_TIME]).dt.replace_time_zone("UTC")
    try:
        years = _parsed(moment.dt.strftime(_fractions(written)), written).dt.year()
    except pl.exceptions.PolarsError:
        return False
    return years.to_list() == [_SOME_TIME.year]


def _parsed(text: pl.Series, written: str) -> pl.Series:
    return text.str.to_datetime(_fractions(written), strict=False)


def _fractions(written: str) -> str:
    """A form with fractions of a second as polars writes them: elsewhere they are `.%f`."""
    return written.replace(".%f", "%.f")
