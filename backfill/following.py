"""Tells a Python program how its run goes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from backfill.courier import RequestLog
from backfill.ledger import Counts
from backfill.remarks import Level
from backfill.waiting import Limit

_LOG = logging.getLogger("backfill")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    run_id:     None while nothing is sent, as by a plan.
    rows_done:  of the stream, also by earlier processes; rows_expected: None while unknown.
    limited_by: what the last second was waited for: "pace", "latency" or "encoding".
    elapsed_s:  since this process began.
    """

    run_id: str | None
    stream: str
    rows_done: int
    rows_expected: int | None
    rejected: int
    limited_by: Limit | None
    elapsed_s: float


class Follower:
    """A watcher that calls a function about once a second, and logs what people should know.

    on_progress: None: nobody is called. One that raises is not called again: it must not end a run.
    """

    def __init__(self, on_progress: Callable[[Progress], None] | None) -> None:
        self._on_progress = on_progress
        self._began_s = time.monotonic()
        self._run_id: str | None = None
        self._stream, self._done, self._rejected = "", 0, 0
        self._expected: int | None = None

    def starts(self, run_id: str) -> None:
        """The run begins, or goes on, under this name."""
        self._run_id = run_id

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""
        self._stream, self._done, self._rejected = stream, rows_done, 0
        self._expected = None
        self._tell(None)

    def expects(self, rows: int | None) -> None:
        """How many rows the stream will have, as far as can be told by now."""
        self._expected = rows

    def settled(self, rows: int, rejected: int) -> None:
        """So many more rows are done, so many of them rejected."""
        self._done += rows
        self._rejected += rejected

    def requested(self, log: RequestLog) -> None:
        """Not told: a run may make a thousand a second."""

    def ticks(self, counts: Counts, limited_by: Limit | None) -> None:
        """What is known of the stream now."""
        self._rejected = counts.rejected
        self._tell(limited_by)

    def ends(self, counts: Counts) -> None:
        """The stream is finished."""
        self._done, self._rejected = counts.done, counts.rejected
        self._expected = counts.done
        self._tell(None)

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        """Something a person should know; the parts of a Remark."""
        told = {"event": event, "run_id": self._run_id}
        _LOG.log(logging.getLevelName(level.upper()), text, extra=told)

    def _tell(self, limited_by: Limit | None) -> None:
        if self._on_progress is None:
            return
        expected = None if self._expected is None else max(self._expected, self._done)
        elapsed_s = time.monotonic() - self._began_s
        try:
            self._on_progress(
                Progress(
                    self._run_id,
                    self._stream,
                    self._done,
                    expected,
                    self._rejected,
                    limited_by,
                    elapsed_s,
                )
            )
        except Exception:
            self._on_progress = None
            told = {"run_id": self._run_id}
            _LOG.exception("on_progress failed, and is called no more", extra=told)
