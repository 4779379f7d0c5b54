"""Several watchers of one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backfill.courier import RequestLog
from backfill.ledger import Counts
from backfill.pipeline import Watcher
from backfill.remarks import Level
from backfill.report import Closing
from backfill.waiting import Limit


class Monitor(Watcher, Protocol):
    """A watcher that wants to know how it ended, too."""

    def closes(self, closing: Closing, exit_code: int) -> None:
        """What the run came to, and the exit code of its command."""


class Audience:
    """Who watches a run, as one; progress is told first.

    run_id: None as long as none has begun.
    """

    def __init__(self, progress: Watcher, monitors: Sequence[Monitor]) -> None:
        self.run_id: str | None = None
        self._monitors = monitors
        self._all = [progress, *monitors]

    def starts(self, run_id: str) -> None:
        """The run begins, or goes on, under this name."""
        self.run_id = run_id
        for each in self._all:
            each.starts(run_id)

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""
        for each in self._all:
            each.begins(stream, rows_done)

    def expects(self, rows: int | None) -> None:
        """How many rows the stream will have, as far as can be told by now."""
        for each in self._all:
            each.expects(rows)

    def settled(self, rows: int, rejected: int) -> None:
        """So many more rows are done, so many of them rejected."""
        for each in self._all:
            each.settled(rows, rejected)

    def requested(self, log: RequestLog) -> None:
        """A request has ended, however it did."""
        for each in self._all:
            each.requested(log)

    def ticks(self, counts: Counts, limited_by: Limit | None) -> None:
        """What is known of the stream now."""
        for each in self._all:
            each.ticks(counts, limited_by)

    def ends(self, counts: Counts) -> None:
        """The stream is finished."""
        for each in self._all:
            each.ends(counts)

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        """Something a person should know."""
        for each in self._all:
            each.says(text, event, level)

    def closes(self, closing: Closing, exit_code: int) -> None:
        """What the run came to."""
        for monitor in self._monitors:
            monitor.closes(closing, exit_code)
