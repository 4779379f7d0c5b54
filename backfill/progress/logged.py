"""Progress as JSON lines, at the times of `Lines`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from backfill.ledger import Counts
from backfill.progress import wording
from backfill.progress.jsonlog import JsonLog
from backfill.progress.lines import Schedule
from backfill.progress.tally import Tally, Turn
from backfill.remarks import Level
from backfill.waiting import Limit


class Logged(Turn):
    """Writes what happens to a log.

    clock_s: seconds, never backwards.
    """

    def __init__(self, log: JsonLog, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock_s)
        self._log = log
        self._schedule = Schedule(clock_s(), clock_s())

    def starts(self, run_id: str) -> None:
        """The run begins, or goes on, under this name, which stands in every line from now on."""
        self._log.run_id = run_id
        self._log.write("info", "run_started", f"run {run_id} starts")

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""
        self.close()
        self._tally = Tally(stream, self._clock_s(), rows_done)
        self._schedule.said_s = self._clock_s()
        self._log.stream = stream
        self._log.write("info", "stream_started", f"{stream}: begins", rows=rows_done)

    def ticks(self, counts: Counts, limited_by: Limit | None) -> None:
        """What is known of the stream now."""
        if self._tally is not None:
            now_s = self._clock_s()
            self._tally.tick(now_s, counts, limited_by)
            if self._schedule.is_due(now_s):
                self._progress(self._tally, now_s)

    def ends(self, counts: Counts) -> None:
        """The stream is finished."""
        if self._tally is not None:
            tally, now_s = self._tally, self._clock_s()
            tally.tick(now_s, counts, None)
            facts = _facts(tally, tally.mean_rate(now_s))
            facts["elapsed_s"] = round(now_s - tally.began_s, 3)
            self._log.write("info", "stream_ended", wording.ended_in_log(tally, now_s), **facts)
            self._tally = None

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        """Something a person should know."""
        self._log.write(level, event, text)

    def close(self) -> None:
        """Say how far the stream is that did not end."""
        if self._tally is not None:
            self._progress(self._tally, self._clock_s())
        self._tally = self._log.stream = None

    def _progress(self, tally: Tally, now_s: float) -> None:
        left_s = tally.left_s(now_s)
        self._log.write(
            "info",
            "stream_progress",
            wording.in_log(tally, now_s),
            **_facts(tally, tally.rate(now_s)),
            rows_expected=tally.total,
            left_s=None if left_s is None else round(left_s),
            limited_by=tally.limited_by,
        )


def _facts(tally: Tally, rate: float | None) -> dict[str, Any]:
    rows_per_s = None if rate is None else round(rate, 1)
    return {"rows": tally.done, "rejected": tally.rejected, "rows_per_s": rows_per_s}
