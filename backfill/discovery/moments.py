"""How the times of a column are written, decided by the reader that a run uses.

Rule: of 05/04/2024 nobody can tell whether it is in April or May. The order of day and month is
known where some value has a day above 12; else both readings are told, and the caller decides.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from backfill import timestamps
from backfill.columns import Column, nowhere
from backfill.mapping import Field
from backfill.records import Form

_DAY_FIRST, _MONTH_FIRST = "day first", "month first"
_DATES = {
    _DAY_FIRST: ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y"),
    _MONTH_FIRST: ("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y"),
    "": ("%Y/%m/%d", "%Y.%m.%d", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y"),
}
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S",
           ", %I:%M %p", " at %H:%M", " at %I:%M %p", "T%H:%M:%S")  # fmt: skip

#: Years that times in exports lie in; %Y also reads the 24 of 05/04/24.
_EARLIEST_S, _LATEST_S = -2_208_988_800, 4_102_444_800  # 1900 and 2100

#: Numbers that are times: 2000 to 2100, in seconds.
_SECONDS_MIN, _SECONDS_MAX = 946_684_800, 4_102_444_800

_FIRST_LOOK, _TRIED = 60, 20
#: Three numbers, or two and the name of a month.
_LOOKS_LIKE_A_DATE = (
    r"^\s*([0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,4}"
    r"|[A-Za-z]{3,9} [0-9]{1,2}, [0-9]{4}|[0-9]{1,2}[ -][A-Za-z]{3,9}[ -][0-9]{4})"
)
_NUMBER = re.compile(r"[0-9]{9,13}(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a column as times.

    field:  format, unit and timezone (UTC, where the values carry none of their own).
    order:  "day first", "month first", or "" where that is no question.
    misfit: bool a row: values that do not convert. seconds: unix seconds, null where none.
    """

    field: Field
    order: str
    misfit: pl.Series
    seconds: pl.Series

    @property
    def needs_zone(self) -> bool:
        """Whether its values carry no zone."""
        return self.field.timezone is not None


def readings(column: Column, *, is_named_time: bool) -> list[Reading]:
    """The ways to read a column as times that fit the most of its values; none: no times.

    is_named_time: whether its name says that it holds times; numbers alone do not tell.
    Two readings differ in the order of day and month, and in that alone.
    """
    if column.dtype in (pl.Datetime, pl.Date):
        return [_typed(column)] if column.dtype == pl.Datetime else []
    if column.dtype != pl.String:
        return []
    known = column.text.drop_nulls().head(_FIRST_LOOK)
    if known.is_empty() or (column.is_json and column.series.str.contains(r"^[\[{tf]").any()):
        return []
    if all(_NUMBER.fullmatch(text.strip()) for text in known):
        return _numbers(column) if is_named_time else []
    if int(known.str.contains(r"[0-9]").sum()) * 10 < 9 * len(known):
        return []
    found = [_read(column, field, order) for field, order in _candidates(known)]
    fitting = [one for one in found if _fits(column, one)]
    fewest = min((int(one.misfit.sum()) for one in fitting), default=0)
    best = [one for one in fitting if int(one.misfit.sum()) == fewest]
    return _different(best)


def _candidates(known: pl.Series) -> Iterator[tuple[Field, str]]:
    """The forms in which at least half of some values are."""
    if known.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}|^[0-9]{9,13}$").sum() * 2 >= len(known):
        yield Field(column="", type="timestamp"), ""
        return
    if int(known.str.contains(_LOOKS_LIKE_A_DATE).sum()) * 2 < len(known):
        return
    sample, few = _as_column(known), [text.strip() for text in known.head(_TRIED)]
    for order, dates in _DATES.items():
        for written in (date + clock for date in dates for clock in _CLOCKS):
            if not any(_is_written(text, written) for text in few):
                continue
            field = Field(column="", type="timestamp", format=written, timezone="UTC")
            if int(_read(sample, field, order).misfit.sum()) * 2 <= len(known):
                yield field, order


def _is_written(text: str, form: str) -> bool:
    """Whether a text may be a time of that form: a hundredth of what it takes to read a column."""
    try:
        dt.datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _as_column(text: pl.Series) -> Column:
    return Column("", text.to_arrow(), Form.TEXT)


def _read(column: Column, field: Field, order: str) -> Reading:
    found = timestamps.read(column, field, "")
    if field.timezone is None and _lack_zones(column, found.problems):
        field = field.model_copy(update={"timezone": "UTC"})
        found = timestamps.read(column, field, "")
    seconds = found.seconds
    odd = ((seconds < _EARLIEST_S) | (seconds > _LATEST_S)).fill_null(False)
    misfit = nowhere(len(seconds)) | odd
    for problem in found.problems:
        misfit = misfit | problem.broken
    return Reading(field, order, misfit, seconds)


def _lack_zones(column: Column, problems: list[timestamps.Problem]) -> bool:
    """Whether more than a few of the values carry no zone of their own."""
    lacking = sum(int(one.broken.sum()) for one in problems if one.rule == "no_timezone")
    return lacking * 10 > len(column.is_blank) - int(column.is_blank.sum())


def _typed(column: Column) -> Reading:
    """A Parquet column of times; one without a zone needs one."""
    return _read(column, Field(column="", type="timestamp"), "")


def _numbers(column: Column) -> list[Reading]:
    whole = column.text.str.strip_chars().cast(pl.Float64, strict=False).drop_nulls()
    for unit, scale in (("s", 1), ("ms", 1000)):
        inside = (whole >= _SECONDS_MIN * scale) & (whole <= _SECONDS_MAX * scale)
        if len(whole) and inside.all():
            field = Field(column="", type="timestamp", unit="ms" if unit == "ms" else None)
            found = _read(column, field, "")
            return [found] if _fits(column, found) else []
    return []


def _fits(column: Column, reading: Reading) -> bool:
    """Whether nine in ten of the values that are there are such times."""
    there = len(column.is_blank) - int(column.is_blank.sum())
    return int(reading.misfit.sum()) * 10 <= there


def _different(best: list[Reading]) -> list[Reading]:
    """The readings that give different times, the first of each."""
    found: list[Reading] = []
    for one in best:
        if not any(one.seconds.equals(other.seconds) for other in found):
            found.append(one)
    return found
