"""Entries of nights that are made up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from backfill.history import Entry, looked_at, made
from backfill.ledger import Counts
from backfill.logbook import Sitting, Work

FIRST = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  #: a Monday
DAY = timedelta(days=1)


def night(day: float, read: int = 1000, rejected: int = 0, *, seconds: float = 60.0) -> Entry:
    """A run that completed, so many days after the first."""
    began_s = (FIRST + day * DAY).timestamp()
    counts = Counts(read=read, delivered=read - rejected, rejected_by_us=rejected)
    work = Work(3, 0, 900, (Sitting(began_s, began_s + seconds),))
    return made(f"run-{day}", "completed", {"people": counts}, work)


def nothing_new(day: float) -> Entry:
    return replace(night(day, 0, seconds=0.0), nothing_new=True, streams={})


def usual(reads: Sequence[int]) -> list[Entry]:
    return [night(day, read) for day, read in enumerate(reads)]


def odd(entries: Iterable[Entry]) -> list[tuple[str, ...]]:
    """The reasons of each, in the night of the last."""
    every = list(entries)
    return [each.odd for each in looked_at(every, len(every), every[-1].began_at).shown]
