"""Who is told how a run goes, and what holds for all of its streams."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from backfill.courier import RequestLog
from backfill.ledger import Counts
from backfill.remarks import Level
from backfill.waiting import Limit


class Watcher(Protocol):
    """Who is told how the run goes; must not block."""

    def starts(self, run_id: str) -> None:
        """The run begins, or goes on, under this name."""

    def begins(self, stream: str, rows_done: int) -> None:
        """A stream's turn has come; so many of its rows are done already."""

    def expects(self, rows: int | None) -> None:
        """How many rows the stream will have, as far as can be told by now."""

    def settled(self, rows: int, rejected: int) -> None:
        """So many more rows are done, so many of them rejected."""

    def requested(self, log: RequestLog) -> None:
        """A request has ended, however it did."""

    def ticks(self, counts: Counts, limited_by: Limit | None) -> None:
        """About once a second: what became of the stream's rows, also in earlier processes.

        limited_by: what the sender is held up by; None while that is not known.
        """

    def ends(self, counts: Counts) -> None:
        """The stream is finished; one that is interrupted or stopped does not end."""

    def says(self, text: str, event: str = "remark", level: Level = "info") -> None:
        """Something a person should know; the parts of a Remark."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every stream of a run.

    now_s:          its time, unix seconds.
    limit:          how many rows of each stream take part; None: all.
    operations_max: most operations of a batch; None: as many as fit.
    is_rehearsal:   whether it goes to this machine, where no campaign can start.
    max_rejects:    of each stream that does not say it; None: any number.
    rejects:        the folder of the rejected rows.
    is_part:        whether it sends one stream of a job, or mended rows of it.
    """

    now_s: int
    limit: int | None
    operations_max: int | None
    is_rehearsal: bool
    max_rejects: int | str | None
    rejects: Path
    is_part: bool = False
