"""Lines in a log: when a stream begins, now and then, and when it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from backfill.ledger import Counts
from backfill.progress import wording
from backfill.progress.tally import Tally, Turn
from backfill.remarks import Level, shown
from backfill.waiting import Limit

#: Seconds between two lines, in the first minute of a run and after it: who starts one wants to see
#: soon whether it goes well, and an import of an hour makes 65 lines.
LINE_EVERY_S_AT_FIRST, LINE_EVERY_S = 10.0, 60.0
AT_FIRST_S = 60.0


@dataclass(slots=True)
class Schedule:
    """When the next line is due. from_s: when the run began."""

    from_s: float
    said_s: float

    def is_due(self, now_s: float) -> bool:
        """Whether it is now; if so, the next one is due later."""
        is_first = now_s - self.from_s <= AT_FIRST_S
        if now_s - self.said_s < (LINE_EVERY_S_AT_FIRST if is_first else LINE_EVERY_S):
            return False
        self.said_s = now_s
        return True


class Lines(Turn):
    """A few lines a stream.

    clock_s: seconds, never backwards.
    """

    def __init__(
        self, out: TextIO | None = None, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock_s)
        self._out = out or sys.stderr
        self._schedule = Schedule(clock_s(), clock_s())
        self._lead = ""

    def starts(self, run_id: str) -> None:
        """The run begins, or goes on, under this name, with which every line begins from now on."""
        self._lead = f"{run_id} "

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""
        self.close()
        self._tally = Tally(stream, self._clock_s(), rows_done)
        self._schedule.said_s = self._clock_s()
        self.says(f"{stream}: begins" + (f" at {rows_done:,} rows done" if rows_done else ""))

    def ticks(self, counts: Counts, limited_by: Limit | None) -> None:
        """What is known of the stream now."""
        if self._tally is not None:
            now_s = self._clock_s()
            self._tally.tick(now_s, counts, limited_by)
            if self._schedule.is_due(now_s):
                self.says(wording.in_log(self._tally, now_s))

    def ends(self, counts: Counts) -> None:
        """The stream is finished."""
        if self._tally is not None:
            self._tally.tick(self._clock_s(), counts, None)
            self.says(wording.ended_in_log(self._tally, self._clock_s()))
            self._tally = None

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:  # noqa: ARG002
        """Something a person should know."""
        print(f"{self._lead}{shown(text, level)}", file=self._out, flush=True)

    def close(self) -> None:
        """Say how far the stream is that did not end."""
        if self._tally is not None:
            self.says(wording.in_log(self._tally, self._clock_s()))
            self._tally = None
