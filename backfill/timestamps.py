"""Times, however the source writes them, as unix seconds.

Facts: unix seconds (also as text), ISO 8601 with an offset, a given format, and Arrow
timestamps are understood. The API stores milliseconds and other forms as they are, and they
then match no time condition.  [docs: FAQ timestamps]
Rules: a time that carries no zone needs one named; in a gap of daylight saving it names no
moment and is refused, in an overlap the earlier moment is taken; fractions are cut off.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from backfill import trackapi
from backfill.columns import Column
from backfill.mapping import Field

_DIGITS = r"^[+-]?\d{1,18}(\.\d*)?$"

#: Date, then time, seconds and offset as far as they are there.
_ISO = (
    r"^(\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](\d{2}:\d{2})(:\d{2})?(?:[.,]\d+)? ?([Zz]|UTC|[+-]\d{2}(?::?\d{2})?)?)?$"
)
_NAIVE = "%Y-%m-%dT%H:%M:%S"


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


def read(column: Column, field: Field, name: str) -> Times:
    """Read a column as times.

    field: its format, timezone and unit; name: how reasons name the value.
    """
    if column.dtype == pl.Datetime or column.dtype == pl.Date:
        seconds, no_zone, in_gap = _from_arrow(column.series, field.timezone)
        readable = ~column.is_blank
    else:
        text = column.text.str.strip_chars()
        seconds, no_zone, in_gap = _from_text(text, field)
        readable = ~column.is_blank
    too_large = seconds.abs().fill_null(0) >= trackapi.TIMESTAMP_BOUND
    known = seconds.is_not_null() | no_zone | in_gap
    problems = [
        Problem(no_zone, "no_timezone", f"{name} is a time without a zone: give its timezone"),
        Problem(in_gap, "no_such_time", f"{name} falls into a gap of daylight saving time"),
        Problem(
            too_large,
            "timestamp_in_milliseconds",
            f"{name} lies beyond the year 3000, as milliseconds do: give unit: ms",
        ),
        Problem(readable & ~known, "not_a_timestamp", f"{name} {_expected(field)}"),
    ]
    return Times(seconds.set(too_large, None), [p for p in problems if p.broken.any()])


def _expected(field: Field) -> str:
    if field.format:
        return f"is not a time of the form {field.format}"
    return "is neither unix seconds nor an ISO 8601 time: give its format"


def _from_text(text: pl.Series, field: Field) -> tuple[pl.Series, pl.Series, pl.Series]:
    if field.format:
        return _by_format(text, field.format, field.timezone)
    digits = text.str.contains(_DIGITS).fill_null(False)
    seconds = _by_number(text, field.unit == "ms")
    if digits.sum() + text.null_count() == len(text):
        return seconds, _never(text), _never(text)
    parts = text.str.extract_groups(_ISO).struct.unnest()
    date, clock, second, zone = (parts.to_series(i) for i in range(4))
    written = pl.select(
        pl.concat_str(date, pl.lit("T"), clock.fill_null("00:00"), second.fill_null(":00")).alias(
            ""
        )
    ).to_series()
    moment = written.str.to_datetime(_NAIVE, strict=False)
    zoned = zone.is_not_null()
    at, no_zone, in_gap = _in_zone(moment, field.timezone, zoned)
    shifted = moment.dt.epoch("s") - _offset_s(zone)
    iso = shifted.zip_with(zoned, at)
    return seconds.zip_with(digits, iso), no_zone & ~digits, in_gap & ~digits


def _by_number(text: pl.Series, in_milliseconds: bool) -> pl.Series:
    number = text.str.strip_prefix("+").str.extract(r"^(-?\d{1,18})(?:\.\d*)?$", 1)
    whole = number.cast(pl.Int64, strict=False)
    return whole // 1000 if in_milliseconds else whole


def _offset_s(zone: pl.Series) -> pl.Series:
    digits = zone.str.replace_all(":", "", literal=True)
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    ahead = (hours * 60 + minutes) * 60
    return (-ahead).zip_with(zone.str.starts_with("-").fill_null(False), ahead)


def _by_format(
    text: pl.Series, written: str, timezone: str | None
) -> tuple[pl.Series, pl.Series, pl.Series]:
    moment = text.str.to_datetime(written, strict=False)
    if isinstance(moment.dtype, pl.Datetime) and moment.dtype.time_zone:
        return moment.dt.epoch("s"), _never(text), _never(text)
    return _in_zone(moment, timezone, _never(text))


def _from_arrow(series: pl.Series, timezone: str | None) -> tuple[pl.Series, pl.Series, pl.Series]:
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone:
        return series.dt.epoch("s"), _never(series), _never(series)
    return _in_zone(series.cast(pl.Datetime("us")), timezone, _never(series))


def _in_zone(
    moment: pl.Series, timezone: str | None, zoned: pl.Series
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Unix seconds of local times, which of them need a zone, which fall into a gap."""
    local = moment.is_not_null() & ~zoned
    if timezone is None:
        unknown = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(moment))
        return unknown, local, _never(moment)
    placed = moment.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    return placed.dt.epoch("s"), _never(moment), local & placed.is_null()


def _never(like: pl.Series) -> pl.Series:
    return pl.repeat(False, len(like), eager=True)
