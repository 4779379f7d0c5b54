"""Which runs are odd, and why: each is compared with those before it. Pure.

Facts. Exports grow, weekends are quiet and one night in a month is broken: a mean and a standard
deviation are drawn to what they are to find. The median and the median absolute deviation (MAD)
are not, as long as less than half of the runs are odd.
Rules. A value is odd where it is further from the median than 3.5 deviations, of 1.4826 MAD each,
which is one standard deviation of normal values.  [Iglewicz & Hoaglin, How to Detect and Handle
Outliers, 1993: the modified z-score] Where all are much alike that is next to nothing, so the
distance must also be one that a person would care about. A run that did not come when one usually
does, or found nothing new when one usually finds something, is odd as well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median

from backfill.history.entries import Entry
from backfill.phrases import counted, lasting

#: Runs that are looked back at, and those it takes: of four, half may well be odd.
LOOKED_AT, NEEDED = 30, 5

_DEVIATIONS, _DEVIATION_OF_MAD = 3.5, 1.4826

#: What a person would care about. Rows: a tenth, and more than what comes by chance would vary
#: (three times the root of the count). Rejects: half a point in a hundred, and three rows.
#: Seconds: half as long again, and a minute.
_ROWS_SHARE, _CHANCE = 0.1, 3.0
_REJECTED_SHARE, _REJECTED_ROWS = 0.005, 3
_SECONDS_SHARE, _SECONDS = 0.5, 60.0

#: A gap between two runs is odd from so many usual ones on, unless more than a tenth of those
#: before were nearly as long, as the weekends of a job that runs on workdays.
_GAP, _NEARLY, _SOMETIMES = 1.5, 0.8, 0.1

#: A start that finds nothing new is odd once such starts usually have an end, and a quarter; and
#: not within half of the usual gap, when it is the same night's second.
_QUIET, _SAME_NIGHT = 1.25, 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """A run, and each reason why it is odd."""

    entry: Entry
    odd: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Nights:
    """All runs of a job, and what there is to say of the latest.

    entries: as they began; shown: the last of them. late: where another should have begun by now.
    """

    entries: Sequence[Entry]
    shown: Sequence[Judged]
    late: str | None


def looked_at(entries: Sequence[Entry], last: int, now: datetime) -> Nights:
    """Compare each of the last so many runs with those before it."""
    first = max(0, len(entries) - last)
    judged = [Judged(each, _reasons(each, entries[:n])) for n, each in _from(first, entries)]
    return Nights(entries, judged, _overdue(entries, now))


def _from(first: int, entries: Sequence[Entry]) -> Iterator[tuple[int, Entry]]:
    return enumerate(entries[first:], first)


def _overdue(entries: Sequence[Entry], now: datetime) -> str | None:
    """Whether another run should have begun by now."""
    if not entries or entries[-1].state == "running":
        return None
    return _missed(entries, now, "since the last run began")


def whole(entries: Sequence[Entry]) -> list[Entry]:
    """The runs that others are compared with: the latest that completed."""
    return [each for each in entries if each.is_whole][-LOOKED_AT:]


def _reasons(entry: Entry, before: Sequence[Entry]) -> tuple[str, ...]:
    found = [_missed(before, entry.began_at, "before it") if before else None]
    if entry.nothing_new:
        found.append(_quiet(entry, before))
    elif entry.state == "killed":
        found.append("it was killed")
    elif entry.state == "stopped":
        found.append(f"it stopped: {entry.reason or 'the reason was not written down'}")
    elif entry.is_whole and len(whole(before)) >= NEEDED:
        found += _numbers(entry, whole(before))
    return tuple(filter(None, found))


def _numbers(entry: Entry, runs: Sequence[Entry]) -> list[str | None]:
    rows, of = entry.rows, f"the median of {counted(len(runs), 'run')}"
    return [
        _amount("rows read", rows.read, [e.rows.read for e in runs], of),
        _amount("rows delivered", rows.delivered, [e.rows.delivered for e in runs], of),
        _rejected(entry, runs, of),
        _time(entry.seconds, [e.seconds for e in runs], of),
    ]


def _amount(what: str, value: int, before: Sequence[int], of: str) -> str | None:
    usual = median(before)
    if not _is_far(value, before, max(_ROWS_SHARE * usual, _CHANCE * math.sqrt(usual))):
        return None
    if not usual:
        return f"{what}: {value:,}; {of} is 0"
    return f"{what} {_difference(value, usual)} {of}"


def _rejected(entry: Entry, runs: Sequence[Entry], of: str) -> str | None:
    if not entry.rows.read:
        return None
    share, before = _share(entry), [_share(each) for each in runs]
    floor = max(_REJECTED_SHARE, _REJECTED_ROWS / entry.rows.read)
    if not _is_far(share, before, floor):
        return None
    return f"rejected {share:.1%} of the rows; {of} is {median(before):.1%}"


def _share(entry: Entry) -> float:
    return entry.rows.rejected / max(1, entry.rows.read)


def _time(value: float, before: Sequence[float], of: str) -> str | None:
    usual = median(before)
    if not _is_far(value, before, max(_SECONDS_SHARE * usual, _SECONDS)):
        return None
    return f"it took {lasting(value)}, {_difference(value, usual)} {of}"


def _is_far(value: float, before: Sequence[float], floor: float) -> bool:
    usual = median(before)
    deviation = _DEVIATION_OF_MAD * median([abs(each - usual) for each in before])
    return abs(value - usual) > max(_DEVIATIONS * deviation, floor)


def _difference(value: float, usual: float) -> str:
    """ "41% below", "3.2 times": usual is not 0."""
    if value > 2 * usual:
        return f"{value / usual:,.1f} times"
    return f"{abs(value - usual) / usual:.0%} {'below' if value < usual else 'above'}"


def _gaps(entries: Sequence[Entry]) -> list[float]:
    """Seconds between the beginnings of runs that sent something; none where they are too few."""
    began = [each.began_at for each in entries if not each.nothing_new][-LOOKED_AT - 1 :]
    gaps = [(b - a).total_seconds() for a, b in pairwise(began)]
    return gaps if len(gaps) >= NEEDED else []


def _missed(before: Sequence[Entry], now: datetime, when: str) -> str | None:
    """Whether a run should have begun since the last one did."""
    gaps, gap = _gaps(before), (now - before[-1].began_at).total_seconds()
    if not gaps or gap <= _GAP * median(gaps):
        return None
    if sum(each >= _NEARLY * gap for each in gaps) > _SOMETIMES * len(gaps):
        return None
    return f"no run for {lasting(gap)} {when}; there is usually one every {lasting(median(gaps))}"


def _quiet(entry: Entry, before: Sequence[Entry]) -> str | None:
    """Whether a run usually finds something by the time that this one did not."""
    gaps = _gaps(before)
    if not gaps:
        return None
    gap, ends = median(gaps), median(_quiet_for(before))
    last = next(each for each in reversed(before) if not each.nothing_new)
    since = (entry.began_at - last.began_at).total_seconds()
    if since <= max(_QUIET * ends, _SAME_NIGHT * gap):
        return None
    return f"nothing was new; there is usually something every {lasting(gap)}"


def _quiet_for(entries: Sequence[Entry]) -> list[float]:
    """How long after each run, but the last, starts still found nothing new, in seconds."""
    quiet = [0.0]
    began = entries[0].began_at
    for each in entries:
        if each.nothing_new:
            quiet[-1] = (each.began_at - began).total_seconds()
        else:
            began = each.began_at
            quiet.append(0.0)
    return quiet[1:-1][-LOOKED_AT:]
