"""The history as people read it, and as programs do. Pure; ASCII but for names of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from backfill.history.entries import Entry
from backfill.history.odd import LOOKED_AT, NEEDED, Judged, Nights, whole
from backfill.phrases import aligned, counted, lasting
from backfill.report import sums_as_json

_HEADER = (
    "began (UTC)",
    "run",
    "ended",
    "took",
    "read",
    "delivered",
    "rejected",
    "filtered (unchanged)",
    "requests",
)

#: Columns of a bar as long as the median, and of the longest; what is longer ends in a plus.
_MEDIAN, _LONGEST = 8, 16


def lines(nights: Nights, path: Path, unread: int = 0) -> list[str]:
    """The table, newest last.

    path: the history's file; unread: lines of it that are none.
    """
    broken = [f"{counted(unread, 'line')} of {path} cannot be read."] if unread else []
    if not nights.entries:
        return [f"No history yet: {path} is not there or empty.", *broken]
    compared = whole(nights.entries)
    usual = median([each.rows.read for each in compared]) if compared else 0
    legend = _legend(len(compared), usual)
    return [*_table(nights.shown, usual), "", *legend, *_rest(nights), *broken]


def as_json(nights: Nights, path: Path, unread: int = 0) -> dict[str, Any]:
    """The object `history --json` prints; arguments as of `lines`."""
    return {
        "state": "ok",
        "runs": [_run_as_json(each) for each in nights.shown],
        "runs_total": len(nights.entries),
        "overdue": nights.late,
        "history": str(path),
        "unread_lines": unread,
        "error": None,
    }


def _run_as_json(judged: Judged) -> dict[str, Any]:
    entry = judged.entry
    return {
        "run_id": entry.run_id or None,
        "state": entry.state,
        "reason": entry.reason,
        "nothing_new": entry.nothing_new,
        "is_cut": entry.is_cut,
        "began_at": entry.began_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ended_at": entry.ended_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "elapsed_s": entry.seconds,
        "sittings": entry.sittings,
        **sums_as_json(entry.rows),
        "requests": {"sent": entry.requests, "retried": entry.retried},
        "bytes_sent": entry.bytes_sent,
        "held": entry.held,
        "streams": [{"name": name, **sums_as_json(c)} for name, c in entry.counts.items()],
        "odd": list(judged.odd),
    }


def _table(shown: Sequence[Judged], usual: float) -> Iterator[str]:
    """A line a run, with its bar and its mark, and below it a line for each reason of that."""
    header, *rows = aligned([_HEADER, *(_cells(each.entry) for each in shown)])
    yield f"{header}  rows read"
    for row, each in zip(rows, shown, strict=True):
        mark = "!" if each.odd else ""
        yield f"{row}  {_bar(each.entry.rows.read, usual)}  {mark}".rstrip()
        yield from (f"    ! {reason}" for reason in each.odd)


def _cells(entry: Entry) -> tuple[str, ...]:
    rows, began = entry.rows, f"{entry.began_at:%Y-%m-%d %H:%M}"
    if entry.nothing_new:
        return (began, entry.run_id, "nothing new", *[""] * (len(_HEADER) - 3))
    filtered = f"{rows.filtered:,}"
    if rows.filtered_unchanged:
        filtered += f" ({rows.filtered_unchanged:,})"
    return (
        began,
        entry.run_id or "not begun",
        f"{entry.state}, cut" if entry.is_cut else entry.state,
        lasting(entry.seconds),
        f"{rows.read:,}",
        f"{rows.delivered:,}",
        f"{rows.rejected:,}",
        filtered,
        f"{entry.requests:,}",
    )


def _bar(rows: int, usual: float) -> str:
    """As long as its share of the median, whose place is marked."""
    if not usual:
        return " " * (_LONGEST + 2)
    length = round(_MEDIAN * rows / usual)
    drawn = "#" * min(length, _LONGEST)
    bar = f"{drawn[:_MEDIAN]:{_MEDIAN}}|{drawn[_MEDIAN:]}{'+' if length > _LONGEST else ''}"
    return f"{bar:{_LONGEST + 2}}"


def _legend(compared: int, usual: float) -> list[str]:
    told = []
    if usual:
        of = counted(compared, "completed run")
        told.append(f"Rows read: | is the median of the latest {of}, {usual:,.0f}.")
    if compared < NEEDED:
        return [*told, f"What is odd is told from {NEEDED} completed runs on."]
    return [*told, f"! is odd against the runs before it, the last {LOOKED_AT} that completed."]


def _rest(nights: Nights) -> list[str]:
    shown, every = len(nights.shown), len(nights.entries)
    more = [f"These are the last {shown:,} of {every:,}; --last N shows more."]
    return [*([f"! {nights.late}."] if nights.late else []), *(more if shown < every else [])]
